package portal

import (
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The greatest lengths of texts, in characters.
const (
	MaxName        = 100
	MaxDescription = 1000
	MaxUsername    = 64
	MaxEmail       = 254
	MinPassword    = 12
	MaxPassword    = 128
)

// Name checks a required one-line text and gives it without the space around
// it. What is wrong is noted for the field; label names it in the message.
func (v *Invalid) Name(field, label, text string) string {
	text = v.OptionalName(field, label, text)
	v.Check(Fold(text) != "", field, "Enter a "+label+".")
	return text
}

// OptionalName is Name for a text that may be empty.
func (v *Invalid) OptionalName(field, label, text string) string {
	text = strings.TrimSpace(text)
	v.length(field, label, text, MaxName)
	v.Check(!strings.ContainsFunc(text, unprintable), field, "The "+label+" contains characters that do not print, such as line breaks or direction marks. Type it again without them.")
	return text
}

// Description checks an optional text of several lines.
func (v *Invalid) Description(field, label, text string) string {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	v.length(field, label, text, MaxDescription)
	v.Check(!strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && r != '\t' && unprintable(r) }), field,
		"The "+label+" contains characters that do not print. Type it again without them.")
	return text
}

func (v *Invalid) length(field, label, text string, most int) {
	v.Check(utf8.ValidString(text), field, "The "+label+" is not valid UTF-8 text.")
	v.Check(utf8.RuneCountInString(text) <= most, field, fmt.Sprintf("The %s may have %d characters at most; this has %d.", label, most, utf8.RuneCountInString(text)))
}

// unprintable holds for control and format characters, direction overrides
// among them. Texts that run from right to left need none of them; the joiners
// that some scripts and emoji need are let through, letters that show nothing
// are not.
func unprintable(r rune) bool {
	return !joiner(r) && unicode.Is(unicode.C, r) || r == '\u2028' || r == '\u2029' || blank(r)
}

// blank holds for the letters that show nothing: the fillers of Hangul, and the
// Braille pattern without dots.
func blank(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u2800', '\u3164', '\uffa0':
		return true
	}
	return false
}

func joiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

var usernameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+-]*$`)

// Username checks a username: letters, digits and . _ @ + -.
func (v *Invalid) Username(field, text string) string {
	text = strings.TrimSpace(text)
	v.Check(text != "", field, "Enter a username.")
	v.Check(len(text) <= MaxUsername, field, fmt.Sprintf("The username may have %d characters at most.", MaxUsername))
	v.Check(usernameForm.MatchString(text), field, "The username is made of the letters A–Z, digits and . _ @ + -, and begins with a letter or digit.")
	return text
}

// Email checks an address (RFC 5322 addr-spec, without a display name).
func (v *Invalid) Email(field, text string) string {
	text = strings.TrimSpace(text)
	address, err := mail.ParseAddress(text)
	v.Check(text != "", field, "Enter an e-mail address.")
	v.Check(err == nil && address.Address == text && len(text) <= MaxEmail && !strings.ContainsFunc(text, unprintable), field, "Enter an e-mail address like name@example.com.")
	return text
}

// Password checks a new password: its length, and that it is not the username.
// Anything else is left to the person (NIST SP 800-63B, section 3.1.1).
func (v *Invalid) Password(field, username, password string) {
	count := utf8.RuneCountInString(password)
	v.Check(count >= MinPassword, field, fmt.Sprintf("The password needs at least %d characters; a few words in a row make a good one.", MinPassword))
	v.Check(count <= MaxPassword && utf8.ValidString(password), field, fmt.Sprintf("The password may have %d characters at most.", MaxPassword))
	v.Check(!strings.EqualFold(password, username), field, "The password must not be the username.")
}

// Fold gives the form in which names are compared: without case, without space
// around or doubled within, and without the joiners, which don't show.
func Fold(text string) string {
	// Letters of one kind differ in lower case alone (σ and ς), or in upper case alone.
	text = strings.ToLower(strings.ToUpper(Storable(text)))
	text = strings.Map(func(r rune) rune {
		if joiner(r) {
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// Storable gives a text without what a database may refuse: bytes that are not
// UTF-8, and NUL. It is for texts that are looked up or kept as they came; what
// people name things is checked by Name and Description.
func Storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// Counted puts a number before a word: "1 user", "2 users".
func Counted(number int, word string) string {
	if number == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", number, word)
}

func fullName(first, last, otherwise string) string {
	if name := strings.TrimSpace(first + " " + last); name != "" {
		return name
	}
	return otherwise
}

func yesNo(yes bool) string {
	if yes {
		return "Yes"
	}
	return "No"
}

func dateTime(at time.Time) string {
	if at.IsZero() {
		return "Never"
	}
	return at.UTC().Format("2006-01-02 15:04 UTC")
}

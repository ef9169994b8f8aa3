package portal_test

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"keyportal/internal/portal"
)

// checked gives what a check says of a text, and what is wrong with it.
func checked(check func(*portal.Invalid) string) (text, wrong string) {
	var invalid portal.Invalid
	text = check(&invalid)
	for _, field := range portal.FieldsOf(invalid.Err()) {
		wrong += field.Message
	}
	return text, wrong
}

func named(text string) (string, string) {
	return checked(func(v *portal.Invalid) string { return v.Name("name", "name", text) })
}

func TestNamesOfAnyLanguageAreTaken(t *testing.T) {
	for what, name := range map[string]string{
		"Latin":                    "Integration (ERP), 2nd",
		"accents":                  "Zoë Ångström",
		"Hebrew":                   "מפתח לייצור",
		"Arabic":                   "مفتاح الإنتاج",
		"Persian with non-joiner":  "می\u200cخواهم",
		"Hindi with joiner":        "क्\u200dष",
		"family of joined emoji":   "Team 👩\u200d👩\u200d👧\u200d👦",
		"emoji with variation":     "I ❤\ufe0f keys",
		"mixed directions":         "Key מפתח مفتاح 1",
		"greatest length in bytes": strings.Repeat("語", portal.MaxName),
	} {
		got, wrong := named(" " + name + "\u00a0\n")
		if wrong != "" || got != name {
			t.Errorf("%s: %q became %q: %s", what, name, got, wrong)
		}
	}
}

func TestNamesThatAreEmptyTooLongOrDoNotPrintAreRefused(t *testing.T) {
	for what, test := range map[string]struct{ name, says string }{
		"empty":                   {"", "Enter a name."},
		"space":                   {" \t\n\u3000", "Enter a name."},
		"joiners alone":           {"\u200d\u200c", "Enter a name."},
		"one too long":            {strings.Repeat("語", portal.MaxName+1), "100 characters at most; this has 101"},
		"10 kB":                   {strings.Repeat("0123456789", 1024), "100 characters at most; this has 10240"},
		"NUL":                     {"a\x00b", "do not print"},
		"line break":              {"a\nb", "do not print"},
		"carriage return":         {"a\rb", "do not print"},
		"tab":                     {"a\tb", "do not print"},
		"escape":                  {"a\x1b[31mb", "do not print"},
		"delete":                  {"a\x7fb", "do not print"},
		"C1 control":              {"a\u0085b", "do not print"},
		"right-to-left override":  {"exe\u202egnp", "do not print"},
		"left-to-right override":  {"a\u202db", "do not print"},
		"embedding":               {"a\u202bb\u202c", "do not print"},
		"isolate":                 {"a\u2067b\u2069", "do not print"},
		"right-to-left mark":      {"a\u200fb", "do not print"},
		"left-to-right mark":      {"a\u200eb", "do not print"},
		"Arabic letter mark":      {"a\u061cb", "do not print"},
		"zero width space":        {"a\u200bb", "do not print"},
		"byte order mark":         {"a\ufeffb", "do not print"},
		"soft hyphen":             {"a\u00adb", "do not print"},
		"line separator":          {"a\u2028b", "do not print"},
		"paragraph separator":     {"a\u2029b", "do not print"},
		"private use":             {"a\ue000b", "do not print"},
		"Hangul filler":           {"a\u3164b", "do not print"},
		"Hangul filler alone":     {"\u3164", "do not print"},
		"Hangul initial filler":   {"a\u115fb", "do not print"},
		"Hangul medial filler":    {"a\u1160b", "do not print"},
		"halfwidth filler":        {"a\uffa0b", "do not print"},
		"Braille without dots":    {"\u2800", "do not print"},
		"tag":                     {"a\U000e0041b", "do not print"},
		"bytes that are no UTF-8": {"a\xff\xfeb", "UTF-8"},
	} {
		if _, wrong := named(test.name); !strings.Contains(wrong, test.says) {
			t.Errorf("%s: the answer is %q, want one with %q", what, wrong, test.says)
		}
	}
}

func TestAnOptionalNameMayBeEmptyButNotWorse(t *testing.T) {
	for name, taken := range map[string]bool{"": true, " ": true, "Ada": true, "A\u202eda": false, strings.Repeat("a", 101): false} {
		_, wrong := checked(func(v *portal.Invalid) string { return v.OptionalName("first_name", "first name", name) })
		wantEqual(t, name, wrong == "", taken)
	}
}

func TestADescriptionHasLines(t *testing.T) {
	got, wrong := checked(func(v *portal.Invalid) string {
		return v.Description("description", "description", " First line\r\n\tsecond line\n")
	})
	wantEqual(t, "description", got+wrong, "First line\n\tsecond line")
	for _, refused := range []string{"a\x00b", "a\rb", "a\u202eb", "a\xff", "a\x1bb", strings.Repeat("a", portal.MaxDescription+1)} {
		if _, wrong := checked(func(v *portal.Invalid) string { return v.Description("description", "description", refused) }); wrong == "" {
			t.Errorf("%.20q is taken", refused)
		}
	}
}

func TestATakenNameIsOneLineThatPrints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typed := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("aé \t\n\x00\u200d\u202e語🙂")))).Draw(t, "typed")
		name, wrong := named(typed)
		if wrong != "" {
			return
		}
		if again, wrong := named(name); again != name || wrong != "" {
			t.Fatalf("taken once, %q is then %q: %s", name, again, wrong)
		}
		if len([]rune(name)) > portal.MaxName || portal.Fold(name) == "" || strings.ContainsFunc(name, unicode.IsControl) {
			t.Fatalf("%q is taken", name)
		}
	})
}

func TestUsernamesAreLettersDigitsAndAFewSigns(t *testing.T) {
	username := func(typed string) (string, string) {
		return checked(func(v *portal.Invalid) string { return v.Username("username", typed) })
	}
	for _, taken := range []string{"ada", "Ada.Lovelace", "ada+api@example.com", "0-1_2", strings.Repeat("a", portal.MaxUsername)} {
		if got, wrong := username(" " + taken + " "); got != taken || wrong != "" {
			t.Errorf("%q became %q: %s", taken, got, wrong)
		}
	}
	for _, refused := range []string{
		"", " ", "-ada", ".ada", "@ada", "ada lovelace", "ada\x00", "ada\nlovelace", "ada/lovelace", "<ada>", "Åda", "аdmin", "ada\u200d", "ada\u202e", "ſ", "ada\xff",
		strings.Repeat("a", portal.MaxUsername+1), strings.Repeat("a", 10240),
	} {
		if _, wrong := username(refused); wrong == "" {
			t.Errorf("%.20q is taken", refused)
		}
	}
}

func TestEmailsAreBareAddresses(t *testing.T) {
	email := func(typed string) (string, string) {
		return checked(func(v *portal.Invalid) string { return v.Email("email", typed) })
	}
	for _, taken := range []string{"ada@example.com", "ada.lovelace+keys@mail.example.co.uk", "a@b", "jörg@example.com"} {
		if got, wrong := email(" " + taken + "\n"); got != taken || wrong != "" {
			t.Errorf("%q became %q: %s", taken, got, wrong)
		}
	}
	for _, refused := range []string{
		"", " ", "ada", "@example.com", "ada@", "ada@@example.com", "Ada <ada@example.com>", "<ada@example.com>", "ada@example.com, eve@example.com",
		"ada@example.com\r\nBcc: eve@example.com", "ada@exam\nple.com", "ada\u202e@example.com", "ada@example.com\x00", "a da@example.com", "ada@example.com (Ada)",
		"ada@\xff.com", strings.Repeat("a", 250) + "@example.com", strings.Repeat("a", 10240),
	} {
		if _, wrong := email(refused); wrong == "" {
			t.Errorf("%.40q is taken", refused)
		}
	}
}

func TestPasswordsNeedLengthAndNothingElse(t *testing.T) {
	for _, test := range []struct {
		password string
		says     string // "" when it is taken
	}{
		{"correct horse battery", ""},
		{"            ", ""},
		{"密码密码密码密码密码密码", ""},
		{strings.Repeat("é", portal.MaxPassword), ""},
		{"", "at least 12 characters"},
		{"elevenchars", "at least 12 characters"},
		{"密码密码密码密码密码密", "at least 12 characters"},
		{strings.Repeat("a", portal.MaxPassword+1), "128 characters at most"},
		{strings.Repeat("a", 10240), "128 characters at most"},
		{"twelve chars\xff", "128 characters at most"},
		{"ADA.lovelace.1815", "must not be the username"},
	} {
		var invalid portal.Invalid
		invalid.Password("password", "Ada.Lovelace.1815", test.password)
		err := invalid.Err()
		if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%.20q: %v, want %q", test.password, err, test.says)
		}
	}
}

func TestOneOfSomethingIsNotCountedAsMany(t *testing.T) {
	for number, want := range map[int]string{0: "0 users", 1: "1 user", 2: "2 users", 1000: "1000 users"} {
		if got := portal.Counted(number, "user"); got != want {
			t.Errorf("%d are counted as %q, want %q", number, got, want)
		}
	}
}

func TestNamesAreComparedAsPeopleSeeThem(t *testing.T) {
	for _, same := range [][2]string{
		{"Billing", "bILLING"}, {" Billing  API\t", "billing api"}, {"Zoë", "ZOË"}, {"ΟΔΟΣ", "οδος"}, {"Straẞe", "straße"}, {"می\u200cخواهم", "میخواهم"},
		{"Prod", "Pro\u200dd"}, {"a\u00a0b", "a b"},
	} {
		wantEqual(t, same[0], portal.Fold(same[0]), portal.Fold(same[1]))
	}
	for _, other := range [][2]string{{"Billing", "Biling"}, {"a b", "ab"}, {"Zoe", "Zoë"}} {
		if portal.Fold(other[0]) == portal.Fold(other[1]) {
			t.Errorf("%q and %q count as the same", other[0], other[1])
		}
	}
}

func TestFoldingFollowsUnicodeAndIsDoneOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		folded := portal.Fold(text)
		if again := portal.Fold(folded); again != folded {
			t.Fatalf("%q is folded to %q and then to %q", text, folded, again)
		}
		other := strings.Map(unicode.SimpleFold, text)
		if got := portal.Fold(other); got != folded {
			t.Fatalf("%q and %q differ in case alone and are folded to %q and %q", text, other, folded, got)
		}
	})
}

func TestWhatADatabaseMayRefuseIsReplaced(t *testing.T) {
	for text, want := range map[string]string{"": "", "plain ü 🙂": "plain ü 🙂", "a\x00b": "a\uFFFDb", "a\xffb": "a\uFFFDb", "line\nbreak": "line\nbreak"} {
		wantEqual(t, text, portal.Storable(text), want)
	}
}

// Package secret makes, reads, masks and hashes the credentials that Key Portal
// hands out.
//
// A credential is a prefix that a scanner can find, 256 random bits in base62
// and a CRC-32 of all that precedes it, again in base62 (the scheme that GitHub
// described for its tokens):
//
//	kp_ 43 random characters 6 characters of checksum
//	acme_kp_…                with an installation's brand in front
//
// The checksum lets junk be refused without a look-up; it is no protection of
// its own. Only the SHA-256 of a credential is stored: with 256 random bits
// there is nothing that a slow hash could make harder.
package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"math/big"
	"strings"
)

// Prefix tells what a credential is.
type Prefix string

// The prefixes of the credentials, public halves included.
const (
	Token        Prefix = "kp"  // the one secret of a token key
	SecurityKey  Prefix = "kps" // the secret half of a key pair
	AccessKey    Prefix = "kpa" // the public half of a key pair
	ClientSecret Prefix = "kpo" // the secret half of an OAuth client
	ClientID     Prefix = "kpc" // the public half of an OAuth client
	AccessToken  Prefix = "kpt" // what an OAuth client exchanges its secret for
	Link         Prefix = "kpl" // the token of a one-time link
	Session      Prefix = "kpn" // the token of a browser session
)

const (
	randomLength   = 43 // base62 digits that hold 256 bits
	checksumLength = 6  // base62 digits that hold 32 bits
	tailLength     = 4
	maxLength      = 128
	alphabet       = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// ErrMalformed is what Parse answers for a text that cannot be a credential.
var ErrMalformed = errors.New("not a Key Portal credential: its form or checksum is wrong")

// Hash is the SHA-256 of a credential, the form in which it is stored.
type Hash [sha256.Size]byte

// Value is a credential in clear. It prints, logs and marshals as its mask;
// Reveal alone gives the text.
type Value struct{ clear string }

// New makes a fresh credential. The brand, of lower-case
// letters and digits, may be empty.
func New(brand string, prefix Prefix) Value {
	var random [sha256.Size]byte
	rand.Read(random[:]) // never fails: crypto/rand ends the program instead
	head := string(prefix) + "_"
	if brand != "" {
		head = brand + "_" + head
	}
	body := head + base62(new(big.Int).SetBytes(random[:]), randomLength)
	sum := checksum(body)
	return Value{body + string(sum[:])}
}

// Restore gives a credential that was kept as text, such as one that was sealed.
// The error is ErrMalformed.
func Restore(text string) (Value, error) {
	_, err := Parse(text)
	if err != nil {
		return Value{}, err
	}
	return Value{text}, nil
}

// Parse checks the form and the checksum of a credential and tells its prefix.
// It does no I/O. The error is ErrMalformed.
func Parse(text string) (Prefix, error) {
	if len(text) > maxLength {
		return "", ErrMalformed
	}
	cut := strings.LastIndexByte(text, '_')
	if cut < 0 || len(text)-cut-1 != randomLength+checksumLength {
		return "", ErrMalformed
	}
	split := len(text) - checksumLength
	if sum := checksum(text[:split]); string(sum[:]) != text[split:] {
		return "", ErrMalformed
	}
	head := text[:cut]
	if brand := strings.LastIndexByte(head, '_'); brand >= 0 {
		head = head[brand+1:]
	}
	switch prefix := Prefix(head); prefix {
	case Token, SecurityKey, AccessKey, ClientSecret, ClientID, AccessToken, Link, Session:
		return prefix, nil
	}
	return "", ErrMalformed
}

// HashOf gives the SHA-256 of a credential as it was sent.
func HashOf(text string) Hash {
	var short [maxLength]byte // spares most texts the heap
	return sha256.Sum256(append(short[:0], text...))
}

// HashOfPair gives the form in which the secret of a key pair is stored: the SHA-256
// of both halves, so that they are looked up together, and a wrong half can't be told
// from another.
func HashOfPair(accessKey, securityKey string) Hash {
	return HashOf(accessKey + " " + securityKey) // no credential has a space in it
}

// Mask shortens a credential to what may be shown: prefix and last four
// characters ("kp_…aB3d"). A text that is no credential becomes "…".
func Mask(text string) string {
	if _, err := Parse(text); err != nil {
		return "…"
	}
	return text[:strings.LastIndexByte(text, '_')+1] + "…" + text[len(text)-tailLength:]
}

// Reveal gives the credential in clear. It belongs into one HTTP response or on
// the standard output of one command, and nowhere else.
func (v Value) Reveal() string { return v.clear }

// Hash gives the form in which the credential is stored.
func (v Value) Hash() Hash { return HashOf(v.clear) }

// Mask gives the form in which the credential may be shown.
func (v Value) Mask() string { return Mask(v.clear) }

// IsZero tells whether there is no credential.
func (v Value) IsZero() bool { return v.clear == "" }

// String gives the mask, so that a credential is never printed by mistake.
func (v Value) String() string { return v.Mask() }

// Format gives the mask for every verb, %#v included.
func (v Value) Format(f fmt.State, _ rune) { fmt.Fprint(f, v.Mask()) }

// LogValue gives the mask.
func (v Value) LogValue() slog.Value { return slog.StringValue(v.Mask()) }

// MarshalText gives the mask.
func (v Value) MarshalText() ([]byte, error) { return []byte(v.Mask()), nil }

func base62(n *big.Int, width int) string {
	digits := make([]byte, width)
	base, digit := big.NewInt(int64(len(alphabet))), new(big.Int)
	for i := width - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		digits[i] = alphabet[digit.Int64()]
	}
	return string(digits)
}

// checksum goes over the body byte by byte: crc32's own functions take a slice, for which
// every check would need the heap.
func checksum(body string) (digits [checksumLength]byte) {
	sum := ^uint32(0)
	for i := range len(body) {
		sum = crc32.IEEETable[byte(sum)^body[i]] ^ sum>>8
	}
	sum = ^sum
	for i := checksumLength - 1; i >= 0; i-- {
		digits[i] = alphabet[sum%62]
		sum /= 62
	}
	return digits
}

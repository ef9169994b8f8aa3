package config

import (
	"fmt"
	"io"
	"log/slog"
	"regexp"
)

// SecretURL is a file name, or a URL that may hold a password. However it is
// printed, logged or encoded, the password reads ***; only [SecretURL.Reveal]
// gives it.
type SecretURL string

// Where a URL holds a password. Both take too much rather than too little,
// since special characters in a password are easily left unescaped.
var (
	userPassword      = regexp.MustCompile(`(://[^:/?#@]*):.*@`)
	parameterPassword = regexp.MustCompile(`(?i)([?&][^=&]*password=)[^&]*`)
)

// Reveal returns the setting with its password, for the driver that connects
// with it.
func (s SecretURL) Reveal() string { return string(s) }

// String returns the setting with its password masked.
func (s SecretURL) String() string {
	masked := userPassword.ReplaceAllString(string(s), "$1:***@")
	return parameterPassword.ReplaceAllString(masked, "$1***")
}

// Format writes String for every verb, %#v included.
func (s SecretURL) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalText is String, for JSON and other encoders.
func (s SecretURL) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue is String, for the log.
func (s SecretURL) LogValue() slog.Value { return slog.StringValue(s.String()) }

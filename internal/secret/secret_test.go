package secret_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyportal/internal/secret"
)

var prefixes = []secret.Prefix{
	secret.Token, secret.SecurityKey, secret.AccessKey, secret.ClientSecret,
	secret.ClientID, secret.AccessToken, secret.Link, secret.Session,
}

func TestACredentialHasItsPrefixRandomPartAndChecksum(t *testing.T) {
	for _, prefix := range prefixes {
		text := secret.New("", prefix).Reveal()
		if !regexp.MustCompile(`^` + string(prefix) + `_[0-9A-Za-z]{49}$`).MatchString(text) {
			t.Errorf("%q does not have the form of a %s credential", text, prefix)
		}
		if got, err := secret.Parse(text); err != nil || got != prefix {
			t.Errorf("Parse(%q) = %q, %v", text, got, err)
		}
	}
}

func TestABrandStandsInFrontOfThePrefix(t *testing.T) {
	text := secret.New("acme", secret.Token).Reveal()
	if !strings.HasPrefix(text, "acme_kp_") {
		t.Fatalf("%q has no brand", text)
	}
	if got, err := secret.Parse(text); err != nil || got != secret.Token {
		t.Fatalf("Parse(%q) = %q, %v", text, got, err)
	}
	if masked := secret.Mask(text); masked != "acme_kp_…"+text[len(text)-4:] {
		t.Fatalf("mask is %q", masked)
	}
}

func TestTwoCredentialsAreNeverTheSame(t *testing.T) {
	seen := map[string]bool{}
	for range 10_000 {
		text := secret.New("", secret.Token).Reveal()
		if seen[text] {
			t.Fatalf("%q came twice", text)
		}
		seen[text] = true
	}
}

func TestTheHashOfAPairCoversBothHalvesInTheirPlaces(t *testing.T) {
	access, security, other := secret.New("", secret.AccessKey).Reveal(), secret.New("", secret.SecurityKey).Reveal(), secret.New("", secret.SecurityKey).Reveal()
	seen := map[secret.Hash]string{}
	for what, hash := range map[string]secret.Hash{
		"the pair": secret.HashOfPair(access, security), "another Security Key": secret.HashOfPair(access, other), "another Access Key": secret.HashOfPair(other, security),
		"the halves swapped": secret.HashOfPair(security, access), "the Access Key": secret.HashOf(access), "the Security Key": secret.HashOf(security),
		"both in one": secret.HashOf(access + security), "no Security Key": secret.HashOfPair(access, ""), "no Access Key": secret.HashOfPair("", security),
	} {
		if first, taken := seen[hash]; taken {
			t.Errorf("%s and %s have one hash", what, first)
		}
		seen[hash] = what
	}
}

func TestAnyChangedCharacterBreaksTheChecksum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(secret.New("", rapid.SampledFrom(prefixes).Draw(t, "prefix")).Reveal())
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		other := rapid.Byte().Filter(func(b byte) bool { return b != text[at] }).Draw(t, "other")
		text[at] = other
		if prefix, err := secret.Parse(string(text)); err == nil {
			t.Fatalf("%q was read as %q", text, prefix)
		}
	})
}

func TestJunkIsMalformed(t *testing.T) {
	for _, junk := range []string{"", "_", "kp_", "kp_short", "hello", strings.Repeat("a", 10_000), "kp_" + strings.Repeat("0", 49)} {
		if _, err := secret.Parse(junk); err != secret.ErrMalformed {
			t.Errorf("Parse(%.20q) = %v, want ErrMalformed", junk, err)
		}
		if got := secret.Mask(junk); got != "…" {
			t.Errorf("Mask(%.20q) = %q shows something of it", junk, got)
		}
	}
}

func TestAValueNeverPrintsItself(t *testing.T) {
	value := secret.New("", secret.Token)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("made", "secret", value)
	asJSON, err := json.Marshal(map[string]any{"secret": value})
	if err != nil {
		t.Fatal(err)
	}
	held := struct{ V secret.Value }{value}
	printed := fmt.Sprint(value) + fmt.Sprintf("%v %+v %#v %q %s %x", held, held, held, value, value, value) + string(asJSON) + log.String()
	if strings.Contains(printed, value.Reveal()[3:20]) {
		t.Fatalf("the secret was printed: %s", printed)
	}
	if !strings.Contains(printed, value.Mask()) {
		t.Fatalf("no mask in %s", printed)
	}
}

func BenchmarkParse(b *testing.B) {
	text := secret.New("", secret.Token).Reveal()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := secret.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

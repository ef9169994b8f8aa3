package portal_test

import (
	"testing"
	"time"

	"keyportal/internal/portal"
)

func TestAKeysStateIsTheGravestThatHolds(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name string
		key  portal.Key
		want portal.KeyState
	}{
		{"never expires", portal.Key{Enabled: true}, portal.KeyActive},
		{"expires later", portal.Key{Enabled: true, ExpiresAt: now.Add(1)}, portal.KeyActive},
		{"expires now", portal.Key{Enabled: true, ExpiresAt: now}, portal.KeyExpired},
		{"expired", portal.Key{Enabled: true, ExpiresAt: now.Add(-1)}, portal.KeyExpired},
		{"disabled", portal.Key{}, portal.KeyDisabled},
		{"disabled and expired", portal.Key{ExpiresAt: now.Add(-1)}, portal.KeyDisabled},
		{"revoked", portal.Key{Enabled: true, RevokedAt: now}, portal.KeyRevoked},
		{"revoked, disabled and expired", portal.Key{RevokedAt: now.Add(-1), ExpiresAt: now.Add(-1)}, portal.KeyRevoked},
	} {
		wantEqual(t, test.name, test.key.State(now), test.want)
		wantEqual(t, test.name+": revoked", test.key.Revoked(), test.want == portal.KeyRevoked)
	}
}

func TestKeyStatesHaveLabels(t *testing.T) {
	var labels []string
	for _, state := range portal.KeyStates {
		labels = append(labels, state.Label())
	}
	wantEqual(t, "labels", labels, []string{"Active", "Expired", "Disabled", "Revoked"})
}

func TestAPublicIDIsShortenedToBothItsEnds(t *testing.T) {
	for id, want := range map[string]string{
		"": "", "kpa_short": "kpa_short", "kpa_0123456789": "kpa_0123…6789", "acme_kpa_ABCD0000000000WXYZ": "acme_kpa_ABCD…WXYZ",
	} {
		if got := (portal.Key{PublicID: id}).ShortPublicID(); got != want {
			t.Errorf("%q is shortened to %q, want %q", id, got, want)
		}
	}
}

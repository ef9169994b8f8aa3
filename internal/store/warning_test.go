package store_test

import (
	"errors"
	"strings"
	"testing"

	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// otherMAC is that of another keyset.
type otherMAC struct{}

func (otherMAC) MAC(data []byte) ([]byte, error) { return storetest.MAC{}.MAC(data) }

func (otherMAC) VerifyMAC([]byte, []byte) error { return errors.New("not mine") }

func TestTheOperatorIsWarnedOfAnotherKeyset(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		wantEqual(t, "warnings of an empty database", must[[]string](t)(s.Warnings(t.Context())), []string(nil))
		storetest.NewFixture(t, s)
		wantEqual(t, "warnings", must[[]string](t)(s.Warnings(t.Context())), []string(nil))
		other := must[*store.Store](t)(store.Open(t.Context(), storetest.Of(s).URL, store.Options{MAC: otherMAC{}}))
		defer other.Close()
		warnings := must[[]string](t)(other.Warnings(t.Context()))
		if len(warnings) != 1 || !strings.Contains(warnings[0], "the keyset is not the one that belongs to the database") {
			t.Errorf("it warns of %q", warnings)
		}
	})
}

package verify_test

import (
	"strings"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

const oldKey = "live_51:H8x/Yz+0 Q=="

// withImported adds a key of the fixture's user to it that has an old text as its secret.
func withImported(t testing.TB, s *store.Store, f storetest.Fixture, text string) storetest.Fixture {
	t.Helper()
	f.Key = storetest.ImportedKey(t, s, f.Membership, text, func(k *portal.Key) { k.APISets = []portal.APISet{f.Billing} })
	return f
}

func forOldKey(text string) verify.Request {
	return verify.Request{Credential: text, ClientIP: client, APISet: "billing"}
}

func TestAnImportedKeyPassesAsAnyOther(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := withImported(t, s, storetest.NewFixture(t, s), oldKey)
		c := verify.New(s, verify.Options{})
		got := check(t, c, forOldKey(oldKey))
		if !got.Valid() || got.Subject.KeyID != f.Key.ID || got.Subject.UserID != f.User.ID {
			t.Errorf("got %+v", got)
		}
		flush(t, c)
		if got := readUse(t, s, f.Key.ID); len(got.tallies) != 1 || got.tallies[0].Accepted != 1 {
			t.Errorf("its use is %+v", got)
		}
		dunning := forOldKey(oldKey)
		dunning.APISet = "dunning"
		expectCode(t, c, dunning, "API_SET_NOT_GRANTED")
		for _, near := range []string{oldKey[1:], oldKey + " ", " " + oldKey, strings.ToLower(oldKey), oldKey + ", " + oldKey, "junk"} {
			if got := check(t, c, forOldKey(near)); got.Code != "MALFORMED" || got.Subject.KeyID != 0 {
				t.Errorf("%q: got %+v", near, got)
			}
		}
	})
}

func TestAnImportedKeyIsRefusedForWhateverRefusesAnyOther(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		fixture := storetest.NewFixture(t, s)
		c := verify.New(s, verify.Options{})
		for _, fault := range steps {
			text := storetest.Organization(t, s).Name // one of its own
			f := withImported(t, s, anotherClient(t, s, fixture), text)
			r, want := forOldKey(text), fault.code
			fault.step(t, s, &f, &r)
			switch want {
			case "NOT_FOUND":
				if r.Credential == text { // its secret is retired: nothing of that text is known
					want = "MALFORMED"
				}
			case "LICENSE_INACTIVE": // it has no license
				want = "VALID"
			}
			if got := check(t, c, r).Code; got != want {
				t.Errorf("%s: got %s, want %s", fault.code, got, want)
			}
		}
	})
}

func TestOnlyImportedSecretsAreFoundByATextOfAnotherForm(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		withImported(t, s, f, oldKey)
		c := verify.New(s, verify.Options{})
		pair, security := storetest.Key(t, s, f.Membership, func(k *portal.Key) { k.Kind, k.APISets = portal.PairKey, []portal.APISet{f.Billing} })
		oauth := withClient(t, s, &f)
		long, longest := strings.Repeat("k", 4097), strings.Repeat("k", 4096)
		withImported(t, s, f, long)
		withImported(t, s, f, longest)
		// What is stored by its hash as something else is no API key, however it is sent.
		for what, credential := range map[string]string{
			"both halves of a pair": pair.PublicID + " " + security.Reveal(),
			"half of a pair":        security.Reveal(),
			"a Client Secret":       oauth.Secret,
			"a Client ID":           oauth.ID,
			"a text that is longer": long,
		} {
			if d, err := c.Check(t.Context(), forOldKey(credential)); err != nil || d.Code != "MALFORMED" || d.Subject.KeyID != 0 {
				t.Errorf("%s: got %+v, %v", what, d, err)
			}
		}
		expectCode(t, c, forOldKey(longest), "VALID")
		beside := forOldKey(oldKey)
		beside.AccessKey, beside.SecurityKey = pair.PublicID, security.Reveal()
		if d, err := c.Check(t.Context(), beside); err != nil || d.Code != "MALFORMED" {
			t.Errorf("beside a pair: got %+v, %v", d, err)
		}
		if d, err := c.CheckClient(t.Context(), verify.ClientRequest{ID: oauth.ID, Secret: oldKey}); err != nil || d.Code != "NOT_FOUND" {
			t.Errorf("as a Client Secret: got %+v, %v", d, err)
		}
	})
}

// An installation that moves in from another Key Portal has keys of our own form. Who
// sends one has the text whose hash was imported.
func TestAnImportedKeyMayLookLikeOneOfOurs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c, text := verify.New(s, verify.Options{}), secret.New("other", secret.Token).Reveal()
		withImported(t, s, storetest.NewFixture(t, s), text)
		expectCode(t, c, forOldKey(text), "VALID")
		expectCode(t, c, forOldKey(secret.New("other", secret.Token).Reveal()), "NOT_FOUND")
	})
}

func TestAnImportedKeyIsRotatedIntoOneOfOurs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := withImported(t, s, storetest.NewFixture(t, s), oldKey)
		c, clock, value := verify.New(s, verify.Options{}), storetest.Of(s).Clock, secret.New("", secret.Token)
		change(t, s, portal.Revision{Noun: portal.NounKey}, func(ch *store.Change) error {
			return ch.RotateSecret(t.Context(), f.Key, storetest.Secret(value), s.Now().Add(time.Hour))
		})
		expectCode(t, c, forOldKey(oldKey), "VALID")
		expectCode(t, c, forOldKey(value.Reveal()), "VALID")
		clock.Advance(time.Hour)
		expectCode(t, c, forOldKey(oldKey), "NOT_FOUND")
		expectCode(t, c, forOldKey(value.Reveal()), "VALID")
	})
}

func TestTheFirstImportCountsOnTheNextCheck(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		both := twoCheckers(t, s)
		expect(t, both, forOldKey(oldKey), "MALFORMED")
		withImported(t, s, f, oldKey)
		expect(t, both, forOldKey(oldKey), "VALID")
		execute(t, s, `UPDATE secrets SET retired_at = 1 WHERE imported`)
		expect(t, both, forOldKey(oldKey), "MALFORMED")
	})
}

func TestJunkIsNotDecidedBeforeItIsKnownWhetherKeysWereImported(t *testing.T) {
	s := storetest.SQLite(t)
	withImported(t, s, storetest.NewFixture(t, s), oldKey)
	knows, c := verify.New(s, verify.Options{}), verify.New(s, verify.Options{})
	expectCode(t, knows, forOldKey(oldKey), "VALID")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	expectCode(t, knows, forOldKey(oldKey), "VALID")
	for c, credential := range map[*verify.Checker]string{knows: "another", c: oldKey} {
		if d, err := c.Check(t.Context(), forOldKey(credential)); err == nil || d.Valid() {
			t.Errorf("got %+v, %v", d, err)
		}
		for what, credential := range map[string]string{"a Client Secret": secret.New("", secret.ClientSecret).Reveal(), "10 kB": strings.Repeat("k", 10<<10)} {
			if d, err := c.Check(t.Context(), forOldKey(credential)); err != nil || d.Code != "MALFORMED" {
				t.Errorf("%s needs no store: got %+v, %v", what, d, err)
			}
		}
	}
}

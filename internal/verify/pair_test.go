package verify_test

import (
	"slices"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

// withPair makes the fixture's key a key pair, and gives the request that it passes.
func withPair(t testing.TB, s *store.Store, f *storetest.Fixture) verify.Request {
	t.Helper()
	f.Key, f.Secret = storetest.Key(t, s, f.Membership, func(k *portal.Key) {
		k.Kind, k.LicenseID, k.APISets = portal.PairKey, f.License.ID, []portal.APISet{f.Billing, f.Revenue}
	})
	return verify.Request{AccessKey: f.Key.PublicID, SecurityKey: f.Secret.Reveal(), ClientIP: client, APISet: f.Billing.Slug}
}

func checkPair(t testing.TB, c *verify.Checker, r verify.Request) verify.Decision {
	t.Helper()
	d, err := c.Check(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAKeyPairPassesWithBothHalvesAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		token := f.Secret.Reveal()
		right, c := withPair(t, s, &f), verify.New(s, verify.Options{})
		if got := checkPair(t, c, right); !got.Valid() || got.Subject.KeyID != f.Key.ID || got.Subject.Kind != portal.PairKey || got.Subject.PublicID != right.AccessKey || len(got.Subject.APISets) != 1 {
			t.Fatalf("got %+v", got)
		}
		for what, test := range map[string]struct {
			edit func(*verify.Request)
			want verify.Code
		}{
			"no Security Key":                     {func(r *verify.Request) { r.SecurityKey = "" }, "MISSING"},
			"no Access Key":                       {func(r *verify.Request) { r.AccessKey = "" }, "MISSING"},
			"the Security Key as an API key":      {func(r *verify.Request) { r.Credential, r.AccessKey, r.SecurityKey = r.SecurityKey, "", "" }, "MALFORMED"},
			"the Access Key as an API key":        {func(r *verify.Request) { r.Credential, r.AccessKey, r.SecurityKey = r.AccessKey, "", "" }, "MALFORMED"},
			"an API key beside them":              {func(r *verify.Request) { r.Credential = token }, "MALFORMED"},
			"an API key beside the Access Key":    {func(r *verify.Request) { r.Credential, r.SecurityKey = token, "" }, "MALFORMED"},
			"the halves swapped":                  {func(r *verify.Request) { r.AccessKey, r.SecurityKey = r.SecurityKey, r.AccessKey }, "MALFORMED"},
			"junk for both":                       {func(r *verify.Request) { r.AccessKey, r.SecurityKey = "a", "b" }, "MALFORMED"},
			"an API key in place of the security": {func(r *verify.Request) { r.SecurityKey = token }, "NOT_FOUND"},
		} {
			r := right
			test.edit(&r)
			got := checkPair(t, c, r)
			if got.Code != test.want || got.Subject.KeyID != 0 {
				t.Errorf("%s: got %+v, want %s", what, got, test.want)
			}
			if got.Message == test.want.Message() {
				t.Errorf("%s: what is said is of one API key: %q", what, got.Message)
			}
		}
	})
}

func TestNoAnswerTellsWhichHalfOfAPairIsWrong(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		right, c := withPair(t, s, &f), verify.New(s, verify.Options{})
		other := anotherClient(t, s, f)
		theirs := withPair(t, s, &other)
		unknown := checkPair(t, c, verify.Request{
			AccessKey: secret.New("", secret.AccessKey).Reveal(), SecurityKey: secret.New("", secret.SecurityKey).Reveal(), ClientIP: client, APISet: f.Billing.Slug,
		})
		if unknown.Code != "NOT_FOUND" || unknown.Subject.KeyID != 0 || unknown.Message == portal.CheckNotFound.Message() {
			t.Fatalf("an unknown pair: %+v", unknown)
		}
		for what, edit := range map[string]func(*verify.Request){
			"another's Security Key":     func(r *verify.Request) { r.SecurityKey = theirs.SecurityKey },
			"another's Access Key":       func(r *verify.Request) { r.AccessKey = theirs.AccessKey },
			"an unknown Security Key":    func(r *verify.Request) { r.SecurityKey = secret.New("", secret.SecurityKey).Reveal() },
			"an unknown Access Key":      func(r *verify.Request) { r.AccessKey = secret.New("", secret.AccessKey).Reveal() },
			"a truncated Security Key":   func(r *verify.Request) { r.SecurityKey = r.SecurityKey[:len(r.SecurityKey)-1] },
			"a truncated Access Key":     func(r *verify.Request) { r.AccessKey = r.AccessKey[:len(r.AccessKey)-1] },
			"junk for the Security Key":  func(r *verify.Request) { r.SecurityKey = "junk" },
			"junk for the Access Key":    func(r *verify.Request) { r.AccessKey = "junk" },
			"the Access Key twice":       func(r *verify.Request) { r.SecurityKey = r.AccessKey },
			"the Security Key twice":     func(r *verify.Request) { r.AccessKey = r.SecurityKey },
			"the Access Key, two values": func(r *verify.Request) { r.AccessKey += ", " + r.AccessKey },
		} {
			r := right
			edit(&r)
			got := checkPair(t, c, r)
			if got.Code != unknown.Code || got.Message != unknown.Message || got.APISet != unknown.APISet || got.Subject.KeyID != 0 {
				t.Errorf("%s: got %+v, want what is said of an unknown pair", what, got)
			}
		}
	})
}

func TestAKeyPairIsHeldToTheRulesOfItsKeyInTheirOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		fixture := storetest.NewFixture(t, s)
		c, faults := verify.New(s, verify.Options{}), slices.Clone(steps)
		faults = slices.DeleteFunc(faults, func(one struct {
			code verify.Code
			step step
		}) bool {
			return slices.Contains([]verify.Code{"MISSING", "MALFORMED", "NOT_FOUND"}, one.code)
		})
		for i, first := range faults {
			f := anotherClient(t, s, fixture)
			r := withPair(t, s, &f)
			if got := checkPair(t, c, r); !got.Valid() {
				t.Fatalf("got %+v", got)
			}
			for _, fault := range slices.Backward(faults[i:min(i+2, len(faults))]) {
				fault.step(t, s, &f, &r)
			}
			if got := checkPair(t, c, r).Code; got != first.code {
				t.Errorf("%s: got %s", first.code, got)
			}
		}
	})
}

func TestAKeyPairCanAskForChecks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		role := storetest.Role(t, s, f.Organization, []portal.Authority{portal.VerifyKeys})
		f.Membership = storetest.Member(t, s, f.Organization, storetest.User(t, s), role)
		r, c := withPair(t, s, &f), verify.New(s, verify.Options{})
		if got, err := c.CheckCaller(t.Context(), r); err != nil || !got.Valid() {
			t.Errorf("got %+v, %v", got, err)
		}
		r.SecurityKey = ""
		if got, err := c.CheckCaller(t.Context(), r); err != nil || got.Code != "MISSING" {
			t.Errorf("with half of it: %+v, %v", got, err)
		}
	})
}

package verify_test

import (
	"context"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

var client = netip.MustParseAddr("192.0.2.7")

// forBilling asks for what the fixture's key may do.
func forBilling(f storetest.Fixture) verify.Request {
	return verify.Request{Credential: f.Secret.Reveal(), ClientIP: client, APISet: "billing"}
}

func check(t testing.TB, c *verify.Checker, r verify.Request) verify.Decision {
	t.Helper()
	d, err := c.Check(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if want := d.Code.Message(); d.Message != want || want == "" {
		t.Errorf("%s has the message %q", d.Code, d.Message)
	}
	return d
}

func TestAValidKeyIsDescribed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		got := check(t, verify.New(s, verify.Options{}), forBilling(f))
		if !got.Valid() || got.Code != "VALID" || got.APISet != "billing" {
			t.Fatalf("got %+v", got)
		}
		subject := got.Subject
		want := portal.Subject{
			Revision: subject.Revision, SecretID: subject.SecretID, KeyID: f.Key.ID, KeyName: f.Key.Name, Kind: portal.TokenKey, KeyEnabled: true, KeyExpiresAt: f.Key.ExpiresAt,
			UserID: f.User.ID, Username: f.User.Username, UserEnabled: true, Member: true,
			OrganizationID: f.Organization.ID, OrganizationName: f.Organization.Name,
			LicenseID: f.License.ID, LicenseNumber: f.License.Number, LicenseActive: true, Domain: f.License.Domain,
			Application: f.Application.Name, APISets: []string{"billing"},
		}
		if len(subject.AllowedNetworks) == 0 {
			subject.AllowedNetworks = nil
		}
		if !reflect.DeepEqual(subject, want) {
			t.Errorf("got  %+v\nwant %+v", subject, want)
		}
		if !got.ExpiresAt().Equal(f.Key.ExpiresAt) {
			t.Errorf("it ends %v", got.ExpiresAt())
		}
	})
}

// step brings about an outcome for a client's key or for the request with it.
type step func(*testing.T, *store.Store, *storetest.Fixture, *verify.Request)

func stepKey(edit func(*portal.Key)) step {
	return func(t *testing.T, s *store.Store, f *storetest.Fixture, _ *verify.Request) { editKey(t, s, f, edit) }
}

func stepUser(edit func(*portal.User)) step {
	return func(t *testing.T, s *store.Store, f *storetest.Fixture, _ *verify.Request) { editUser(t, s, f, edit) }
}

func stepRequest(edit func(*verify.Request)) step {
	return func(_ *testing.T, _ *store.Store, _ *storetest.Fixture, r *verify.Request) { edit(r) }
}

func suspend(t *testing.T, s *store.Store, f *storetest.Fixture, _ *verify.Request) {
	editOrganization(t, s, f, func(o *portal.Organization) { o.Suspended = true })
}

func endMembership(t *testing.T, s *store.Store, f *storetest.Fixture, _ *verify.Request) {
	editMembership(t, s, f, func(m *portal.Membership) { m.EndedAt = m.CreatedAt })
}

func endLicense(t *testing.T, s *store.Store, f *storetest.Fixture, _ *verify.Request) {
	execute(t, s, `UPDATE licenses SET active = FALSE WHERE id = $1`, f.License.ID)
}

func retireSecret(t *testing.T, s *store.Store, f *storetest.Fixture, _ *verify.Request) {
	execute(t, s, `UPDATE secrets SET retired_at = 1 WHERE key_id = $1`, f.Key.ID)
}

// execute changes something around the store, and has the store tell of a change.
func execute(t *testing.T, s *store.Store, statement string, args ...any) {
	t.Helper()
	storetest.Exec(t, storetest.SQL(t, s), statement, args...)
	storetest.Change(t, s, func(*store.Change) error { return nil })
}

// steps stand in the order in which their outcomes are decided.
var steps = []struct {
	code verify.Code
	step step
}{
	{"MISSING", stepRequest(func(r *verify.Request) { r.Credential = "" })},
	{"MALFORMED", stepRequest(func(r *verify.Request) { r.Credential = secret.New("", secret.Link).Reveal() })},
	{"NOT_FOUND", stepRequest(func(r *verify.Request) { r.Credential = secret.New("", secret.Token).Reveal() })},
	{"NOT_FOUND", retireSecret},
	{"REVOKED", stepKey(func(k *portal.Key) { k.RevokedAt = k.CreatedAt })},
	{"DISABLED", stepKey(func(k *portal.Key) { k.Enabled = false })},
	{"EXPIRED", stepKey(func(k *portal.Key) { k.ExpiresAt = k.CreatedAt })},
	{"USER_DISABLED", stepUser(func(u *portal.User) { u.Enabled = false })},
	{"USER_DISABLED", endMembership},
	{"USER_LOCKED", stepUser(func(u *portal.User) { u.Locked = true })},
	{"USER_EXPIRED", stepUser(func(u *portal.User) { u.PasswordExpired = true })},
	{"ORG_SUSPENDED", suspend},
	{"LICENSE_INACTIVE", endLicense},
	{"LICENSE_MISMATCH", stepRequest(func(r *verify.Request) { r.License = "1" })},
	{"LICENSE_MISMATCH", stepRequest(func(r *verify.Request) { r.Instance = "BE0" })},
	{"IP_NOT_ALLOWED", stepKey(func(k *portal.Key) { k.AllowedNetworks = []string{"198.51.100.0/24", "2001:db8::/32"} })},
	{"IMPERSONATION_NOT_ALLOWED", stepRequest(func(r *verify.Request) { r.Impersonate = []string{"1"} })},
	{"API_SET_NOT_GRANTED", stepRequest(func(r *verify.Request) { r.APISet = "dunning" })},
}

// anotherClient adds a client with a user and a key like the fixture's.
func anotherClient(t *testing.T, s *store.Store, f storetest.Fixture) storetest.Fixture {
	f.Organization, f.User = storetest.Organization(t, s), storetest.User(t, s)
	f.Role = storetest.Role(t, s, f.Organization, nil, f.Billing, f.Dunning)
	f.Membership = storetest.Member(t, s, f.Organization, f.User, f.Role)
	f.License = storetest.License(t, s, f.Organization)
	f.Key, f.Secret = storetest.Key(t, s, f.Membership, func(k *portal.Key) {
		k.LicenseID, k.APISets = f.License.ID, []portal.APISet{f.Billing}
	})
	return f
}

func TestEveryOutcomeIsReachedAndOutweighsTheNext(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		fixture := storetest.NewFixture(t, s)
		for i, first := range steps {
			f := anotherClient(t, s, fixture)
			r := forBilling(f)
			for _, fault := range slices.Backward(steps[i:min(i+2, len(steps))]) {
				fault.step(t, s, &f, &r)
			}
			if got := check(t, verify.New(s, verify.Options{}), r).Code; got != first.code {
				t.Errorf("%s: got %s", first.code, got)
			}
		}
	})
}

func TestAPlaceIsBoundToALicense(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		second := storetest.License(t, s, f.Organization)
		secondInstance := storetest.Instance(t, s, second)
		c := verify.New(s, verify.Options{})
		for _, test := range []struct {
			bind func(*verify.Request)
			want verify.Code
		}{
			{func(r *verify.Request) { r.License = f.License.Number }, "VALID"},
			{func(r *verify.Request) { r.Domain = f.License.Domain }, "VALID"},
			{func(r *verify.Request) { r.Domain = strings.ToUpper(f.License.Domain) }, "VALID"},
			{func(r *verify.Request) { r.Domain = strings.ToLower(f.License.Domain) }, "VALID"},
			{func(r *verify.Request) { r.Instance = f.Instance.Name }, "VALID"},
			{func(r *verify.Request) { r.Instance = "te" + f.Instance.Name[2:] }, "VALID"},
			{func(r *verify.Request) { r.License = second.Number }, "LICENSE_MISMATCH"},
			{func(r *verify.Request) { r.Domain = second.Domain }, "LICENSE_MISMATCH"},
			{func(r *verify.Request) { r.Instance = secondInstance.Name }, "LICENSE_MISMATCH"},
			{func(r *verify.Request) { r.Instance = "BE1" }, "LICENSE_MISMATCH"},
			{func(r *verify.Request) { r.License, r.Instance = f.License.Number, secondInstance.Name }, "LICENSE_MISMATCH"},
		} {
			r := forBilling(f)
			test.bind(&r)
			if got := check(t, c, r).Code; got != test.want {
				t.Errorf("%+v: got %s, want %s", r, got, test.want)
			}
		}
	})
}

func TestTheEndsAreComparedAtEachUse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		c, clock := verify.New(s, verify.Options{}), storetest.Of(s).Clock
		editKey(t, s, &f, func(k *portal.Key) { k.ExpiresAt = clock.Now().Add(time.Hour) })
		step := func(by time.Duration, want verify.Code) {
			t.Helper()
			clock.Advance(by)
			if got := check(t, c, forBilling(f)).Code; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		step(0, "VALID")
		step(time.Hour-time.Microsecond, "VALID")
		step(time.Microsecond, "EXPIRED")
		editKey(t, s, &f, func(k *portal.Key) { k.ExpiresAt = clock.Now().Add(time.Hour) })
		step(0, "VALID")
		execute(t, s, `UPDATE secrets SET previous = TRUE, expires_at = $1 WHERE key_id = $2`, clock.Now().Add(time.Minute).UnixMicro(), f.Key.ID)
		if got, want := check(t, c, forBilling(f)).ExpiresAt(), clock.Now().Add(time.Minute); !got.Equal(want) {
			t.Errorf("it ends %v, want %v", got, want)
		}
		step(time.Minute, "NOT_FOUND")
	})
}

func TestJunkIsRefusedWithoutTheStore(t *testing.T) {
	s := storetest.SQLite(t)
	c := verify.New(s, verify.Options{})
	check(t, c, verify.Request{Credential: "Nothing was imported, as is known from now on."})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for credential, want := range map[string]verify.Code{
		"":                                       "MISSING",
		"hello":                                  "MALFORMED",
		secret.New("", secret.Session).Reveal():  "MALFORMED",
		secret.New("", secret.ClientID).Reveal(): "MALFORMED",
		secret.New("", secret.ClientSecret).Reveal():    "MALFORMED",
		secret.New("", secret.AccessToken).Reveal()[1:]: "MALFORMED",
		secret.New("", secret.Token).Reveal()[1:]:       "MALFORMED",
	} {
		if got := check(t, c, verify.Request{Credential: credential}).Code; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if d, err := c.CheckCaller(t.Context(), verify.Request{Credential: credential}); err != nil || d.Code != want {
			t.Errorf("the caller: got %s, %v, want %s", d.Code, err, want)
		}
	}
	token := verify.Request{Credential: secret.New("", secret.Token).Reveal()}
	if d, err := c.Check(t.Context(), token); err == nil || d.Valid() {
		t.Errorf("without a store: got %+v, %v", d, err)
	}
	if d, err := c.CheckCaller(t.Context(), token); err == nil || d.Valid() {
		t.Errorf("a caller without a store: got %+v, %v", d, err)
	}
}

func TestWhatCannotBeDecidedIsAnError(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		fails := func(statement string, r verify.Request) {
			t.Helper()
			c := verify.New(s, verify.Options{})
			check(t, c, forBilling(f))
			execute(t, s, statement)
			if d, err := c.Check(t.Context(), r); err == nil || d.Code != "" {
				t.Errorf("%s: got %+v", statement, d)
			}
		}
		bound, routed := forBilling(f), forBilling(f)
		bound.Instance, routed.APISet, routed.Method, routed.URI = f.Instance.Name, "", "GET", "/billing/7"
		fails(`ALTER TABLE instances RENAME TO gone_1`, bound)
		fails(`UPDATE api_set_routes SET pattern = 'no pattern'`, routed)
		fails(`ALTER TABLE api_set_routes RENAME TO gone_2`, routed)
		fails(`ALTER TABLE key_api_sets RENAME TO gone_3`, forBilling(f))
		storetest.Exec(t, storetest.SQL(t, s), `ALTER TABLE token_revocations RENAME TO gone_4`)
		if d, err := verify.New(s, verify.Options{}).Check(t.Context(), forBilling(f)); err == nil || d.Code != "" {
			t.Errorf("without knowing what changed: got %+v", d)
		}
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := verify.New(s, verify.Options{}).Check(canceled, forBilling(f)); err == nil {
			t.Error("a check that needs the store is decided after the client has gone")
		}
	})
}

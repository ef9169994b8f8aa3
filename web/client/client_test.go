package client_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
	"keyportal/web/client"
	"keyportal/web/gateway"
)

// house is Key Portal's own handler on a store with a fixture, and a client of it.
type house struct {
	*client.Client
	storetest.Fixture
	store   *store.Store
	handler http.Handler
	url     string
	caller  string       // the service's own key
	key     string       // passes for billing
	asked   atomic.Int64 // questions that reached the handler
}

func newHouse(t testing.TB, edit ...func(*client.Options)) *house {
	t.Helper()
	s := storetest.SQLite(t)
	h := &house{Fixture: storetest.NewFixture(t, s), store: s}
	h.key = h.Secret.Reveal()
	role := storetest.Role(t, s, h.Organization, []portal.Authority{portal.VerifyKeys})
	_, caller := storetest.Key(t, s, storetest.Member(t, s, h.Organization, storetest.User(t, s), role))
	h.caller = caller.Reveal()
	h.handler = gateway.New(gateway.Options{Checker: verify.New(s, verify.Options{}), Logger: discard})
	h.url = serve(t, func(w http.ResponseWriter, r *http.Request) {
		h.asked.Add(1)
		h.handler.ServeHTTP(w, r)
	})
	h.Client = newClient(t, client.Options{URL: h.url, Credential: h.caller}, edit...)
	return h
}

// pair makes a key pair that reaches billing.
func (h *house) pair(t testing.TB) (access, security string) {
	t.Helper()
	key, value := storetest.Key(t, h.store, h.Membership, func(k *portal.Key) {
		k.Kind, k.APISets = portal.PairKey, []portal.APISet{h.Billing}
	})
	return key.PublicID, value.Reveal()
}

// impersonating makes a key that can impersonate, and a user whom it can act as.
func (h *house) impersonating(t testing.TB) (key string, other portal.User) {
	t.Helper()
	_, value := storetest.Key(t, h.store, h.Membership, func(k *portal.Key) {
		k.CanImpersonate, k.APISets = true, []portal.APISet{h.Billing}
	})
	other = storetest.User(t, h.store)
	storetest.Member(t, h.store, h.Organization, other, h.Role)
	return value.Reveal(), other
}

func serve(t testing.TB, answer http.HandlerFunc) (url string) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server.URL
}

func newClient(t testing.TB, o client.Options, edit ...func(*client.Options)) *client.Client {
	t.Helper()
	for _, edit := range edit {
		edit(&o)
	}
	if o.Logger == nil {
		o.Logger = discard
	}
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// answerTo asks, and ends the test where nothing could be decided.
func answerTo(t testing.TB, c *client.Client, r client.Request) client.Answer {
	t.Helper()
	answer, err := c.Verify(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

var discard = slog.New(slog.DiscardHandler)

func TestAServiceIsToldWhoseKeyItIs(t *testing.T) {
	h := newHouse(t)
	got := answerTo(t, h.Client, client.Request{Key: h.key, APISet: "billing"})
	want := client.Answer{
		Valid: true, Code: client.CodeValid, Message: portal.CheckValid.Message(),
		Key:          client.Key{ID: h.Key.ID, Name: h.Key.Name, Kind: "token"},
		User:         client.User{ID: h.User.ID, Username: h.User.Username},
		Organization: client.Organization{ID: h.Organization.ID, Name: h.Organization.Name},
		License:      h.License.Number, Domain: h.License.Domain, Application: h.Application.Name,
		APISets: []string{"billing"}, ExpiresAt: h.Key.ExpiresAt,
	}
	if !got.ExpiresAt.Equal(want.ExpiresAt) {
		t.Errorf("it ends at %v, want %v", got.ExpiresAt, want.ExpiresAt)
	}
	got.ExpiresAt = want.ExpiresAt
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAServiceIsToldWhoActsAsWhom(t *testing.T) {
	h := newHouse(t)
	key, other := h.impersonating(t)
	got := answerTo(t, h.Client, client.Request{Key: key, ImpersonateUserID: other.ID})
	if got.User != (client.User{ID: other.ID, Username: other.Username}) || got.Impersonator != (client.User{ID: h.User.ID, Username: h.User.Username}) {
		t.Errorf("got %+v", got)
	}
	if got := answerTo(t, h.Client, client.Request{Key: key, ImpersonateUserID: -1}); got.Code != client.CodeImpersonationNotAllowed {
		t.Errorf("as nobody: got %+v", got)
	}
}

func TestARefusalIsAnAnswerAndTellsNothingElse(t *testing.T) {
	h := newHouse(t)
	access, security := h.pair(t)
	_, bound := storetest.Key(t, h.store, h.Membership, func(k *portal.Key) { k.AllowedNetworks = []string{"192.0.2.0/24"} })
	for want, questions := range map[client.Code][]client.Request{
		client.CodeMissing:                 {{}, {AccessKey: access}, {SecretKey: security}},
		client.CodeMalformed:               {{Key: "x"}, {Key: security}, {Key: h.key, AccessKey: access}, {Key: h.key, SecretKey: security}},
		client.CodeNotFound:                {{Key: secret.New("", secret.Token).Reveal()}, {AccessKey: access, SecretKey: "x"}},
		client.CodeAPISetNotGranted:        {{Key: h.key, APISet: "dunning"}, {Key: h.key, Method: "GET", Path: "/dunning/7"}, {Key: h.key, APISet: "billing", Method: "GET", Path: "/a/../b"}},
		client.CodeLicenseMismatch:         {{Key: h.key, License: "1"}, {Key: h.key, Domain: "x"}, {Key: h.key, Instance: "BE0"}},
		client.CodeIPNotAllowed:            {{Key: bound.Reveal()}, {Key: bound.Reveal(), ClientIP: netip.MustParseAddr("198.51.100.7")}},
		client.CodeImpersonationNotAllowed: {{Key: h.key, ImpersonateUserID: 1732}},
	} {
		for _, question := range questions {
			got := answerTo(t, h.Client, question)
			if got.Valid || got.Code != want || got.Message == "" || got.Key.ID != 0 || got.User.ID != 0 || got.Organization.ID != 0 {
				t.Errorf("%+v: got %+v, want %s", question, got, want)
			}
		}
	}
	for _, question := range []client.Request{
		{Key: h.key}, {AccessKey: access, SecretKey: security, APISet: "billing"}, {Key: h.key, Method: "GET", Path: "/billing/7?page=2"},
		{Key: bound.Reveal(), ClientIP: netip.MustParseAddr("192.0.2.7")},
		{Key: h.key, License: h.License.Number, Domain: h.License.Domain, Instance: h.Instance.Name},
	} {
		if got := answerTo(t, h.Client, question); !got.Valid || got.Code != client.CodeValid {
			t.Errorf("%+v: got %+v", question, got)
		}
	}
}

func TestTheWholeQuestionIsAskedAndNothingElse(t *testing.T) {
	var body, proof string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		read, _ := io.ReadAll(r.Body)
		body, proof = r.Method+" "+r.RequestURI+" "+string(read), r.Header.Get("X-Api-Key")+r.Header.Get("accessKey")+r.Header.Get("secretKey")
		io.WriteString(w, refusal)
	})
	single := newClient(t, client.Options{URL: url, Credential: "own"})
	answerTo(t, single, client.Request{
		Key: "k", APISet: "b", Method: "GET", Path: "/p", ClientIP: netip.MustParseAddr("192.0.2.7"), License: "l", Domain: "d", Instance: "i", ImpersonateUserID: 5,
	})
	want := `POST /v1/verify {"key":"k","api_set":"b","method":"GET","path":"/p","client_ip":"192.0.2.7","license":"l","domain":"d","instance":"i","impersonate_user_id":5}`
	if body != want || proof != "own" {
		t.Errorf("asked %s as %s, want %s", body, proof, want)
	}
	pair := newClient(t, client.Options{URL: url + "/portal/", AccessKey: "own", SecretKey: "secret"})
	answerTo(t, pair, client.Request{AccessKey: "a", SecretKey: "s"})
	if want := `POST /portal/v1/verify {"access_key":"a","secret_key":"s"}`; body != want || proof != "ownsecret" {
		t.Errorf("asked %s as %s, want %s", body, proof, want)
	}
}

func TestOptionsThatCantBeUsedAreRefusedWithoutTellingTheKey(t *testing.T) {
	const url = "http://127.0.0.1:8081"
	for _, o := range []client.Options{
		{}, {URL: url}, {Credential: "hush"}, {URL: "127.0.0.1:8081", Credential: "hush"}, {URL: "ftp://127.0.0.1", Credential: "hush"}, {URL: "http://", Credential: "hush"},
		{URL: "http://user:hush@127.0.0.1", Credential: "hush"}, {URL: "http://127.0.0.1:hush", Credential: "hush"}, {URL: url + "?a=b", Credential: "hush"}, {URL: url + "#a", Credential: "hush"},
		{URL: url, AccessKey: "hush"}, {URL: url, SecretKey: "hush"}, {URL: url, Credential: "hush", AccessKey: "hush", SecretKey: "hush"}, {URL: url, Credential: "hush", SecretKey: "hush"},
		{URL: url, Credential: "hush\n"}, {URL: url, AccessKey: "hush", SecretKey: " hush"}, {URL: url, Credential: "hüsh"},
		{URL: url, Credential: "hush", Timeout: -1}, {URL: url, Credential: "hush", MaxCached: -1},
	} {
		c, err := client.New(o)
		if c != nil || err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%+v: got %v, %v", o, c, err)
		}
	}
}

func TestAClientThatIsPrintedTellsNoKey(t *testing.T) {
	c := newClient(t, client.Options{URL: "http://127.0.0.1:8081", Credential: "hush"})
	pair := newClient(t, client.Options{URL: "http://127.0.0.1:8081", AccessKey: "hush", SecretKey: "hush"})
	if printed := fmt.Sprintf("%v %+v %#v %+v", c, c, c, pair); strings.Contains(printed, "hush") {
		t.Error(printed)
	}
}

func TestARevokedKeyIsRefusedOnceItsAnswerIsNoLongerBelieved(t *testing.T) {
	for keep, want := range map[time.Duration]client.Code{-1: client.CodeRevoked, time.Hour: client.CodeValid} {
		h := newHouse(t, func(o *client.Options) { o.CacheFor = keep })
		question := client.Request{Key: h.key}
		answerTo(t, h.Client, question)
		storetest.Change(t, h.store, func(c *store.Change) error {
			h.Key.RevokedAt = h.store.Now()
			return c.UpdateKey(t.Context(), h.Key)
		})
		if got := answerTo(t, h.Client, question); got.Code != want {
			t.Errorf("believed for %v: got %s, want %s", keep, got.Code, want)
		}
	}
}

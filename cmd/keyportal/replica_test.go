package main

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"keyportal/internal/keyset"
	"keyportal/internal/store/storetest"
)

// onPostgres gives a place on a PostgreSQL database with the sample, and a key that
// passes for billing.
func onPostgres(t *testing.T) (p place, key string) {
	t.Helper()
	p = emptyPostgres(t)
	keys, err := makeSample(t.Context(), p.data())
	if err != nil {
		t.Fatal(err)
	}
	return p, keys.member.Reveal()
}

func emptyPostgres(t *testing.T) place {
	t.Helper()
	return place{storetest.PostgresEngine, storetest.Databases(t)[storetest.PostgresEngine], filepath.Join(t.TempDir(), "keyset")}
}

func TestThreeReplicasThatStartTogetherBringTheSchemaUpToDateOnce(t *testing.T) {
	p := emptyPostgres(t)
	if _, err := keyset.Open(p.keyset); err != nil { // replicas share one
		t.Fatal(err)
	}
	var starting sync.WaitGroup
	replicas := make([]*serving, 3)
	for i := range replicas {
		starting.Go(func() { replicas[i] = serve(t, p.flags("serve")...) })
	}
	starting.Wait()
	for i, s := range replicas {
		response, err := http.Get(s.gateway + "/readyz")
		if status, body := answer(t, response, err); status != http.StatusOK {
			t.Errorf("replica %d answers %d %s", i, status, body)
		}
	}
	used := 0 // the link of whichever replica made the last one, at another replica
	for i, s := range replicas {
		link, other := s.stdout.await(t, setUpLine), replicas[(i+1)%len(replicas)]
		response, err := browse(t).PostForm(strings.Replace(link, s.portal, other.portal, 1), url.Values{
			"username": {"root"}, "email": {"root@example.com"}, "password": {"long enough for all"}, "repeat": {"long enough for all"},
		})
		if status, _ := answer(t, response, err); status == http.StatusOK {
			used++
		}
		response, err = http.Get(link)
		if status, _ := answer(t, response, err); status == http.StatusOK && used > 0 {
			t.Error("a link works after one was used")
		}
	}
	if used != 1 {
		t.Errorf("%d links are good for a super admin", used)
	}
	var versions, distinct int
	if err := rawSQL(t, p).QueryRow(`SELECT count(*), count(DISTINCT version_id) FROM goose_db_version`).Scan(&versions, &distinct); err != nil || versions != distinct {
		t.Errorf("%d steps were taken, of which %d differ: %v", versions, distinct, err)
	}
}

func TestWhateverReplicaAnswersSessionsThrottlingAndLinksAreTheSame(t *testing.T) {
	p, key := onPostgres(t)
	first, second := serve(t, p.flags("serve")...), serve(t, p.flags("serve")...)

	// A cookie belongs to the host, whatever its port.
	client := browse(t)
	response, err := client.PostForm(first.portal+"/login", url.Values{"username": {"superadmin"}, "password": {samplePassword}})
	if status, body := answer(t, response, err); status != http.StatusSeeOther {
		t.Fatalf("logging in: %d %s", status, body)
	}
	response, err = client.Get(second.portal + "/")
	if status, _ := answer(t, response, err); status != http.StatusOK {
		t.Errorf("the other replica does not know the session: %d", status)
	}
	response, err = client.PostForm(second.portal+"/logout", nil)
	answer(t, response, err)
	response, err = client.Get(first.portal + "/")
	if status, _ := answer(t, response, err); status != http.StatusSeeOther {
		t.Errorf("who logged out at one replica is logged in at the other: %d", status)
	}

	for range 6 { // wrong passwords, in turns
		for _, s := range []*serving{first, second} {
			response, err := browse(t).PostForm(s.portal+"/login", url.Values{"username": {"member"}, "password": {"wrong"}})
			answer(t, response, err)
		}
	}
	response, err = browse(t).PostForm(first.portal+"/login", url.Values{"username": {"member"}, "password": {"wrong"}})
	if status, body := answer(t, response, err); status != http.StatusTooManyRequests {
		t.Errorf("after 12 wrong passwords at two replicas: %d %s", status, body)
	}

	wantCheck(t, second.gateway, key, http.StatusOK)
	succeed(t, "", p.flags("key", "revoke", keyID(t, p, key))...)
	wantCheck(t, first.gateway, key, http.StatusUnauthorized)
	wantCheck(t, second.gateway, key, http.StatusUnauthorized)
}

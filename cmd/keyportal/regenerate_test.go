package main

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"keyportal/internal/secret"
)

// exchangeUnderLoad exchanges a secret for a token as often as it can until done is
// closed. Whatever it began after over was set must be refused.
func (s withClient) exchangeUnderLoad(config clientcredentials.Config, over *atomic.Bool, tokens *sync.Map, done <-chan struct{}) (accepted int) {
	for {
		select {
		case <-done:
			return accepted
		default:
		}
		late := over.Load()
		token, err := config.Token(s.t.Context())
		refused, ok := errors.AsType[*oauth2.RetrieveError](err)
		switch {
		case err != nil && (!ok || refused.ErrorCode != "invalid_client"):
			s.t.Errorf("the secret is answered with %v", err)
			return accepted
		case err == nil && late:
			s.t.Error("the old secret gets a token after the new one was answered")
			return accepted
		case err == nil:
			accepted++
			tokens.Store(token.AccessToken, nil)
		}
	}
}

// checkUnderLoad asks the gateway about a token as often as it can until done is
// closed. Whatever it began after over was set must be refused.
func (s withClient) checkUnderLoad(token string, over *atomic.Bool, done <-chan struct{}) (accepted int) {
	for {
		select {
		case <-done:
			return accepted
		default:
		}
		late := over.Load()
		status, err := s.statusOf(token)
		switch {
		case err != nil || status != http.StatusOK && status != http.StatusUnauthorized:
			s.t.Errorf("a token is answered with %d, %v", status, err)
			return accepted
		case status == http.StatusOK && late:
			s.t.Error("a token of the old secret passes after the new one was answered")
			return accepted
		case status == http.StatusOK:
			accepted++
		}
	}
}

// statusOf asks the gateway about a token.
func (s withClient) statusOf(token string) (int, error) {
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.gateway+"/auth?api_set=billing", nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// regenerate has the client's administrator regenerate the secret, the old one to
// stop at once, and gives the new one.
func (s withClient) regenerate(v *visitor) string {
	s.t.Helper()
	var id int64
	if err := rawSQL(s.t, s.place).QueryRowContext(s.t.Context(), `SELECT id FROM keys WHERE public_id = $1`, s.id).Scan(&id); err != nil {
		s.t.Fatal(err)
	}
	body := v.post("/keys/"+strconv.FormatInt(id, 10)+"/rotate", url.Values{"grace": {"0s"}, "confirm": {"12345678"}})
	return credentialIn(s.t, body, secret.ClientSecret)
}

// TestOnceANewSecretIsAnsweredNothingOldIsAccepted regenerates a secret while
// programs exchange the old one and use what they got.
func TestOnceANewSecretIsAnsweredNothingOldIsAccepted(t *testing.T) {
	eachClient(t, func(t *testing.T, s withClient) {
		v := &visitor{t: t, portal: s.portal, client: browse(t)}
		v.post("/login", url.Values{"instance": {"BE12345678"}, "username": {"clientadmin"}, "password": {samplePassword}})
		for round := range 4 {
			old := clientcredentials.Config{ClientID: s.id, ClientSecret: s.password, TokenURL: s.portal + "/oauth2/v1/token", AuthStyle: oauth2.AuthStyleInHeader}
			first, err := old.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var tokens sync.Map // whatever the old secret was exchanged for
			tokens.Store(first.AccessToken, nil)
			var over atomic.Bool
			var exchanged, checked atomic.Int64
			var programs sync.WaitGroup
			done := make(chan struct{})
			for range 3 {
				programs.Go(func() { exchanged.Add(int64(s.exchangeUnderLoad(old, &over, &tokens, done))) })
				programs.Go(func() { checked.Add(int64(s.checkUnderLoad(first.AccessToken, &over, done))) })
			}
			time.Sleep(50 * time.Millisecond)
			s.password = s.regenerate(v)
			over.Store(true)
			time.Sleep(50 * time.Millisecond)
			close(done)
			programs.Wait()
			if exchanged.Load() == 0 || checked.Load() == 0 {
				t.Errorf("round %d: %d tokens and %d checks before the secret was regenerated: there was no load", round, exchanged.Load(), checked.Load())
			}
			tokens.Range(func(token, _ any) bool {
				if status, err := s.statusOf(token.(string)); err != nil || status != http.StatusUnauthorized {
					t.Errorf("round %d: a token of the old secret is answered %d, %v", round, status, err)
				}
				return true
			})
			if s.exchange(t, s.id, s.password) == "" {
				t.Errorf("round %d: the new secret gets no token", round)
			}
		}
	})
}

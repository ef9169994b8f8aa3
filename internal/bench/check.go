package main

import (
	"context"
	"net/http"
	"strings"
	"time"

	"keyportal/internal/secret"
)

// measureChecks measures /auth of the running program against the bare server.
func measureChecks(ctx context.Context, s settings, program string, p *prepared, results *table) error {
	checks, err := startProgram(ctx, program, p)
	if err != nil {
		return err
	}
	defer checks.stop()
	bare, err := startBareServer(ctx)
	if err != nil {
		return err
	}
	defer bare.stop()

	against := func(what, budget, tail string, want int, next request) error {
		rates, tails, err := inTurns(s,
			func(length time.Duration) (turn, error) { return load(ctx, s.connections, length, want, next) },
			func(length time.Duration) (turn, error) {
				return load(ctx, s.connections, length, http.StatusNoContent, func(int) (*http.Request, error) {
					return http.NewRequest(http.MethodGet, "http://"+bare.address+"/auth", nil)
				})
			})
		if err != nil {
			return err
		}
		results.add(what+": requests/s ÷ the bare server's", p.engine, budget, rates)
		results.add(what+": p99 ÷ the bare server's", p.engine, tail, tails)
		return nil
	}
	if err := against("/auth, keys in turn", s.budget("≥ 0.85"), s.budget("≤ 1.5"), http.StatusOK, func(n int) (*http.Request, error) {
		return authRequest(checks.address, p.keys[n%len(p.keys)])
	}); err != nil {
		return err
	}
	junk := "kp_" + strings.Repeat("0", len(secret.New("", secret.Token).Reveal())-len("kp_"))
	return against("/auth, a wrong checksum", "–", "–", http.StatusUnauthorized, func(int) (*http.Request, error) {
		return authRequest(checks.address, junk)
	})
}

func authRequest(address, key string) (*http.Request, error) {
	request, err := http.NewRequest(http.MethodGet, "http://"+address+"/auth?api_set=billing", nil)
	if err == nil {
		request.Header.Set("X-Api-Key", key)
	}
	return request, err
}

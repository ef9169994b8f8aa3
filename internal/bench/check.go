package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"keyportal/internal/secret"
)

const authInUse = 10_000 // keys that /auth is asked about

// measureAuth measures /auth with many keys in use against the bare server.
func (b *bench) measureAuth(ctx context.Context, p *prepared) error {
	return b.check(ctx, p, "/auth", atLeast(0.85), atMost(1.5), func(address string) *target {
		return &target{address: address, want: http.StatusOK, requests: authRequests(address, p.keys[:min(authInUse, len(p.keys))])}
	})
}

// measureChecksum measures /auth with what can't be a key, for which it makes no
// difference how many there are.
func (b *bench) measureChecksum(ctx context.Context, p *prepared) error {
	if !b.largest(p) {
		return nil
	}
	junk := "kp_" + strings.Repeat("0", len(secret.New("", secret.Token).Reveal())-len("kp_"))
	return b.check(ctx, p, "/auth, a wrong checksum", goal{}, goal{}, func(address string) *target {
		return &target{address: address, want: http.StatusUnauthorized, requests: authRequests(address, []knownKey{{secret: junk}})}
	})
}

// measureVerify measures /v1/verify with few and with many keys in rotation against
// the bare server.
func (b *bench) measureVerify(ctx context.Context, p *prepared) error {
	for _, inRotation := range []int{1000, 100_000} {
		if inRotation > 1000 && inRotation > len(p.keys) {
			continue
		}
		what := fmt.Sprintf("/v1/verify, %s keys in rotation", thousands(inRotation))
		err := b.check(ctx, p, what, atLeast(0.8), goal{}, func(address string) *target {
			return &target{address: address, want: http.StatusOK, requests: verifyRequests(address, p.gateway, p.keys[:min(inRotation, len(p.keys))])}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// check measures the program against the bare server, which is sent the same.
func (b *bench) check(ctx context.Context, p *prepared, what string, rate, tail goal, targetAt func(address string) *target) error {
	program, err := b.startProgram(ctx, p)
	if err != nil {
		return err
	}
	defer program.stop()
	asked, bare := targetAt(program.address), targetAt(b.bare.address)
	if strings.HasPrefix(what, "/auth") {
		bare.want = http.StatusNoContent
	}
	if err := askForAll(ctx, b.connections, asked); err != nil {
		return err
	}
	side := func(p *process, t *target) func() (turn, error) {
		return func() (turn, error) {
			before := p.worked()
			turn, err := load(ctx, b.connections, b.turn, t)
			turn.work = p.worked() - before
			return turn, err
		}
	}
	turns, err := inTurns(b.rounds, side(program, asked), side(b.bare, bare))
	if err != nil {
		return err
	}
	perSecond := func(t turn) float64 { return t.perSecond }
	p99 := func(t turn) float64 { return milliseconds(t.p99) }
	b.report(p, what+": requests/s ÷ the bare server's", rate, "", ratios(turns[0], turns[1], perSecond))
	if tail != (goal{}) {
		b.report(p, what+": p99 ÷ the bare server's", tail, "", ratios(turns[0], turns[1], p99))
	}
	for i, name := range []string{what, "the bare server"} {
		b.say("%s: %.0f/s, p99 %.2f ms, %.1f µs of a core for each", name,
			median(each(turns[i], perSecond)), median(each(turns[i], p99)), median(each(turns[i], turn.workForEach)))
	}
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func authRequests(host string, keys []knownKey) [][]byte {
	requests := make([][]byte, len(keys))
	for i, key := range keys {
		requests[i] = get(host, "/auth?api_set=billing", "X-Api-Key: "+key.secret)
	}
	return requests
}

func verifyRequests(host, caller string, keys []knownKey) [][]byte {
	requests := make([][]byte, len(keys))
	for i, key := range keys {
		body := fmt.Sprintf(`{"key": %q, "api_set": "billing"}`, key.secret)
		requests[i] = request(http.MethodPost, host, "/v1/verify", body, "X-Api-Key: "+caller, "Content-Type: application/json")
	}
	return requests
}

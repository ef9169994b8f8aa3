package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

const (
	slowestRefusal = 10 * time.Second
	askAgainAfter  = 200 * time.Microsecond
)

// revocations is how many keys are revoked in all. Where nothing is announced, as on
// SQLite, each may take another process half a second to see.
var revocations = map[engine]int{sqlite: 50, postgres: 1000}

const unheard = 250 // of them on PostgreSQL, too

// measureRevocation measures the time from the answer to a revoke until another
// process on the same database refuses the key, which it had accepted just before; on
// PostgreSQL also where that process can't hear what is announced. It uses keys up, and is
// taken with the most keys alone.
func (b *bench) measureRevocation(ctx context.Context, p *prepared) error {
	if !b.largest(p) {
		return nil
	}
	keys := p.keys
	if err := b.measureRefusals(ctx, p, "another process refuses", p.url, revocations[p.engine], &keys); err != nil || p.engine == sqlite {
		return err
	}
	address, wire, err := deafTo(p.url)
	if err != nil {
		return err
	}
	defer wire.Close()
	return b.measureRefusals(ctx, p, "another process that hears nothing refuses", address, unheard, &keys)
}

// measureRefusals measures how soon a process refuses that reaches the database at a
// URL, with some of the keys that are left.
func (b *bench) measureRefusals(ctx context.Context, p *prepared, who, database string, count int, left *[]knownKey) error {
	here, err := b.startProgram(ctx, p)
	if err != nil {
		return err
	}
	defer here.stop()
	there, err := b.startProgramOn(ctx, p, database)
	if err != nil {
		return err
	}
	defer there.stop()
	r, err := newRevoker(ctx, here, there)
	if err != nil {
		return err
	}
	defer r.close()
	inRound := max(1, min(count/b.rounds, len(*left)/(2*(b.rounds+1))))
	turns, err := inTurns(b.rounds, func() ([]time.Duration, error) {
		keys := (*left)[:inRound]
		*left = (*left)[inRound:]
		return r.revokeAll(keys)
	})
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%s revokes until %s: ", thousands(inRound*b.rounds), who)
	for _, percent := range []int{50, 99} {
		b.report(p, fmt.Sprintf("%sp%d", what, percent), goal{}, "ms", each(turns[0], func(d []time.Duration) float64 { return milliseconds(percentile(d, percent)) }))
	}
	b.report(p, what+"the longest", atMost(1000), "ms", each(turns[0], func(d []time.Duration) float64 { return milliseconds(slices.Max(d)) }))
	return nil
}

// revoker revokes keys on one process and asks another one about them.
type revoker struct {
	cookie       string
	portal, auth *connection
	portalHost   string
	authHost     string
}

func newRevoker(ctx context.Context, here, there *process) (r *revoker, err error) {
	r = &revoker{portalHost: here.portal, authHost: there.address}
	if r.cookie, err = here.signIn(ctx, superAdmin); err != nil {
		return nil, err
	}
	if r.portal, err = dial(ctx, here.portal); err != nil {
		return nil, err
	}
	if r.auth, err = dial(ctx, there.address); err != nil {
		r.portal.close()
		return nil, err
	}
	return r, nil
}

func (r *revoker) close() {
	r.portal.close()
	r.auth.close()
}

func (r *revoker) revokeAll(keys []knownKey) ([]time.Duration, error) {
	durations := make([]time.Duration, len(keys))
	for i, request := range authRequests(r.authHost, keys) {
		var err error
		if durations[i], err = r.revoke(keys[i], request); err != nil {
			return nil, err
		}
	}
	return durations, nil
}

// revoke revokes a key and asks about it until it is refused.
func (r *revoker) revoke(key knownKey, check []byte) (time.Duration, error) {
	if err := r.auth.ask(check, http.StatusOK); err != nil {
		return 0, err
	}
	form := request(http.MethodPost, r.portalHost, fmt.Sprintf("/keys/%d/revoke", key.id), url.Values{"confirm": {key.name}}.Encode(),
		r.cookie, "Content-Type: application/x-www-form-urlencoded")
	if err := r.portal.ask(form, http.StatusSeeOther); err != nil {
		return 0, err
	}
	for revoked := time.Now(); time.Since(revoked) < slowestRefusal; time.Sleep(askAgainAfter) {
		status, err := r.auth.statusOf(check)
		if err != nil {
			return 0, err
		}
		if status == http.StatusUnauthorized {
			return time.Since(revoked), nil
		}
	}
	return 0, fmt.Errorf("%s is still accepted %s after it was revoked", key.name, slowestRefusal)
}

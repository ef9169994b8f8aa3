package manage

import (
	"context"
	"time"

	"keyportal/internal/store"
)

const (
	sweepEvery     = 10 * time.Minute
	submissionsFor = 7 * 24 * time.Hour // how long a form is known to have been sent
	usedLinksFor   = 7 * 24 * time.Hour
	addressesFor   = 90 * 24 * time.Hour // how long a user is known where they have signed in
	tokensFor      = 24 * time.Hour      // how long it is said of an access token that it has expired
)

// Sweep removes what has ended and matters no more: sessions, one-time links,
// failed sign-ins, addresses of long ago, sent forms, access tokens. It runs every
// few minutes until the context ends; what goes wrong is reported and tried again.
func (m *Manager) Sweep(ctx context.Context, report func(error)) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		if err := m.sweep(ctx); err != nil && ctx.Err() == nil {
			report(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (m *Manager) sweep(ctx context.Context) error {
	return m.Store.Update(ctx, func(u *store.Update) error {
		now := u.Now()
		for _, step := range []func() error{
			func() error { return u.EndSessionsBefore(ctx, now, now.Add(-m.SessionIdle)) },
			func() error { return u.DropLinksBefore(ctx, now.Add(-usedLinksFor)) },
			func() error { return u.ForgetFailuresBefore(ctx, now.Add(-throttleWindow)) },
			func() error { return u.ForgetAddressesBefore(ctx, now.Add(-addressesFor)) },
			func() error { return u.ForgetSubmissionsBefore(ctx, now.Add(-submissionsFor)) },
			func() error { return u.DropTokensBefore(ctx, now.Add(-tokensFor)) },
		} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
}

package store

import (
	"context"
	"time"

	"keyportal/internal/portal"
)

// Submission is something that a user sent: a form, or a request with an
// Idempotency-Key.
type Submission struct {
	UserID      int64
	Token       string // by which it is known when it comes again
	Fingerprint []byte // SHA-256 of what came with it; nil for a form
	Noun        portal.Noun
	NounID      int64 // of what it made
}

func scanSubmission(r row) (s Submission, err error) {
	return s, r.Scan(&s.UserID, &s.Token, &s.Fingerprint, &s.Noun, &s.NounID)
}

// Submission finds what a user sent before. What was not sent is not found.
func (q Queries) Submission(ctx context.Context, user int64, token string) (Submission, error) {
	return one(ctx, q, portal.NounInstallation, scanSubmission,
		`/* submission */ SELECT user_id, token, fingerprint, noun, noun_id FROM submissions WHERE user_id = $1 AND token = $2`, user, token)
}

// Submit notes what a user sent, and what it made. A second note of the same is a
// conflict.
func (u *Update) Submit(ctx context.Context, s Submission) error {
	return u.exec(ctx, `/* insert submission */ INSERT INTO submissions (user_id, token, fingerprint, noun, noun_id, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		s.UserID, s.Token, s.Fingerprint, s.Noun, s.NounID, at(u.Now()))
}

// ForgetSubmissionsBefore forgets the forms that were sent before an instant.
func (u *Update) ForgetSubmissionsBefore(ctx context.Context, before time.Time) error {
	return u.exec(ctx, `/* forget old submissions */ DELETE FROM submissions WHERE created_at < $1`, at(before))
}

package store

import (
	"context"
	"time"

	"keyportal/internal/portal"
)

// Submitted gives what a user's form made the first time that it was sent. A
// form that has not been sent is not found.
func (q Queries) Submitted(ctx context.Context, user int64, token string, noun portal.Noun) (int64, error) {
	return one(ctx, q, noun, scalar[int64], `/* submission */ SELECT noun_id FROM submissions WHERE user_id = $1 AND token = $2 AND noun = $3`, user, token, noun)
}

// Submit notes what a user's form made. A second note for the same form is a
// conflict.
func (u *Update) Submit(ctx context.Context, user int64, token string, noun portal.Noun, id int64) error {
	return u.exec(ctx, `/* insert submission */ INSERT INTO submissions (user_id, token, noun, noun_id, created_at) VALUES ($1, $2, $3, $4, $5)`, user, token, noun, id, at(u.Now()))
}

// ForgetSubmissionsBefore forgets the forms that were sent before an instant.
func (u *Update) ForgetSubmissionsBefore(ctx context.Context, before time.Time) error {
	return u.exec(ctx, `/* forget old submissions */ DELETE FROM submissions WHERE created_at < $1`, at(before))
}

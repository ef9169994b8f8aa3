package manage

import (
	"bytes"
	"context"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

// Submission is by what a form or a request is known when it comes again, so that it
// makes one thing. The zero Submission is never known.
type Submission struct {
	Token       string // the form's own token, or an Idempotency-Key
	Fingerprint []byte // SHA-256 of what came with an Idempotency-Key; nil for a form
}

const submissionLength = 100 // characters of a token that count

var errOtherSubmission = &portal.Error{Code: portal.CodeInvalid, Message: "This Idempotency-Key was used for something else. Nothing was done: send a new one with each thing that is to be made."}

// once does what a form or request asks for, unless it was sent before: then it finds
// what that made. create gives the ID of what it makes, with the revision. CodeInvalid
// when the same Idempotency-Key came with something else.
func once[T any](ctx context.Context, c *store.Change, sent Submission, noun portal.Noun, made *T, find func(context.Context, int64) (T, error), create func() (int64, error)) error {
	if sent.Token == "" {
		_, err := create()
		return err
	}
	note := store.Submission{UserID: portal.ActorFrom(ctx).UserID, Token: clip(sent.Token, submissionLength), Fingerprint: sent.Fingerprint, Noun: noun}
	known, err := c.Submission(ctx, note.UserID, note.Token)
	switch {
	case portal.CodeOf(err) == portal.CodeNotFound:
	case err != nil:
		return err
	case known.Noun != noun || !bytes.Equal(known.Fingerprint, sent.Fingerprint):
		return errOtherSubmission
	default:
		*made, err = find(ctx, known.NounID)
		return unchanged(err)
	}
	if note.NounID, err = create(); err != nil {
		return err
	}
	return c.Submit(ctx, note)
}

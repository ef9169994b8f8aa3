package manage

import (
	"context"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

const submissionLength = 100 // characters of a form's token that count

// submitted tells what a form made when it was sent before.
func submitted(ctx context.Context, c *store.Change, token string, noun portal.Noun) (id int64, again bool, err error) {
	if token == "" {
		return 0, false, nil
	}
	id, err = c.Submitted(ctx, portal.ActorFrom(ctx).UserID, clip(token, submissionLength), noun)
	if portal.CodeOf(err) == portal.CodeNotFound {
		return 0, false, nil
	}
	return id, err == nil, err
}

// submit notes what a form has made.
func submit(ctx context.Context, c *store.Change, token string, noun portal.Noun, id int64) error {
	if token == "" {
		return nil
	}
	return c.Submit(ctx, portal.ActorFrom(ctx).UserID, clip(token, submissionLength), noun, id)
}

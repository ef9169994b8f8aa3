package manage

import (
	"context"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

const submissionLength = 100 // characters of a form's token that count

// once does what a form asks for, unless it was sent before: then it finds what that
// made. create gives the ID of what it makes, with the revision.
func once[T any](ctx context.Context, c *store.Change, token string, noun portal.Noun, made *T, find func(context.Context, int64) (T, error), create func() (int64, error)) error {
	id, again, err := submitted(ctx, c, token, noun)
	if err != nil {
		return err
	}
	if again {
		*made, err = find(ctx, id)
		return unchanged(err)
	}
	if id, err = create(); err != nil || token == "" {
		return err
	}
	return c.Submit(ctx, portal.ActorFrom(ctx).UserID, clip(token, submissionLength), noun, id)
}

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

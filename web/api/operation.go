package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"keyportal/internal/portal"
)

// access is what an operation needs: one of these authorities somewhere, or with none
// that somebody is signed in. Whether they hold it for the thing that the request is
// about is decided by package manage. An operation without it does not compile.
type access []portal.Authority

var signedIn = access{}

func needs(anyOf ...portal.Authority) access { return anyOf }

// operation is what the document says of an operation.
type operation struct {
	method, path string
	id           string // operationId
	tag          string
	summary      string
	description  string
	access       access
}

// The statuses with which operations can end beside success.
var (
	errorsOfReads = []int{
		http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity,
		http.StatusTooManyRequests, http.StatusServiceUnavailable,
	}
	errorsOfChanges = slices.Concat(errorsOfReads, []int{
		http.StatusBadRequest, http.StatusRequestTimeout, http.StatusConflict, http.StatusPreconditionFailed, http.StatusUnsupportedMediaType,
	})
)

// add adds an operation. Its handler runs for who is let in.
func add[I, O any](a *API, op operation, handle func(ctx context.Context, in *I) (*O, error)) {
	described := huma.Operation{
		Method: op.method, Path: op.path, OperationID: op.id, Tags: []string{op.tag}, Summary: op.summary, Description: op.description,
		Errors: errorsOfReads, MaxBodyBytes: mostBytes + 1, Middlewares: huma.Middlewares{a.admit(op.access)},
	}
	if op.method != http.MethodGet {
		described.Errors = errorsOfChanges
	}
	if op.method == http.MethodPost && isCreation[O]() {
		described.DefaultStatus = http.StatusCreated
	}
	huma.Register(a.huma, described, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, a.problemOf(ctx, err)
		}
		return out, nil
	})
}

// admit lets in who holds what an operation needs, before what they send is looked at.
func (a *API) admit(needed access) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if err := portal.CanAnywhere(portal.ActorFrom(ctx.Context()), needed...); err != nil {
			if portal.CodeOf(err) == portal.CodeUnauthenticated {
				err = portal.Unauthenticated("Send an API key that has the API set Key Portal API in the header X-Api-Key, or log in to the portal in this browser.")
			}
			r, w := humago.Unwrap(ctx)
			a.WriteError(w, r, err)
			return
		}
		next(ctx)
	}
}

// mostBytes is how much is read of a body: as much as the portal lets through of one
// whose length it is not told, so that too much is told from what breaks off.
const mostBytes = 1_000_000

// isCreation tells whether what an operation gives is something new.
func isCreation[O any]() bool {
	_, is := any(new(O)).(interface{ created() })
	return is
}

// found answers with a thing as it is.
type found[T any] struct {
	ETag string `header:"ETag" doc:"The thing's version, for If-Match."`
	Body T
}

// made answers with a thing that is new.
type made[T any] struct {
	Location string `header:"Location" doc:"The address of what was made."`
	ETag     string `header:"ETag" doc:"The thing's version, for If-Match."`
	Body     T
}

func (*made[T]) created() {}

// nothing answers that it was done, with no body (204).
type nothing struct{}

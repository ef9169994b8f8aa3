package portal

import "context"

// Grant is what an actor holds in one organization: authorities for itself, and
// API sets that it may give to keys.
type Grant struct {
	Authorities []Authority
	AllAccess   bool            // every API set
	APISets     map[string]bool // by slug
}

// Actor is who is doing something: a signed-in user, a user's key, or the
// program itself (command line, first start). The zero Actor is nobody and may
// do nothing.
type Actor struct {
	UserID         int64
	Username       string
	Name           string
	Staff          Staff
	OrganizationID int64           // where the actor is working; 0: nowhere
	Grants         map[int64]Grant // by organization
	KeyID          int64           // the key through which it came in; 0: none
	KeyName        string
	Bounds         Bounds // of that key
	Impersonator   Impersonator
	Address        string // where the request came from
	program        bool
}

// Impersonator is the user of a key through which somebody acts as another user; the
// zero Impersonator when nobody does.
type Impersonator struct {
	UserID int64
	Name   string
}

// CommandLine names what was done on the command line.
const CommandLine = "command line"

// Program is the actor for what is done on the installation's own machine: the
// command line and the program's first start. It may do everything; whoever can
// run it there already holds the database.
func Program(name string) Actor { return Actor{Name: name, program: true} }

// SignedIn tells whether there is a user.
func (a Actor) SignedIn() bool { return a.UserID != 0 }

// IsProgram tells whether the actor came from Program.
func (a Actor) IsProgram() bool { return a.program }

// Member tells whether the actor is in the organization.
func (a Actor) Member(organization int64) bool {
	_, ok := a.Grants[organization]
	return ok
}

type actorKey struct{}

// WithActor puts the actor into a request's context.
func WithActor(ctx context.Context, actor Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// ActorFrom takes the actor out of a context; nobody when there is none.
func ActorFrom(ctx context.Context) Actor {
	actor, _ := ctx.Value(actorKey{}).(Actor)
	return actor
}

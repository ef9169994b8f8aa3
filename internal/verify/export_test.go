package verify

import "context"

// CatchUp looks at what other processes changed, as Run does every half second.
func (c *Checker) CatchUp(ctx context.Context) error { return c.follower.look(ctx) }

package verify

import (
	"context"
	"sync/atomic"

	"keyportal/internal/store"
)

const longestForeign = 4096 // bytes of a text that is looked up although it has not our form

// isForeign tells whether the credential may be a key that was imported: a text of
// another form than ours, with nothing beside it. A credential of ours that belongs
// elsewhere is none.
func (r Request) isForeign() bool {
	return r.Credential != "" && r.AccessKey == "" && r.SecurityKey == "" && len(r.Credential) <= longestForeign && prefixOf(r.Credential) == ""
}

// maybeImported tells whether the credential must be looked up although it has not
// our form.
func (c *Checker) maybeImported(ctx context.Context, r Request) (bool, error) {
	if !r.isForeign() {
		return false, nil
	}
	return c.imported.current(ctx, c.store)
}

// importedCache keeps whether there are imported keys, so that junk costs no look-up
// where there are none.
type importedCache struct{ any atomic.Pointer[bool] }

// current tells whether there are imported keys: as it was found last, or as it is
// now when nobody has asked yet.
func (c *importedCache) current(ctx context.Context, s *store.Store) (bool, error) {
	if any := c.any.Load(); any != nil {
		return *any, nil
	}
	return c.refresh(ctx, s)
}

// refresh finds out whether there are imported keys now. When that fails, what was
// found last stays.
func (c *importedCache) refresh(ctx context.Context, s *store.Store) (bool, error) {
	any, err := s.AnyImported(ctx)
	if err == nil {
		c.any.Store(&any)
	}
	return any, err
}

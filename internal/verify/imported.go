package verify

import "context"

const longestForeign = 4096 // bytes of a text that is looked up although it has not our form

// isForeign tells whether the credential may be a key that was imported: a text of
// another form than ours, with nothing beside it. A credential of ours that belongs
// elsewhere is none.
func (f *facts) isForeign() bool {
	return f.prefix == "" && f.Credential != "" && f.AccessKey == "" && f.SecurityKey == "" && len(f.Credential) <= longestForeign
}

// maybeImported tells whether a foreign credential must be looked up.
func maybeImported(ctx context.Context, m *memory) (bool, error) {
	imported, err := m.imported.get(ctx, struct{}{})
	return err == nil && imported.there, err
}

// importedKeys tells whether there are imported keys, so that junk costs no look-up
// where there are none. Once there are some, there always may be.
type importedKeys struct {
	there  bool
	number int64 // the line at which it was found out
}

func (m *memory) loadImported(ctx context.Context, _ struct{}) (*importedKeys, error) {
	number := m.reached.Load()
	there, err := m.store.AnyImported(ctx)
	return &importedKeys{there, number}, err
}

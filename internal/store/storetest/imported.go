package storetest

import (
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
)

// ImportedKey adds a key of a member whose secret is a text that was there before.
func ImportedKey(t testing.TB, s *store.Store, membership portal.Membership, text string, edit ...func(*portal.Key)) portal.Key {
	t.Helper()
	k := portal.Key{
		Kind: portal.TokenKey, OrganizationID: membership.OrganizationID, Name: numbered("Imported %d"), UserID: membership.UserID,
		CreatorName: portal.CommandLine, MapperName: portal.CommandLine, Enabled: true,
	}
	for _, edit := range edit {
		edit(&k)
	}
	hash := secret.HashOf(text)
	return Insert(t, s, func(c *store.Change) (portal.Key, error) {
		return c.InsertKey(t.Context(), k, portal.Secret{Hash: hash[:], Masked: "imported …0000", Imported: true})
	})
}

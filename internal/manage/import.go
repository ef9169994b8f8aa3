package manage

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
)

// ImportedKey is a key that a customer had before, as a line of a file tells it.
type ImportedKey struct {
	Line         int    // in the file, for what is said of others
	Owner        string // the mapped user's username
	Organization string // its name; "": the owner's first
	Name         string
	Description  string
	SHA256       string // of the key's text, in hexadecimal digits of any case
	APISets      []string
	ExpiresAt    time.Time // zero: never
}

// KeyImport is what comes of an import.
type KeyImport struct {
	Taken     int // keys that can be imported, or were
	Reachless int // of these, the ones that are granted no API set
	Refused   []RefusedLine
}

// RefusedLine is a line that can't be imported. The fields of the error are called as
// the columns of the file are.
type RefusedLine struct {
	Line int
	Err  error
}

// ImportKeys takes over keys that customers had before, so that they need no new
// ones: all of them, or none when a line is refused or apply is false. What it tells
// is the same either way, as a dry run makes the keys too and takes them back. Each
// key is held against all that CreateKey demands of one without a license. Its secret
// is known by its SHA-256 alone, which no secret may have had before. For the command
// line alone: whoever hands in hashes decides which texts pass the check.
func (m *Manager) ImportKeys(ctx context.Context, keys []ImportedKey, apply bool) (KeyImport, error) {
	var outcome KeyImport
	if err := portal.CanImportKeys(portal.ActorFrom(ctx)); err != nil {
		return outcome, err
	}
	err := m.change(ctx, func(c *store.Change) error {
		c.Repeat()
		importer := keyImporter{c, map[ownKeyName]int{}, map[string]int{}}
		for _, key := range keys {
			made, err := importer.add(ctx, key)
			switch {
			case len(portal.FieldsOf(err)) > 0:
				outcome.Refused = append(outcome.Refused, RefusedLine{key.Line, err})
				continue
			case err != nil:
				return fmt.Errorf("line %d: %w", key.Line, err)
			case len(made.APISets) == 0:
				outcome.Reachless++
			}
			outcome.Taken++
		}
		if !apply || outcome.Taken == 0 || len(outcome.Refused) > 0 {
			return errUnchanged
		}
		return nil
	})
	if err != nil {
		return KeyImport{}, err
	}
	return outcome, nil
}

// keyImporter imports keys in one transaction.
type keyImporter struct {
	c      *store.Change
	names  map[ownKeyName]int // the lines that have them
	hashes map[string]int
}

// ownKeyName is what is unique among a user's keys in an organization.
type ownKeyName struct {
	organization, user int64
	folded             string
}

// add makes a key with its revision.
func (i keyImporter) add(ctx context.Context, in ImportedKey) (portal.Key, error) {
	var invalid portal.Invalid
	hash, err := i.checkHash(ctx, &invalid, in)
	if err != nil {
		return portal.Key{}, err
	}
	key, err := i.checkKey(ctx, &invalid, in)
	if err != nil {
		return key, err
	}
	if err := invalid.Err(); err != nil {
		return key, err
	}
	key.ID, err = i.c.AddKey(ctx, key, portal.Secret{Hash: hash, Masked: importedMask(hash), Imported: true})
	if err != nil {
		return key, err
	}
	return key, i.c.Record(ctx, keyRevision(key, "imported", portal.Diff(nil, key.Record())))
}

const shownOfHash = 4 // hexadecimal digits

// importedMask tells a secret from others by the end of its hash: nothing of its text
// is known.
func importedMask(hash []byte) string {
	digits := hex.EncodeToString(hash)
	return "imported …" + digits[len(digits)-shownOfHash:]
}

// checkHash reads a key's hash, and finds another secret that has it or had it.
func (i keyImporter) checkHash(ctx context.Context, invalid *portal.Invalid, in ImportedKey) ([]byte, error) {
	hash, err := hex.DecodeString(strings.TrimSpace(in.SHA256))
	if err != nil || len(hash) != len(secret.Hash{}) {
		invalid.Add("sha256", "Give the SHA-256 of the key's text in 64 hexadecimal digits.")
		return nil, nil
	}
	if secret.Hash(hash) == secret.HashOf("") {
		invalid.Add("sha256", "This is the SHA-256 of no text at all. Give that of the key's text.")
		return nil, nil
	}
	if line, again := i.hashes[string(hash)]; again {
		invalid.Add("sha256", fmt.Sprintf("Line %d has the same. A key can be there once.", line))
		return hash, nil
	}
	i.hashes[string(hash)] = in.Line
	other, was, err := i.c.KeyByHash(ctx, secret.Hash(hash))
	has := "has"
	if !was.RetiredAt.IsZero() {
		has = "had"
	}
	return hash, taken(invalid, "sha256", fmt.Sprintf("The API key “%s” of %s %s it already.", other.Name, other.Username, has), err)
}

// checkKey gives a key as it would be, and notes by the columns of the file what
// CreateKey would refuse.
func (i keyImporter) checkKey(ctx context.Context, invalid *portal.Invalid, in ImportedKey) (portal.Key, error) {
	owner, organization, err := i.owner(ctx, invalid, in)
	if err != nil || organization == 0 {
		return portal.Key{}, err
	}
	i.checkName(invalid, ownKeyName{organization, owner.ID, portal.Fold(in.Name)}, in.Line)
	key, err := checkNewKey(ctx, i.c.Queries, NewKey{
		OrganizationID: organization, UserID: owner.ID, Name: in.Name, Description: in.Description, APISets: in.APISets, ExpiresAt: in.ExpiresAt,
	})
	key.Username = owner.Username
	refused := portal.FieldsOf(err)
	for _, field := range refused {
		invalid.Add(columnOf(field.Field), field.Message)
	}
	if len(refused) > 0 {
		err = nil
	}
	return key, err
}

// checkName finds an earlier line whose key has the same name, be that line refused or
// not.
func (i keyImporter) checkName(invalid *portal.Invalid, name ownKeyName, line int) {
	if name.folded == "" {
		return
	}
	if first, again := i.names[name]; again {
		invalid.Add("name", fmt.Sprintf("Line %d has the same for this user. Choose another.", first))
		return
	}
	i.names[name] = line
}

// columnOf gives the column of the file for a field of a form.
func columnOf(field string) string {
	switch field {
	case "user":
		return "owner"
	case "api_set":
		return "api_sets"
	}
	return field
}

// owner finds a key's user and organization; the organization is 0 where one of them is
// not there.
func (i keyImporter) owner(ctx context.Context, invalid *portal.Invalid, in ImportedKey) (user portal.User, organization int64, err error) {
	if in.Owner == "" {
		invalid.Add("owner", "Enter the username of the user whose key this is.")
		return user, 0, nil
	}
	user, err = i.c.UserByUsername(ctx, in.Owner)
	switch {
	case portal.CodeOf(err) == portal.CodeNotFound:
		invalid.Add("owner", "There is no user “"+clip(in.Owner, portal.MaxUsername)+"”. Create the user first, or correct the username.")
		return user, 0, nil
	case err != nil:
		return user, 0, err
	case in.Organization != "":
		organization, err = i.organization(ctx, invalid, in.Organization)
		return user, organization, err
	}
	organization, err = i.c.FirstOrganization(ctx, user.ID)
	if portal.CodeOf(err) == portal.CodeNotFound {
		invalid.Add("owner", user.Username+" is in no organization. Make the user a member of one first.")
		return user, 0, nil
	}
	return user, organization, err
}

// organization finds the one that was named; 0 where it is not there.
func (i keyImporter) organization(ctx context.Context, invalid *portal.Invalid, name string) (int64, error) {
	found, err := i.c.OrganizationByName(ctx, name)
	if portal.CodeOf(err) == portal.CodeNotFound {
		invalid.Add("organization", "There is no organization “"+clip(name, portal.MaxName)+"”. Create it first, or correct the name.")
		return 0, nil
	}
	return found.ID, err
}

package store

import (
	"context"
	"encoding/json"
	"fmt"

	"keyportal/internal/portal"
)

// head is the end of the Revision History: its last line, sealed so that nobody
// who lacks the key can set it back.
type head struct {
	revision int64
	mac      []byte
	seal     []byte
}

func (h head) bytes() []byte { return fmt.Appendf(nil, "head %d %x", h.revision, h.mac) }

// genuine tells whether this program wrote the head. None has been written while
// there is neither a user nor an organization: each comes with a line.
func (q Queries) genuine(ctx context.Context, h head, mac MAC) (bool, error) {
	if h.revision != 0 || len(h.mac) != 0 || len(h.seal) != 0 {
		return mac.VerifyMAC(h.seal, h.bytes()) == nil, nil
	}
	return one(ctx, q, portal.NounInstallation, scalar[bool], `/* untouched */ SELECT NOT EXISTS (SELECT 1 FROM users) AND NOT EXISTS (SELECT 1 FROM organizations)`)
}

func scanHead(r row) (h head, err error) { return h, r.Scan(&h.revision, &h.mac, &h.seal) }

const forgedMessage = "The Revision History does not end as it was written: the database was changed from outside, or the keyset is not the one that belongs to it. Nothing was changed. Run “keyportal audit verify”, then put the right keyset back or restore a backup."

func (c *Change) takeHead(ctx context.Context) (err error) {
	c.head, err = one(ctx, c.Queries, portal.NounInstallation, scanHead,
		`/* take revision head */ UPDATE revision_head SET taken_at = $1 WHERE id = 1 RETURNING revision_id, mac, seal`, at(c.Now()))
	if portal.CodeOf(err) == portal.CodeNotFound {
		return portal.Unavailable(forgedMessage, err)
	}
	if err != nil {
		return err
	}
	genuine, err := c.genuine(ctx, c.head, c.mac)
	if err == nil && !genuine {
		return portal.Unavailable(forgedMessage, nil)
	}
	return err
}

func (c *Change) putHead(ctx context.Context) error {
	seal, err := c.mac.MAC(c.head.bytes())
	if err != nil {
		return fmt.Errorf("seal the Revision History: %w", err)
	}
	return c.exec(ctx, `/* put revision head */ UPDATE revision_head SET revision_id = $1, mac = $2, seal = $3 WHERE id = 1`, c.head.revision, c.head.mac, seal)
}

// Record adds a line to the Revision History: the given organization, noun,
// user, action and changes, with the transaction's instant and actor.
func (c *Change) Record(ctx context.Context, line portal.Revision) error {
	line.ID = c.head.revision + 1
	line.At = c.Now()
	line.ActorID, line.ActorName = c.actor.UserID, c.actor.Name
	line.KeyID, line.KeyName = c.actor.KeyID, c.actor.KeyName
	line.Address = c.actor.Address
	mac, err := c.mac.MAC(line.Bytes(c.head.mac))
	if err != nil {
		return fmt.Errorf("sign a revision: %w", err)
	}
	line.MAC = mac
	if err := c.insertRevision(ctx, line); err != nil {
		return err
	}
	c.head = head{revision: line.ID, mac: mac}
	c.made++
	return nil
}

func (c *Change) insertRevision(ctx context.Context, line portal.Revision) error {
	changes, err := json.Marshal(line.Changes)
	if err != nil {
		return err
	}
	return c.exec(ctx, `/* insert revision */ INSERT INTO revisions (`+revisionColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		line.ID, at(line.At), line.ActorID, line.ActorName, line.KeyID, line.KeyName, line.ImpersonatorID, line.ImpersonatorName,
		line.Address, line.OrganizationID, line.Noun, line.NounID, line.NounName, line.UserID, line.Action, string(changes), line.MAC)
}

const revisionColumns = `id, at, actor_id, actor_name, key_id, key_name, impersonator_id, impersonator_name,
	address, organization_id, noun, noun_id, noun_name, user_id, action, changes, mac`

func scanRevision(r row) (portal.Revision, error) {
	line, _, err := scanStored(r)
	return line, err
}

// scanStored scans a line with its changes as they are stored.
func scanStored(r row) (line portal.Revision, changes []byte, err error) {
	err = r.Scan(&line.ID, instant{&line.At}, &line.ActorID, &line.ActorName, &line.KeyID, &line.KeyName, &line.ImpersonatorID, &line.ImpersonatorName,
		&line.Address, &line.OrganizationID, &line.Noun, &line.NounID, &line.NounName, &line.UserID, &line.Action, &changes, &line.MAC)
	if err == nil {
		err = json.Unmarshal(changes, &line.Changes)
	}
	return line, changes, err
}

// RevisionsOf lists the last lines about one thing, the newest first.
func (q Queries) RevisionsOf(ctx context.Context, noun portal.Noun, id int64, most int) ([]portal.Revision, error) {
	return all(ctx, q, scanRevision, `/* revisions of a thing */ SELECT `+revisionColumns+` FROM revisions
		WHERE noun = $1 AND noun_id = $2 ORDER BY id DESC LIMIT $3`, noun, id, most)
}

// RevisionsAbout lists the last lines about a user's account, memberships and
// links, the newest first; with an organization, only that one's and the
// installation's.
func (q Queries) RevisionsAbout(ctx context.Context, user, organization int64, most int) ([]portal.Revision, error) {
	return all(ctx, q, scanRevision, `/* revisions about a user */ SELECT `+revisionColumns+` FROM revisions
		WHERE user_id = $1 AND ($2 = 0 OR organization_id IN (0, $2)) ORDER BY id DESC LIMIT $3`, user, organization, most)
}

// Head gives the number and the MAC of the last line of the Revision History.
// Who keeps them elsewhere sees later whether lines were cut off at the end.
func (q Queries) Head(ctx context.Context) (revision int64, mac []byte, err error) {
	h, err := one(ctx, q, portal.NounInstallation, scanHead, `/* revision head */ SELECT revision_id, mac, seal FROM revision_head WHERE id = 1`)
	return h.revision, h.mac, err
}

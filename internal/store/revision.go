package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"keyportal/internal/portal"
)

// head is the last line of the Revision History.
type head struct {
	revision int64
	mac      []byte
}

func (c *Change) takeHead(ctx context.Context) (err error) {
	c.head, err = one(ctx, c.Queries, portal.NounInstallation, scanHead,
		`/* take revision head */ UPDATE revision_head SET taken_at = $1 WHERE id = 1 RETURNING revision_id, mac`, at(c.Now()))
	return err
}

func (c *Change) putHead(ctx context.Context) error {
	return c.exec(ctx, `/* put revision head */ UPDATE revision_head SET revision_id = $1, mac = $2 WHERE id = 1`, c.head.revision, c.head.mac)
}

func scanHead(r row) (h head, err error) { return h, r.Scan(&h.revision, &h.mac) }

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
	c.head = head{line.ID, mac}
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

func scanRevision(r row) (line portal.Revision, err error) {
	var changes []byte
	err = r.Scan(&line.ID, instant{&line.At}, &line.ActorID, &line.ActorName, &line.KeyID, &line.KeyName, &line.ImpersonatorID, &line.ImpersonatorName,
		&line.Address, &line.OrganizationID, &line.Noun, &line.NounID, &line.NounName, &line.UserID, &line.Action, &changes, &line.MAC)
	if err == nil {
		err = json.Unmarshal(changes, &line.Changes)
	}
	return line, err
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

// BrokenChain is what VerifyChain answers when the Revision History was
// tampered with.
type BrokenChain struct {
	Revision int64 // the first line that is not as it was written
	Reason   string
}

// Error names the line and the reason.
func (b *BrokenChain) Error() string {
	return fmt.Sprintf("the Revision History was tampered with: revision %d %s", b.Revision, b.Reason)
}

const chainBatch = 1000 // lines read at a time

// VerifyChain recomputes the chain from the first line to the head and gives
// the number of lines. The error is a *BrokenChain when a line was changed,
// removed, put elsewhere or cut off at the end.
func (s *Store) VerifyChain(ctx context.Context) (int64, error) {
	end, err := one(ctx, s.Queries, portal.NounInstallation, scanHead, `/* revision head */ SELECT revision_id, mac FROM revision_head WHERE id = 1`)
	if err != nil {
		return 0, err
	}
	var last head
	for last.revision < end.revision {
		lines, err := all(ctx, s.Queries, scanRevision, `/* revisions in order */ SELECT `+revisionColumns+` FROM revisions
			WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3`, last.revision, end.revision, chainBatch)
		if err != nil {
			return 0, err
		}
		if len(lines) == 0 {
			return 0, &BrokenChain{last.revision + 1, "is missing at the end"}
		}
		if last, err = s.follow(last, lines); err != nil {
			return 0, err
		}
	}
	if string(last.mac) != string(end.mac) {
		return 0, &BrokenChain{last.revision, "is not the one that the head was written for"}
	}
	return last.revision, s.nothingBeyond(ctx, end.revision)
}

func (s *Store) follow(last head, lines []portal.Revision) (head, error) {
	for _, line := range lines {
		if line.ID != last.revision+1 {
			return last, &BrokenChain{last.revision + 1, "is missing"}
		}
		if s.mac.VerifyMAC(line.MAC, line.Bytes(last.mac)) != nil {
			return last, &BrokenChain{line.ID, "was changed, or stands in another's place"}
		}
		last = head{line.ID, line.MAC}
	}
	return last, nil
}

// nothingBeyond finds lines behind a head that was set back. A line written
// since the head was read is behind the head that is there now.
func (s *Store) nothingBeyond(ctx context.Context, end int64) error {
	stray, err := one(ctx, s.Queries, portal.NounInstallation, scalar[int64],
		`/* revision beyond the head */ SELECT min(r.id) FROM revisions r, revision_head h WHERE r.id > $1 AND r.id > h.revision_id HAVING min(r.id) IS NOT NULL`, end)
	if err == nil {
		return &BrokenChain{stray, "stands behind the head"}
	}
	if e, ok := errors.AsType[*portal.Error](err); ok && e.Code == portal.CodeNotFound {
		return nil
	}
	return err
}

package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyportal/internal/portal"
)

// head is the end of the Revision History: its last line, sealed so that nobody
// who lacks the key can set it back.
type head struct {
	portal.Head
	seal []byte
}

func (h head) bytes() []byte { return fmt.Appendf(nil, "head %d %x", h.Revision, h.MAC) }

// genuine tells whether this program wrote the head. None has been written while
// there is neither a user nor an organization: each comes with a line.
func (q Queries) genuine(ctx context.Context, h head, mac MAC) (bool, error) {
	if h.Revision != 0 || len(h.MAC) != 0 || len(h.seal) != 0 {
		return mac.VerifyMAC(h.seal, h.bytes()) == nil, nil
	}
	return one(ctx, q, portal.NounInstallation, scalar[bool], `/* untouched */ SELECT NOT EXISTS (SELECT 1 FROM users) AND NOT EXISTS (SELECT 1 FROM organizations)`)
}

func scanHead(r row) (h head, err error) { return h, r.Scan(&h.Revision, &h.MAC, &h.seal) }

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
	return c.exec(ctx, `/* put revision head */ UPDATE revision_head SET revision_id = $1, mac = $2, seal = $3 WHERE id = 1`+c.engine.announcing(), c.head.Revision, c.head.MAC, seal)
}

// Record adds a line to the Revision History: the given organization, noun,
// user, action and changes, with the transaction's instant and actor.
func (c *Change) Record(ctx context.Context, line portal.Revision) error {
	line.ID = c.head.Revision + 1
	line.At = c.Now()
	line.ActorID, line.ActorName = c.actor.UserID, c.actor.Name
	line.KeyID, line.KeyName = c.actor.KeyID, c.actor.KeyName
	line.ImpersonatorID, line.ImpersonatorName = c.actor.Impersonator.UserID, c.actor.Impersonator.Name
	line.Address = c.actor.Address
	mac, err := c.mac.MAC(line.Bytes(c.head.MAC))
	if err != nil {
		return fmt.Errorf("sign a revision: %w", err)
	}
	line.MAC = mac
	if err := c.insertRevision(ctx, line); err != nil {
		return err
	}
	c.head = head{Head: portal.Head{Revision: line.ID, MAC: mac}}
	line.Changes = nil
	c.lines = append(c.lines, line)
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

// Revisions lists lines, the newest first, each page by an index that has them in
// this order.
func (q Queries) Revisions(ctx context.Context, filter portal.RevisionFilter) (portal.Page[portal.Revision], error) {
	leading := leadingColumns(filter)
	l := listing[portal.Revision]{name: "revisions", columns: revisionColumns, from: "revisions", id: "id", scan: scanRevision}
	narrow := func(set bool, column, value string, arg any) {
		switch {
		case set && slices.Contains(leading, column):
			l.filter(column+" = "+value, arg)
		case set:
			// An index that lines are found by is equal to something: this one is not.
			l.filter(column+" BETWEEN "+value+" AND "+value, arg)
		}
	}
	narrow(filter.Noun != "", "noun", "?", filter.Noun)
	narrow(filter.NounID != 0, "noun_id", "?", filter.NounID)
	narrow(filter.UserID != 0, "user_id", "?", filter.UserID)
	if portal.Fold(filter.Actor) == portal.CommandLine {
		narrow(true, "actor_id", "?", 0)
	} else {
		narrow(filter.Actor != "", "actor_id", "(SELECT u.id FROM users u WHERE u.username_folded = ?)", portal.Fold(filter.Actor))
	}
	if narrow(filter.KeyID != 0, "key_id", "?", filter.KeyID); filter.KeyID != 0 {
		l.where = append(l.where, "key_id <> 0") // as its index says
	}
	switch len(filter.Organizations) {
	case 0:
	case 1:
		narrow(true, "organization_id", "?", filter.Organizations[0])
	default:
		l.where = append(l.where, "+organization_id IN ("+numbers(filter.Organizations)+")")
	}
	if filter.NounID != 0 {
		l.afterDeletion(filter.Noun, filter.NounID)
	}
	l.between(filter)
	filter.Sort = portal.Sort{Desc: true}
	return page(ctx, q, l, filter.List)
}

// leadingColumns gives the columns by whose index lines are found, those first that few
// lines have in common: SQLite can't know which these are. Without any, lines are gone
// through from the last one on.
func leadingColumns(filter portal.RevisionFilter) []string {
	inOne := len(filter.Organizations) == 1
	switch {
	case filter.NounID != 0:
		return []string{"noun", "noun_id"}
	case filter.UserID != 0:
		return []string{"user_id"}
	case filter.KeyID != 0:
		return []string{"key_id"}
	case filter.Actor != "" && inOne:
		return []string{"organization_id", "actor_id"}
	case filter.Actor != "":
		return []string{"actor_id"}
	case inOne:
		return []string{"organization_id", "noun"}
	}
	return []string{"noun"}
}

// afterDeletion keeps the lines about the thing that has the ID now.
func (l *listing[T]) afterDeletion(noun portal.Noun, id int64) {
	l.args = append(l.args, noun, id, portal.ActionDeleted)
	n := len(l.args)
	l.where = append(l.where, fmt.Sprintf("id > coalesce((SELECT max(d.id) FROM revisions d WHERE d.noun = $%d AND d.noun_id = $%d AND d.action = $%d), 0)", n-2, n-1, n))
}

// clockSlack is by how much the clocks of replicas may differ: lines are numbered in
// the order of their instants but for this.
const clockSlack = time.Hour

// between keeps the lines of a time, within the numbers that lines of about that time
// have. A page behind the first one is bounded above by where it begins.
func (l *listing[T]) between(filter portal.RevisionFilter) {
	if !filter.Since.IsZero() {
		l.filter("+at >= ?", at(filter.Since))
		l.filter("id > coalesce((SELECT b.id FROM revisions b WHERE b.at < ? ORDER BY b.at DESC, b.id DESC LIMIT 1), 0)", at(filter.Since.Add(-clockSlack)))
	}
	if filter.Until.IsZero() {
		return
	}
	l.filter("+at < ?", at(filter.Until))
	if filter.After == "" {
		l.filter("id < coalesce((SELECT b.id FROM revisions b WHERE b.at >= ? ORDER BY b.at, b.id LIMIT 1), 9223372036854775807)", at(filter.Until.Add(clockSlack)))
	}
}

func numbers(list []int64) string {
	texts := make([]string, len(list))
	for i, number := range list {
		texts[i] = strconv.FormatInt(number, 10)
	}
	return strings.Join(texts, ", ")
}

// Head gives the end of the Revision History. Who keeps it elsewhere sees later
// whether lines were cut off.
func (q Queries) Head(ctx context.Context) (portal.Head, error) {
	h, err := q.sealedHead(ctx)
	return h.Head, err
}

func (q Queries) sealedHead(ctx context.Context) (head, error) {
	return one(ctx, q, portal.NounInstallation, scanHead, `/* revision head */ SELECT revision_id, mac, seal FROM revision_head WHERE id = 1`)
}

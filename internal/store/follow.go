package store

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
)

// Position is how far somebody has come who follows what changes: the head of the
// Revision History, and how many access tokens had been revoked. Both count in the
// order in which transactions commit, because each takes a row first that the next one
// waits for. The zero Position is before everything.
type Position struct {
	portal.Head
	Revocation int64
}

// News is what changed between two positions.
type News struct {
	Position                    // up to which it is complete
	Revisions []portal.Revision // what each is about, when and in which order; neither who it was nor the values
	Revoked   []TokenRevocation // of access tokens
	Unknown   bool              // too much changed to be listed
	Replaced  bool              // the database is not the one any more that it was at the first position: it went back
}

// TokenRevocation is that of an access token.
type TokenRevocation struct {
	Number int64
	Token  secret.Hash
}

const mostNews = 10_000 // lines that are listed

// News tells what changed since a position, in two or three statements; one when
// nothing did.
func (q Queries) News(ctx context.Context, since Position) (News, error) {
	now, err := q.Position(ctx)
	news := News{Position: now}
	switch {
	case err != nil:
		return news, err
	case now.Revision < since.Revision, now.Revocation < since.Revocation, now.Contradicts(since.Head):
		news.Replaced = true
		return news, nil
	case now.Revision-since.Revision > mostNews, now.Revocation-since.Revocation > mostNews:
		news.Unknown = true
		return news, nil
	}
	if now.Revision > since.Revision {
		if err := q.readRevisions(ctx, &news, since.Head); err != nil {
			return news, err
		}
	}
	if now.Revocation > since.Revocation {
		news.Revoked, err = all(ctx, q, scanTokenRevocation, `/* tokens revoked since */ SELECT revocation, hash FROM access_tokens WHERE revocation > $1 AND revocation <= $2`, since.Revocation, now.Revocation)
	}
	return news, err
}

// Position tells how far everything has come.
func (q Queries) Position(ctx context.Context) (Position, error) {
	return one(ctx, q, portal.NounInstallation, scanPosition, `/* position */ SELECT r.revision_id, r.mac, t.number FROM revision_head r, token_revocations t WHERE r.id = 1 AND t.id = 1`)
}

func scanPosition(r row) (p Position, err error) {
	return p, r.Scan(&p.Revision, &p.MAC, &p.Revocation)
}

// readRevisions lists the lines behind a head, which is read once more: it must still be
// the same line.
func (q Queries) readRevisions(ctx context.Context, news *News, since portal.Head) error {
	lines, err := all(ctx, q, scanOutline, `/* revisions since */ SELECT id, at, organization_id, noun, noun_id, user_id, action, mac FROM revisions WHERE id >= $1 AND id <= $2 ORDER BY id`, since.Revision, news.Revision)
	if err != nil {
		return err
	}
	if since.Revision > 0 {
		if len(lines) == 0 || lines[0].ID != since.Revision || !bytes.Equal(lines[0].MAC, since.MAC) {
			news.Replaced = true
			return nil
		}
		lines = lines[1:]
	}
	news.Revisions = lines
	return nil
}

func scanOutline(r row) (line portal.Revision, err error) {
	return line, r.Scan(&line.ID, instant{&line.At}, &line.OrganizationID, &line.Noun, &line.NounID, &line.UserID, &line.Action, &line.MAC)
}

func scanTokenRevocation(r row) (t TokenRevocation, err error) {
	var hash []byte
	err = r.Scan(&t.Number, &hash)
	copy(t.Token[:], hash)
	return t, err
}

// OnChange has a function called with the lines of each change of this store, after it
// was committed and before Change returns. Several goroutines call it at once, in
// whatever order.
func (s *Store) OnChange(tell func([]portal.Revision)) {
	s.told.Lock()
	defer s.told.Unlock()
	s.told.all = append(s.told.all, tell)
}

func (s *Store) tell(lines []portal.Revision) {
	s.told.RLock()
	defer s.told.RUnlock()
	for _, tell := range s.told.all {
		tell(lines)
	}
}

// channel is that of PostgreSQL's NOTIFY on which each change is announced.
const channel = "keyportal_changes"

const (
	heardAtLeast = 30 * time.Second // after which a silent connection is tried
	listenWithin = 5 * time.Second  // for dialing and trying
)

// Listen calls a function whenever another process may have changed something, and once
// at the start, over a connection of its own, until that is lost or the context ends;
// the error says why. Only PostgreSQL announces changes: on SQLite Listen waits for the
// context's end.
func (s *Store) Listen(ctx context.Context, heard func()) error {
	if s.engine != enginePostgres {
		<-ctx.Done()
		return ctx.Err()
	}
	connection, err := s.dialListener(ctx)
	if err != nil {
		return explain(err)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		connection.Close(closing)
	}()
	for {
		heard()
		if err := awaitNotification(ctx, connection); err != nil {
			return explain(err)
		}
	}
}

func (s *Store) dialListener(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, listenWithin)
	defer cancel()
	connection, err := pgx.Connect(ctx, s.url)
	if err != nil {
		return nil, err
	}
	if _, err := connection.Exec(ctx, "LISTEN "+channel); err != nil {
		return nil, errors.Join(err, connection.Close(ctx))
	}
	return connection, nil
}

// awaitNotification waits for the next announcement. A connection that is silent for
// long is tried, as a dead one is silent too.
func awaitNotification(ctx context.Context, connection *pgx.Conn) error {
	for {
		waiting, cancel := context.WithTimeout(ctx, heardAtLeast)
		_, err := connection.WaitForNotification(waiting)
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		trying, cancel := context.WithTimeout(ctx, listenWithin)
		err = connection.Ping(trying)
		cancel()
		if err != nil {
			return err
		}
	}
}

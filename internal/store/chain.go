package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"keyportal/internal/portal"
)

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
// removed, put elsewhere, added or cut off at the end.
func (s *Store) VerifyChain(ctx context.Context) (int64, error) {
	end, err := one(ctx, s.Queries, portal.NounInstallation, scanHead, `/* revision head */ SELECT revision_id, mac, seal FROM revision_head WHERE id = 1`)
	if portal.CodeOf(err) == portal.CodeNotFound {
		return 0, &BrokenChain{1, "cannot be followed: the head is missing"}
	}
	if err != nil {
		return 0, err
	}
	last, err := s.follow(ctx, end.revision)
	if err != nil {
		return 0, err
	}
	if err := s.nothingAside(ctx); err != nil {
		return 0, err
	}
	if !bytes.Equal(last.mac, end.mac) {
		return 0, &BrokenChain{last.revision, "is not the one that the head was written for"}
	}
	genuine, err := s.genuine(ctx, end, s.mac)
	if err == nil && !genuine {
		return 0, &BrokenChain{last.revision + 1, "was cut off with all that followed, or the head was changed"}
	}
	return last.revision, err
}

// follow checks the lines from the first to the given one, which it gives.
func (s *Store) follow(ctx context.Context, end int64) (last head, err error) {
	for last.revision < end {
		lines, err := all(ctx, s.Queries, scanChained, `/* revisions in order */ SELECT `+revisionColumns+` FROM revisions
			WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3`, last.revision, end, chainBatch)
		if err != nil {
			return last, err
		}
		if len(lines) == 0 {
			return last, &BrokenChain{last.revision + 1, "is missing at the end"}
		}
		for _, line := range lines {
			if last, err = line.after(last, s.mac); err != nil {
				return last, err
			}
		}
	}
	return last, nil
}

// chained is a line as it is found in the chain.
type chained struct {
	portal.Revision
	readable bool
}

// scanChained scans a line, whatever was done to it.
func scanChained(r row) (l chained, _ error) {
	line, stored, err := scanStored(r)
	if err != nil {
		return l, nil
	}
	changes, err := json.Marshal(line.Changes)
	return chained{line, bytes.Equal(changes, stored)}, err
}

// after checks that the line is the one that was written after another.
func (l chained) after(last head, mac MAC) (head, error) {
	switch {
	case l.ID > last.revision+1:
		return last, &BrokenChain{last.revision + 1, "is missing"}
	case !l.readable:
		return last, &BrokenChain{last.revision + 1, "was changed, and cannot be read as a line"}
	case mac.VerifyMAC(l.MAC, l.Bytes(last.mac)) != nil:
		return last, &BrokenChain{l.ID, "was changed, or stands in another's place"}
	}
	return head{revision: l.ID, mac: l.MAC}, nil
}

// nothingAside finds lines that the chain does not lead to.
func (s *Store) nothingAside(ctx context.Context) error {
	stray, err := one(ctx, s.Queries, portal.NounInstallation, scalar[int64], `/* revision aside from the chain */
		SELECT CAST(r.id AS BIGINT) FROM revisions r, revision_head h WHERE (r.id BETWEEN 1 AND h.revision_id) IS NOT TRUE ORDER BY r.id LIMIT 1`)
	if err == nil {
		return &BrokenChain{stray, "stands where the chain does not lead"}
	}
	if e, ok := errors.AsType[*portal.Error](err); ok && e.Code == portal.CodeNotFound {
		return nil
	}
	return err
}

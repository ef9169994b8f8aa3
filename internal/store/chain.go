package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"keyportal/internal/portal"
)

const chainBatch = 1000 // lines read at a time

// VerifyChain recomputes the chain from the first line to the head, which it gives.
// The error is a *portal.BrokenChain when a line was changed, removed, put elsewhere, added
// or cut off at the end. What was cut off together with its head, as by putting an
// older copy of the database in place, shows by a head that was kept elsewhere: each
// of the kept ones must still be on the chain.
func (s *Store) VerifyChain(ctx context.Context, kept ...portal.Head) (portal.Head, error) {
	end, err := s.sealedHead(ctx)
	if portal.CodeOf(err) == portal.CodeNotFound {
		return portal.Head{}, &portal.BrokenChain{Revision: 1, Reason: "cannot be followed: the head is missing"}
	}
	if err != nil {
		return portal.Head{}, err
	}
	last, err := s.follow(ctx, end.Revision, byLine(kept))
	if err != nil {
		return portal.Head{}, err
	}
	if err := s.nothingAside(ctx); err != nil {
		return portal.Head{}, err
	}
	if !bytes.Equal(last.MAC, end.MAC) {
		return portal.Head{}, &portal.BrokenChain{Revision: last.Revision, Reason: "is not the one that the head was written for"}
	}
	genuine, err := s.genuine(ctx, end, s.mac)
	if err != nil {
		return portal.Head{}, err
	}
	if !genuine {
		return portal.Head{}, &portal.BrokenChain{Revision: last.Revision + 1, Reason: "was cut off with all that followed, or the head was changed"}
	}
	return last, reaches(last, kept)
}

// reaches checks that the chain goes on to each of the kept heads.
func reaches(last portal.Head, kept []portal.Head) error {
	for _, earlier := range kept {
		if earlier.Revision > last.Revision {
			return &portal.BrokenChain{Revision: last.Revision + 1, Reason: fmt.Sprintf("was cut off with all that followed: the head that was kept is of line %d", earlier.Revision)}
		}
	}
	return nil
}

func byLine(heads []portal.Head) map[int64][]portal.Head {
	lines := map[int64][]portal.Head{}
	for _, h := range heads {
		lines[h.Revision] = append(lines[h.Revision], h)
	}
	return lines
}

// follow checks the lines from the first to the given one, which it gives, and that
// those of which a head was kept are still the same.
func (s *Store) follow(ctx context.Context, end int64, kept map[int64][]portal.Head) (last portal.Head, err error) {
	for last.Revision < end {
		lines, err := all(ctx, s.Queries, scanChained, `/* revisions in order */ SELECT `+revisionColumns+` FROM revisions
			WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3`, last.Revision, end, chainBatch)
		if err != nil {
			return last, err
		}
		if len(lines) == 0 {
			return last, &portal.BrokenChain{Revision: last.Revision + 1, Reason: "is missing at the end"}
		}
		for _, line := range lines {
			if last, err = line.after(last, s.mac); err != nil {
				return last, err
			}
			if slices.ContainsFunc(kept[last.Revision], last.Contradicts) {
				return last, &portal.BrokenChain{Revision: last.Revision, Reason: "is not the one of which the head was kept: lines were cut off there or before it, and others written since"}
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
func (l chained) after(last portal.Head, mac MAC) (portal.Head, error) {
	switch {
	case l.ID > last.Revision+1:
		return last, &portal.BrokenChain{Revision: last.Revision + 1, Reason: "is missing"}
	case !l.readable:
		return last, &portal.BrokenChain{Revision: last.Revision + 1, Reason: "was changed, and cannot be read as a line"}
	case mac.VerifyMAC(l.MAC, l.Bytes(last.MAC)) != nil:
		return last, &portal.BrokenChain{Revision: l.ID, Reason: "was changed, or stands in another's place"}
	}
	return portal.Head{Revision: l.ID, MAC: l.MAC}, nil
}

// nothingAside finds lines that the chain does not lead to.
func (s *Store) nothingAside(ctx context.Context) error {
	stray, err := one(ctx, s.Queries, portal.NounInstallation, scalar[int64], `/* revision aside from the chain */
		SELECT CAST(r.id AS BIGINT) FROM revisions r, revision_head h WHERE (r.id BETWEEN 1 AND h.revision_id) IS NOT TRUE ORDER BY r.id LIMIT 1`)
	if err == nil {
		return &portal.BrokenChain{Revision: stray, Reason: "stands where the chain does not lead"}
	}
	if e, ok := errors.AsType[*portal.Error](err); ok && e.Code == portal.CodeNotFound {
		return nil
	}
	return err
}

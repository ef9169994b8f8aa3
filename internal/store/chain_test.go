package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func TestTheChainHoldsAfterManyChangesAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		wantLines(t, s, 0)
		var verifying sync.WaitGroup
		done := make(chan struct{})
		verifying.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if _, err := s.VerifyChain(t.Context()); err != nil {
					t.Errorf("verifying while others write: %v", err)
					return
				}
			}
		})
		for _, err := range inParallel(20, func() error {
			for range 10 {
				if err := change(t, s, func(*store.Change) error { return nil }); err != nil {
					return err
				}
			}
			return nil
		}) {
			if err != nil {
				t.Error(err)
			}
		}
		close(done)
		verifying.Wait()
		wantLines(t, s, 200)
	})
}

func TestALongChainIsFollowedInParts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		storetest.Change(t, s, func(c *store.Change) error {
			for i := range int64(2000) {
				if err := c.Record(t.Context(), portal.Revision{Noun: portal.NounKey, NounID: i}); err != nil {
					return err
				}
			}
			return nil
		})
		wantLines(t, s, 2001)
	})
}

// history is a Revision History that can be tampered with and put back.
type history struct {
	s     *store.Store
	db    *sql.DB
	lines int64
	heads []portal.Head // as they were, by the number of lines
}

const revisionValues = `at, actor_id, actor_name, key_id, key_name, impersonator_id, impersonator_name,
	address, organization_id, noun, noun_id, noun_name, user_id, action, changes, mac`

func newHistory(t *testing.T, s *store.Store, lines int64) history {
	t.Helper()
	h := history{s, storetest.SQL(t, s), lines, nil}
	storetest.Exec(t, h.db, `CREATE TABLE heads AS SELECT * FROM revision_head`)
	h.heads = append(h.heads, must[portal.Head](t)(s.Head(t.Context())))
	for i := range lines {
		err := s.Change(t.Context(), clerk, func(c *store.Change) error {
			if _, err := c.InsertUser(t.Context(), portal.User{Username: fmt.Sprint("user ", i)}); err != nil {
				return err
			}
			return c.Record(t.Context(), portal.Revision{
				OrganizationID: i, Noun: portal.NounUser, NounID: i, NounName: fmt.Sprint("user ", i), UserID: i, Action: "changed",
				Changes: []portal.ValueChange{{Name: "E-mail", Before: fmt.Sprint(i), After: "new"}},
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		storetest.Exec(t, h.db, `INSERT INTO heads SELECT * FROM revision_head`)
		h.heads = append(h.heads, must[portal.Head](t)(s.Head(t.Context())))
	}
	on := ""
	triggers := []string{"revisions_are_final", "revisions_stay", "revisions_are_not_replaced"}
	if storetest.Of(s).Engine == storetest.PostgresEngine {
		on = " ON revisions"
		triggers = []string{"revisions_are_final", "revisions_stay"}
	}
	for _, trigger := range triggers {
		storetest.Exec(t, h.db, `DROP TRIGGER `+trigger+on)
	}
	storetest.Exec(t, h.db, `CREATE TABLE original AS SELECT * FROM revisions`)
	storetest.Exec(t, h.db, `CREATE TABLE original_head AS SELECT * FROM revision_head`)
	return h
}

// whole puts the history back, in the transaction in which it is tampered with.
func (h history) whole(tx *sql.Tx) error {
	for _, statement := range []string{
		`DELETE FROM revisions`, `INSERT INTO revisions (id, ` + revisionValues + `) SELECT id, ` + revisionValues + ` FROM original`,
		`DELETE FROM revision_head`, `INSERT INTO revision_head (id, revision_id, mac, seal, taken_at) SELECT id, revision_id, mac, seal, taken_at FROM original_head`,
	} {
		if _, err := tx.Exec(statement); err != nil {
			return err
		}
	}
	return nil
}

type statement struct {
	query string
	args  []any
}

// tampering is what is done to a whole history, and the first line that is then
// not as it was written.
type tampering struct {
	what       string
	statements []statement
	broken     int64
	written    int           // lines that the program itself writes afterwards
	kept       []portal.Head // that VerifyChain is given
}

// broken gives the line that VerifyChain names; 0 when it names none.
func (h history) broken(t rapid.TB, what tampering) int64 {
	tx, err := h.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if err := h.whole(tx); err != nil {
		t.Fatal(err)
	}
	for _, statement := range what.statements {
		if _, err := tx.Exec(statement.query, statement.args...); err != nil {
			t.Fatalf("%s: %v", what.what, err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	for i := range what.written {
		if err := h.s.Change(context.Background(), clerk, func(c *store.Change) error {
			return c.Record(context.Background(), portal.Revision{Noun: portal.NounUser, NounID: int64(1000 + i)})
		}); err != nil {
			t.Fatalf("%s: %v", what.what, err)
		}
	}
	_, err = h.s.VerifyChain(context.Background(), what.kept...)
	if broken, ok := errors.AsType[*portal.BrokenChain](err); ok {
		return broken.Revision
	}
	if err != nil {
		t.Errorf("%s: %v", what.what, err)
	}
	return 0
}

var numberColumns = []string{"at", "actor_id", "key_id", "impersonator_id", "organization_id", "noun_id", "user_id"}
var textColumns = []string{"actor_name", "key_name", "impersonator_name", "address", "noun", "noun_name", "action"}
var changesTampered = []string{"[]", "null", "{}", "not JSON", "", ` [{"name":"E-mail","before":"1","after":"new"}]`, `[{"NAME":"E-mail"}]`, `[{"name":"E-mail","before":"x","after":"new","more":1}]`}

func (h history) draw(t *rapid.T) tampering {
	line := rapid.Int64Range(1, h.lines).Draw(t, "line")
	at := func(query string, args ...any) []statement { return []statement{{query, append(args, line)}} }
	switch kind := rapid.IntRange(0, 12).Draw(t, "kind"); kind {
	case 0:
		column, by := rapid.SampledFrom(numberColumns).Draw(t, "column"), rapid.Int64Range(1, 1e9).Draw(t, "by")
		return tampering{what: "a number in " + column, statements: at(`UPDATE revisions SET `+column+` = `+column+` + $1 WHERE id = $2`, by), broken: line}
	case 1:
		column, text := rapid.SampledFrom(textColumns).Draw(t, "column"), rapid.StringMatching(`[a-z" ]{1,5}`).Draw(t, "text")
		return tampering{what: "a text in " + column, statements: at(`UPDATE revisions SET `+column+` = `+column+` || $1 WHERE id = $2`, text), broken: line}
	case 2:
		return tampering{what: "the changes", statements: at(`UPDATE revisions SET changes = $1 WHERE id = $2`, rapid.SampledFrom(changesTampered).Draw(t, "changes")), broken: line}
	case 3:
		mac := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "mac")
		return tampering{what: "the MAC", statements: at(`UPDATE revisions SET mac = $1 WHERE id = $2`, mac), broken: line}
	case 4:
		return tampering{what: "a line deleted", statements: at(`DELETE FROM revisions WHERE id = $1`), broken: line}
	case 5:
		return tampering{what: "the end cut off", statements: at(`DELETE FROM revisions WHERE id >= $1`), broken: line}
	case 6:
		return h.drawSwap(t, line)
	case 7:
		return h.drawHead(t, line)
	case 8:
		to := rapid.SampledFrom([]int64{h.lines + 1, h.lines + 100, 1 << 40}).Draw(t, "to")
		return tampering{what: "a line renumbered", statements: at(`UPDATE revisions SET id = $1 WHERE id = $2`, to), broken: line}
	case 9:
		added := h.lines + rapid.Int64Range(1, 1000).Draw(t, "added")
		return tampering{what: "a line added", statements: at(`INSERT INTO revisions (id, `+revisionValues+`) SELECT $1, `+revisionValues+` FROM original WHERE id = $2`, added), broken: added}
	case 10:
		return h.drawMove(t, line)
	}
	return h.drawRestore(t, line)
}

const apart = 1_000_000 // by how much lines are renumbered on their way

// drawMove closes the gap that a line leaves, makes room for one between others, or
// puts the lines from one on in the opposite order.
func (h history) drawMove(t *rapid.T, line int64) tampering {
	aside := statement{`UPDATE revisions SET id = id + $1 WHERE id >= $2`, []any{apart, line}}
	switch rapid.IntRange(0, 2).Draw(t, "how it moves") {
	case 0:
		return tampering{what: "a line deleted and the others moved up", statements: []statement{
			{`DELETE FROM revisions WHERE id = $1`, []any{line}}, aside, {`UPDATE revisions SET id = id - $1 - 1 WHERE id > $1`, []any{apart}},
		}, broken: line}
	case 1:
		copied := rapid.Int64Range(1, h.lines).Draw(t, "copied")
		return tampering{what: "a line put between others", statements: []statement{
			aside, {`UPDATE revisions SET id = id - $1 + 1 WHERE id > $1`, []any{apart}},
			{`INSERT INTO revisions (id, ` + revisionValues + `) SELECT $1, ` + revisionValues + ` FROM original WHERE id = $2`, []any{line, copied}},
		}, broken: h.first(line, copied)}
	}
	line = min(line, h.lines-1)
	aside.args[1] = line
	return tampering{what: "the end in the opposite order", statements: []statement{
		aside, {`UPDATE revisions SET id = $1 - (id - $2) WHERE id > $2`, []any{h.lines + line, apart}},
	}, broken: line}
}

// first gives the first line that is not as it was written when a copy of another one
// stands at its place: a line's own copy is the same.
func (h history) first(line, copied int64) int64 {
	if line == copied {
		return line + 1
	}
	return line
}

// drawRestore puts an older copy of the whole history in place, which is on its own as
// it was written, and may be gone on with. Heads that were kept elsewhere tell.
func (h history) drawRestore(t *rapid.T, line int64) tampering {
	line = max(line, 2) // without any line there were no users yet, and there are
	written := rapid.IntRange(0, int(h.lines)).Draw(t, "written")
	end := line - 1 + int64(written)
	kept := h.heads[rapid.Int64Range(line, h.lines).Draw(t, "kept")]
	broken := end + 1
	if kept.Revision <= end {
		broken = kept.Revision
	}
	return tampering{what: "an older copy restored", statements: []statement{
		{`DELETE FROM revisions WHERE id >= $1`, []any{line}}, {`DELETE FROM revision_head`, nil},
		{`INSERT INTO revision_head (id, revision_id, mac, seal, taken_at) SELECT id, revision_id, mac, seal, taken_at FROM heads WHERE revision_id = $1`, []any{line - 1}},
	}, broken: broken, written: written, kept: []portal.Head{h.heads[line-1], kept}}
}

// drawSwap puts two lines into each other's place.
func (h history) drawSwap(t *rapid.T, one int64) tampering {
	other := rapid.Int64Range(1, h.lines).Filter(func(line int64) bool { return line != one }).Draw(t, "other")
	return tampering{what: "two lines swapped", statements: []statement{
		{`UPDATE revisions SET id = 1000000 WHERE id = $1`, []any{one}},
		{`UPDATE revisions SET id = $1 WHERE id = $2`, []any{one, other}},
		{`UPDATE revisions SET id = $1 WHERE id = 1000000`, []any{other}},
	}, broken: min(one, other)}
}

// drawHead sets the head to a line, with the MAC that was right then.
func (h history) drawHead(t *rapid.T, line int64) tampering {
	set := statement{`UPDATE revision_head SET revision_id = $1, mac = coalesce((SELECT mac FROM original WHERE id = $1), '')`, []any{line - 1}}
	seal := statement{`UPDATE revision_head SET seal = $1`, []any{rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "seal")}}
	cut := statement{`DELETE FROM revisions WHERE id >= $1`, []any{line}}
	switch rapid.IntRange(0, 4).Draw(t, "what of the head") {
	case 0:
		return tampering{what: "the head set back", statements: []statement{set}, broken: line}
	case 1:
		return tampering{what: "the head set back with the end cut off", statements: []statement{set, cut}, broken: line}
	case 2:
		return tampering{what: "the head set back and sealed by another", statements: []statement{set, cut, seal}, broken: line}
	case 3:
		return tampering{what: "the head set forward", statements: []statement{{`UPDATE revision_head SET revision_id = revision_id + $1`, []any{line}}}, broken: h.lines + 1}
	}
	return tampering{what: "the head deleted", statements: []statement{{`DELETE FROM revision_head`, nil}}, broken: 1}
}

func TestTamperingIsFoundAndTheFirstBrokenLineNamed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHistory(t, s, 12)
		wantLines(t, s, 12)
		kinds, tampered := map[string]int{}, 0
		for tampered < 1200 { // rapid tries a hundred at a time
			rapid.Check(t, func(rt *rapid.T) {
				tampering := h.draw(rt)
				kinds[tampering.what]++
				tampered++
				if got := h.broken(rt, tampering); got != tampering.broken {
					rt.Errorf("%s (%v): VerifyChain names line %d, want %d", tampering.what, tampering.statements, got, tampering.broken)
				}
			})
			if t.Failed() {
				return
			}
		}
		t.Logf("%d tamperings: %v", tampered, kinds)
		if len(kinds) < 25 {
			t.Errorf("only %d kinds of tampering were tried", len(kinds))
		}
		if broken := h.broken(t, tampering{kept: h.heads}); broken != 0 {
			t.Errorf("the history that was put back is broken at line %d", broken)
		}
	})
}

func TestAnOlderCopyOfTheDatabaseShowsByAHeadThatWasKeptAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHistory(t, s, 6)
		restored := tampering{what: "the copy of line 4", statements: []statement{
			{`DELETE FROM revisions WHERE id > 4`, nil}, {`DELETE FROM revision_head`, nil},
			{`INSERT INTO revision_head (id, revision_id, mac, seal, taken_at) SELECT id, revision_id, mac, seal, taken_at FROM heads WHERE revision_id = 4`, nil},
		}}
		for what, test := range map[string]struct {
			written int
			kept    []portal.Head
			broken  int64
		}{
			"without a head":                            {0, nil, 0},
			"with that of the copy":                     {0, h.heads[4:5], 0},
			"with one of no lines":                      {0, h.heads[:1], 0},
			"with all of the time until then":           {0, h.heads[:5], 0},
			"with a later one":                          {0, h.heads[6:], 5},
			"with a later one of several":               {0, h.heads, 5},
			"gone on with, without a head":              {2, nil, 0},
			"gone on with, not as far as the head":      {1, h.heads[6:], 6},
			"gone on with as far as the head":           {2, h.heads[6:], 6},
			"gone on with further than the head":        {5, h.heads[5:6], 5},
			"gone on with, with a head of an old line":  {5, h.heads[3:4], 0},
			"with a head of another installation":       {0, []portal.Head{{Revision: 2, MAC: []byte("another")}}, 2},
			"with a head of more lines than there were": {0, []portal.Head{{Revision: 99, MAC: []byte("another")}}, 5},
		} {
			restored.written, restored.kept = test.written, test.kept
			wantEqual(t, what, h.broken(t, restored), test.broken)
		}
	})
}

func TestEveryColumnOfALineIsSigned(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHistory(t, s, 3)
		for _, column := range numberColumns {
			if got := h.broken(t, tampering{statements: []statement{{`UPDATE revisions SET ` + column + ` = ` + column + ` + 1 WHERE id = 2`, nil}}}); got != 2 {
				t.Errorf("%s: the broken line is %d, want 2", column, got)
			}
		}
		for _, column := range textColumns {
			if got := h.broken(t, tampering{statements: []statement{{`UPDATE revisions SET ` + column + ` = ` + column + ` || '.' WHERE id = 2`, nil}}}); got != 2 {
				t.Errorf("%s: the broken line is %d, want 2", column, got)
			}
		}
	})
}

func TestAForgedHeadIsNotBuiltOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHistory(t, s, 4)
		for what, query := range map[string]string{
			"set back":     `UPDATE revision_head SET revision_id = 3, mac = (SELECT mac FROM original WHERE id = 3)`,
			"to the start": `UPDATE revision_head SET revision_id = 0, mac = '', seal = ''`,
			"deleted":      `DELETE FROM revision_head`,
		} {
			h.broken(t, tampering{what: what, statements: []statement{{query, nil}}})
			wantCode(t, what, change(t, s, func(*store.Change) error { return nil }), portal.CodeUnavailable)
		}
		h.broken(t, tampering{})
		if err := change(t, s, func(*store.Change) error { return nil }); err != nil {
			t.Error(err)
		}
		wantLines(t, s, 5)
	})
}

// SQLite keeps in a column what other types a statement puts there.
func TestALineOfOtherTypesIsNamed(t *testing.T) {
	s := storetest.SQLite(t)
	h := newHistory(t, s, 3)
	for _, column := range numberColumns {
		for _, value := range []any{"text", 1.5, []byte{0xff}} {
			if got := h.broken(t, tampering{what: column, statements: []statement{{`UPDATE revisions SET ` + column + ` = $1 WHERE id = 2`, []any{value}}}}); got != 2 {
				t.Errorf("%s = %v: the broken line is %d, want 2", column, value, got)
			}
		}
	}
	for id, want := range map[any]int64{2.5: 2, "text": 2} {
		if got := h.broken(t, tampering{what: "id", statements: []statement{{`UPDATE revisions SET id = $1 WHERE id = 2`, []any{id}}}}); got != want {
			t.Errorf("ID %v: the broken line is %d, want %d", id, got, want)
		}
	}
}

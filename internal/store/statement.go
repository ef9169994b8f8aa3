package store

import (
	"context"
	"database/sql"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// byStatement runs what it is asked by the statement that there is for its text, so that
// it need not be parsed. What has none is run as ever.
type byStatement struct {
	querier
	statement func(ctx context.Context, query string) *sql.Stmt // nil: none
}

// QueryContext is that of sql.DB.
func (b *byStatement) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if statement := b.statement(ctx, query); statement != nil {
		return statement.QueryContext(ctx, args...)
	}
	return b.querier.QueryContext(ctx, query, args...)
}

// QueryRowContext is that of sql.DB.
func (b *byStatement) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if statement := b.statement(ctx, query); statement != nil {
		return statement.QueryRowContext(ctx, args...)
	}
	return b.querier.QueryRowContext(ctx, query, args...)
}

// ExecContext is that of sql.DB.
func (b *byStatement) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if statement := b.statement(ctx, query); statement != nil {
		return statement.ExecContext(ctx, args...)
	}
	return b.querier.ExecContext(ctx, query, args...)
}

const (
	mostParsed = 300                   // statements of a pool: some come in as many texts as there are rows
	parseWait  = 20 * time.Millisecond // for a connection to parse one on
)

// parsed keeps statements of a SQLite pool parsed, which takes longer than running them.
// PostgreSQL's driver does so by itself.
type parsed struct {
	pool       *sql.DB
	statements sync.Map // *sql.Stmt by text
	count      atomic.Int64
}

func (p *parsed) statement(query string) *sql.Stmt {
	known, _ := p.statements.Load(query)
	statement, _ := known.(*sql.Stmt)
	return statement
}

// keep parses a statement for those who ask for it from now on. When it can't be parsed,
// running it says why.
func (p *parsed) keep(ctx context.Context, query string) *sql.Stmt {
	if p.count.Load() >= mostParsed {
		return nil
	}
	made, err := p.pool.PrepareContext(ctx, query)
	if err != nil {
		return nil
	}
	if known, there := p.statements.LoadOrStore(query, made); there {
		made.Close()
		return known.(*sql.Stmt)
	}
	p.count.Add(1)
	return made
}

var checkQueries = []string{subjectQuery, subjectAsQuery, tokenSubjectQuery, tokenSubjectAsQuery, importedSubjectQuery}

// reader reads from the pool, with the check's statements kept.
func (p *parsed) reader() querier {
	return &byStatement{p.pool, func(ctx context.Context, query string) *sql.Stmt {
		if known := p.statement(query); known != nil || !slices.Contains(checkQueries, query) {
			return known
		}
		return p.keep(ctx, query)
	}}
}

// in runs a transaction's statements. Those that are new are kept by the function that it
// gives, once the transaction has ended and given its connection back.
func (p *parsed) in(tx *sql.Tx) (q querier, keepNew func()) {
	var added []string
	q = &byStatement{tx, func(ctx context.Context, query string) *sql.Stmt {
		if known := p.statement(query); known != nil {
			return tx.StmtContext(ctx, known)
		}
		added = append(added, query)
		return nil
	}}
	return q, func() {
		ctx, cancel := context.WithTimeout(context.Background(), parseWait)
		defer cancel()
		for _, query := range added {
			if p.statement(query) == nil && p.keep(ctx, query) == nil {
				return
			}
		}
	}
}

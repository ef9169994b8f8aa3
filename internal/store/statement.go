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
// it need not be parsed. What has none, a nil one, is run as ever.
type byStatement struct {
	querier
	statement func(ctx context.Context, query string) (*sql.Stmt, error)
}

// QueryContext is that of sql.DB.
func (b *byStatement) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	statement, err := b.statement(ctx, query)
	switch {
	case err != nil:
		return nil, err
	case statement != nil:
		return statement.QueryContext(ctx, args...)
	}
	return b.querier.QueryContext(ctx, query, args...)
}

// QueryRowContext is that of sql.DB. What has no statement because of an error fails
// again.
func (b *byStatement) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if statement, _ := b.statement(ctx, query); statement != nil {
		return statement.QueryRowContext(ctx, args...)
	}
	return b.querier.QueryRowContext(ctx, query, args...)
}

// ExecContext is that of sql.DB.
func (b *byStatement) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	statement, err := b.statement(ctx, query)
	switch {
	case err != nil:
		return nil, err
	case statement != nil:
		return statement.ExecContext(ctx, args...)
	}
	return b.querier.ExecContext(ctx, query, args...)
}

const (
	mostParsed = 300         // statements of a pool, more than there are texts but for lists
	parseWait  = time.Second // for a connection to parse one on
)

// parsed keeps statements of a SQLite pool parsed, which takes longer than running them.
// PostgreSQL's driver does so by itself.
type parsed struct {
	pool       *sql.DB
	statements sync.Map // *sql.Stmt by text
	count      atomic.Int64
	parsing    sync.Mutex // what transactions add
	ended      sync.Once
}

func (p *parsed) statement(query string) *sql.Stmt {
	known, _ := p.statements.Load(query)
	statement, _ := known.(*sql.Stmt)
	return statement
}

// add parses a statement for those who ask for it from now on. It gives nil when there
// are too many, and when it can't be parsed: running it says why.
func (p *parsed) add(ctx context.Context, query string) *sql.Stmt {
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

// reader reads from the pool, by statements for some texts.
func (p *parsed) reader(texts ...string) querier {
	return &byStatement{p.pool, func(ctx context.Context, query string) (*sql.Stmt, error) {
		if known := p.statement(query); known != nil || !slices.Contains(texts, query) {
			return known, nil
		}
		return p.add(ctx, query), nil
	}}
}

// in runs a transaction by statements. The function that it gives adds those that were
// not known, as soon as the connection that the transaction had is free.
func (p *parsed) in(tx *sql.Tx) (q querier, addNew func()) {
	var unknown []string
	q = &byStatement{tx, func(ctx context.Context, query string) (*sql.Stmt, error) {
		if known := p.statement(query); known != nil {
			return tx.StmtContext(ctx, known), nil
		}
		unknown = append(unknown, query)
		return nil, nil
	}}
	return q, func() {
		if len(unknown) > 0 && p.count.Load() < mostParsed && p.parsing.TryLock() {
			go p.addAll(unknown)
		}
	}
}

// end waits until nothing is added any more, so that the pool can be closed.
func (p *parsed) end() { p.ended.Do(p.parsing.Lock) }

func (p *parsed) addAll(queries []string) {
	defer p.parsing.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), parseWait)
	defer cancel()
	for _, query := range queries {
		if p.statement(query) == nil && p.add(ctx, query) == nil {
			return
		}
	}
}

package store

import (
	"context"
	"database/sql"
	"slices"
	"sync"
)

// parsed reads from SQLite with the statements of the check parsed once for each
// connection: parsing one takes longer than running it. PostgreSQL's driver keeps
// whatever is read parsed by itself.
type parsed struct {
	*sql.DB
	statements sync.Map // *sql.Stmt by text
}

var parsedQueries = []string{subjectQuery, subjectAsQuery, tokenSubjectQuery, tokenSubjectAsQuery, importedSubjectQuery}

// QueryRowContext reads one row.
func (p *parsed) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if statement := p.statement(ctx, query); statement != nil {
		return statement.QueryRowContext(ctx, args...)
	}
	return p.DB.QueryRowContext(ctx, query, args...)
}

// statement gives nil for what is not kept, and when it can't be parsed: reading it says
// why.
func (p *parsed) statement(ctx context.Context, query string) *sql.Stmt {
	if known, ok := p.statements.Load(query); ok {
		return known.(*sql.Stmt)
	}
	if !slices.Contains(parsedQueries, query) {
		return nil
	}
	made, err := p.DB.PrepareContext(ctx, query)
	if err != nil {
		return nil
	}
	if known, there := p.statements.LoadOrStore(query, made); there {
		made.Close()
		return known.(*sql.Stmt)
	}
	return made
}

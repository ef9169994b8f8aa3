// Package migrations holds the database schema as numbered SQL.
package migrations

import "embed"

// Files holds the numbered migrations, which both engines share, and beside
// them sqlite.sql and postgres.sql with what the engines spell differently.
//
//go:embed *.sql
var Files embed.FS

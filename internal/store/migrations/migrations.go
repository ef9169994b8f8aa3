// Package migrations holds the database schema as numbered SQL.
package migrations

import "embed"

// Files holds the numbered migrations: those that both engines share, and in the
// folders sqlite and postgres those that the engines spell differently.
//
//go:embed *.sql sqlite postgres
var Files embed.FS

package main

import (
	"context"
	"fmt"
	"strings"

	"keyportal/internal/config"
)

type backupCommand struct {
	config.Data

	File string `arg:"" help:"File to make; it must not be there yet. SQLite gives a database file, PostgreSQL an archive for pg_restore."`
}

// Run makes a backup.
func (c backupCommand) Run(ctx context.Context, env environment) error {
	ctx, stop := untilSignal(ctx)
	defer stop()
	manager, err := openInstallation(ctx, c.Data)
	if err != nil {
		return err
	}
	defer manager.Store.Close()
	made, err := manager.Store.Backup(ctx, c.File)
	if err != nil {
		return err
	}
	if made.Broken != nil {
		return fmt.Errorf("%s is a complete copy, but %w", c.File, made.Broken)
	}
	rows := make([]string, len(made.Rows))
	for i, table := range made.Rows {
		rows[i] = fmt.Sprintf("%s %d", table.Table, table.Count)
	}
	fmt.Fprintf(env.stdout, "%s is complete; it was read back: %s.\n", c.File, strings.Join(rows, ", "))
	fmt.Fprintf(env.stdout, "The keyset %s is not in it: keep a copy of it elsewhere.\n", c.KeysetPath())
	return nil
}

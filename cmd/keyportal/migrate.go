package main

import (
	"context"
	"fmt"

	"keyportal/internal/config"
	"keyportal/internal/store"
)

type migrateCommand struct {
	config.Data
}

// Run brings the schema up to date.
func (c migrateCommand) Run(ctx context.Context, env environment) error {
	opened, err := openMigrated(ctx, c.Data, store.Options{})
	if err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "The database %s is up to date.\n", c.DB)
	return opened.Close()
}

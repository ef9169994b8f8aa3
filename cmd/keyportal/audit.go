package main

import (
	"context"
	"fmt"

	"keyportal/internal/config"
)

type auditVerifyCommand struct {
	config.Data
}

// Run recomputes the chain of the Revision History. The head that it prints was
// read before, so that it lies within what was verified.
func (c auditVerifyCommand) Run(ctx context.Context, env environment) error {
	manager, err := openInstallation(ctx, c.Data)
	if err != nil {
		return err
	}
	defer manager.Store.Close()
	head, mac, err := manager.Store.Head(ctx)
	if err != nil {
		return err
	}
	lines, err := manager.VerifyChain(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "The Revision History is as it was written: %d lines.\nhead %d %x\n", lines, head, mac)
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"keyportal/internal/config"
	"keyportal/internal/portal"
)

type auditVerifyCommand struct {
	config.Data

	Head string `placeholder:"FILE" help:"What audit head or audit verify printed earlier, kept elsewhere; - for standard input. What was cut off since is named then."`
}

// Run recomputes the chain of the Revision History and prints its head.
func (c auditVerifyCommand) Run(ctx context.Context, env environment) error {
	kept, err := c.kept(env)
	if err != nil {
		return err
	}
	manager, err := openInstallation(ctx, c.Data)
	if err != nil {
		return err
	}
	defer manager.Store.Close()
	head, err := manager.VerifyChain(ctx, kept...)
	if broken, ok := errors.AsType[*portal.BrokenChain](err); ok && broken.Revision == 1 {
		return fmt.Errorf("%w; it looks the same with the keyset of another installation: if that was it, name the right one with --keyset", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "The Revision History is as it was written: %d lines.\nhead %s\n", head.Revision, head)
	return nil
}

const longestHead = 1 << 20 // bytes that are read of a file with heads

// kept reads the heads that were kept elsewhere, if any are given.
func (c auditVerifyCommand) kept(env environment) ([]portal.Head, error) {
	if c.Head == "" {
		return nil, nil
	}
	in := env.stdin
	if c.Head != "-" {
		file, err := os.Open(c.Head)
		if err != nil {
			return nil, fmt.Errorf("--head: %w", err)
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, longestHead))
	if err != nil {
		return nil, fmt.Errorf("--head: %w", err)
	}
	heads, err := portal.ParseHeads(string(text))
	if err != nil {
		return nil, fmt.Errorf("--head: %w", err)
	}
	return heads, nil
}

type auditHeadCommand struct {
	config.Data
}

// Run prints the head of the Revision History on one line, to be kept elsewhere. It
// verifies nothing.
func (c auditHeadCommand) Run(ctx context.Context, env environment) error {
	manager, err := openInstallation(ctx, c.Data)
	if err != nil {
		return err
	}
	defer manager.Store.Close()
	head, err := manager.Head(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(env.stdout, head)
	return nil
}

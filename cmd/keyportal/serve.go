package main

import (
	"context"
	"fmt"

	"keyportal/internal/config"
	"keyportal/internal/portal"
)

type serveCommand struct {
	config.Config
}

// Run serves until it is told to end.
func (c serveCommand) Run(ctx context.Context, env environment) error {
	ctx, stop := untilSignal(ctx)
	defer stop()
	opened, keys, err := prepareStore(ctx, c.Data)
	if err != nil {
		return err
	}
	defer opened.Close()
	s, err := listen(c.Config, opened, keys, c.Logger(env.stderr))
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.manager.EnsurePortalAPI(portal.WithActor(ctx, portal.Program("Key Portal"))); err != nil {
		return err
	}
	warnings, err := opened.Warnings(ctx)
	for _, warning := range warnings {
		s.log.Warn(warning)
	}
	if err != nil {
		return err
	}
	link, err := s.manager.SetupLink(ctx)
	if err != nil {
		return err
	}
	s.announce(env.stdout)
	if link != "" {
		fmt.Fprintf(env.stdout, "\nThere are no users yet. Make the first super admin with this link; it works once, for 24 hours:\n\n    %s\n\n", link)
	}
	return s.run(ctx)
}

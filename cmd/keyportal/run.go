package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"keyportal/internal/portal"
)

// The exit statuses.
const (
	done       = 0
	failed     = 1
	wrongUsage = 2
)

// environment is where a command reads and writes.
type environment struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

// commands are what the program can be told to do.
type commands struct {
	Serve   serveCommand   `cmd:"" default:"withargs" help:"Run the portal and the check. This is what happens without a command."`
	Demo    demoCommand    `cmd:"" help:"Run a fresh sample installation that is gone when the program ends."`
	Migrate migrateCommand `cmd:"" help:"Bring the database's schema up to date; make the database when there is none."`
	Admin   struct {
		Create adminCreateCommand `cmd:"" help:"Make a super admin; make the database when there is none."`
	} `cmd:"" help:"Super admins."`
	Key struct {
		Create keyCreateCommand `cmd:"" help:"Generate an API key and print it."`
		Verify keyVerifyCommand `cmd:"" help:"Tell whether the API key on standard input would pass the check."`
		Revoke keyRevokeCommand `cmd:"" help:"Revoke an API key for good."`
	} `cmd:"" help:"API keys."`
	Import struct {
		Keys importKeysCommand `cmd:"" help:"Take over the API keys that customers had before, from a file with their SHA-256. Without --apply it only tells what it would do."`
	} `cmd:"" help:"Move in."`
	Audit struct {
		Verify auditVerifyCommand `cmd:"" help:"Tell whether the Revision History is as it was written."`
		Head   auditHeadCommand   `cmd:"" help:"Print the Revision History's head, to be kept elsewhere."`
	} `cmd:"" help:"The Revision History."`
	Backup backupCommand `cmd:"" help:"Copy the database, in use or not, to a file and read it back."`
}

// run does what the arguments say and gives the exit status. Settings that the
// arguments leave open come from the process's environment variables. What goes
// wrong is told in one line on stderr.
func run(ctx context.Context, args []string, env environment) int {
	answered := false // by the help
	parser, err := kong.New(&commands{},
		kong.Name("keyportal"),
		kong.Description("A self-hosted portal for API keys, and the check by which gateways accept or refuse them."),
		kong.Writers(env.stdout, env.stderr),
		kong.Exit(func(int) { answered = true }),
		kong.BindTo(portal.WithActor(ctx, portal.Program(portal.CommandLine)), (*context.Context)(nil)),
		kong.Bind(env),
	)
	if err != nil {
		return report(env, err, failed)
	}
	command, err := parser.Parse(args)
	switch {
	case answered:
		return done
	case err != nil:
		return report(env, err, wrongUsage)
	}
	if err := command.Run(); err != nil {
		return report(env, err, failed)
	}
	return done
}

// report tells an error in one line. Of lines that errors repeat it tells one.
func report(env environment, err error, status int) int {
	text := err.Error()
	if refused, ok := errors.AsType[*portal.Error](err); ok && len(refused.Fields) > 0 {
		text = refused.Message
	}
	var told []string
	for line := range strings.Lines(strings.TrimPrefix(text, "keyportal ")) {
		if line = strings.TrimSpace(line); !slices.Contains(told, line) {
			told = append(told, line)
		}
	}
	fmt.Fprintln(env.stderr, "keyportal: "+strings.Join(told, " "))
	return status
}

// untilSignal ends the context with the first SIGINT or SIGTERM. A second one
// ends the program.
func untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

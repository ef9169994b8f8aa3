package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/labstack/echo/v4"

	"keyportal/internal/keyset"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
)

// build builds the real program.
func build(ctx context.Context, folder string) (string, error) {
	program := filepath.Join(folder, "keyportal")
	command := exec.CommandContext(ctx, "go", "build", "-o", program, "keyportal/cmd/keyportal")
	command.Stderr = os.Stderr
	return program, command.Run()
}

// database is where keys are kept while they are measured.
type database struct{ engine, url string }

func databases(folder string) []database {
	all := []database{{"SQLite", filepath.Join(folder, "bench.db")}}
	if server := os.Getenv("KEYPORTAL_TEST_POSTGRES"); server != "" {
		all = append(all, database{"PostgreSQL", server})
	}
	return all
}

// prepared is a database with keys in it.
type prepared struct {
	database
	keyset string
	store  *store.Store
	user   portal.User
	client portal.Organization
	keys   []string // in clear
	drop   func() error
}

func (p *prepared) close() error { return errors.Join(p.store.Close(), p.drop()) }

func prepare(ctx context.Context, d database, folder string, keys int) (*prepared, error) {
	p := &prepared{database: d, keyset: filepath.Join(folder, d.engine+".keyset"), drop: func() error { return nil }}
	if d.engine == "PostgreSQL" {
		if err := p.ownDatabase(ctx); err != nil {
			return nil, err
		}
	}
	mac, err := keyset.Open(p.keyset)
	if err != nil {
		return nil, err
	}
	if p.store, err = store.Open(ctx, p.url, store.Options{MAC: mac}); err != nil {
		return nil, err
	}
	if err := p.store.Migrate(ctx); err != nil {
		return nil, err
	}
	return p, p.populate(ctx, keys)
}

// ownDatabase makes a database for this run on the PostgreSQL server.
func (p *prepared) ownDatabase(ctx context.Context) error {
	server, err := sql.Open("pgx", p.url)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("keyportal_bench_%d", os.Getpid())
	if _, err := server.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return errors.Join(err, server.Close())
	}
	p.drop = func() error {
		_, err := server.Exec("DROP DATABASE " + name + " WITH (FORCE)")
		return errors.Join(err, server.Close())
	}
	address, err := url.Parse(p.url)
	if err != nil {
		return err
	}
	address.Path = "/" + name
	p.url = address.String()
	return nil
}

// populate makes a user with All Access and the keys, all granted one API set.
func (p *prepared) populate(ctx context.Context, keys int) error {
	return p.store.Change(ctx, portal.Program("bench"), func(c *store.Change) error {
		var err error
		if p.client, err = c.InsertOrganization(ctx, portal.Organization{Name: "Bench", LevelID: 1}); err != nil {
			return err
		}
		if p.user, err = c.InsertUser(ctx, portal.User{Username: "bench", Email: "bench@example.com", Enabled: true}); err != nil {
			return err
		}
		if _, err = c.SaveMembership(ctx, portal.Membership{OrganizationID: p.client.ID, UserID: p.user.ID, Admin: true, AllAccess: true}); err != nil {
			return err
		}
		set, err := c.InsertAPISet(ctx, portal.APISet{Slug: "billing", Name: "Billing", Routes: []string{"/billing/"}})
		if err != nil {
			return err
		}
		for i := range keys {
			value := secret.New("", secret.Token)
			hash := value.Hash()
			key := portal.Key{Kind: portal.TokenKey, OrganizationID: p.client.ID, UserID: p.user.ID, Name: fmt.Sprintf("Key %d", i), Enabled: true, APISets: []portal.APISet{set}}
			if _, err := c.InsertKey(ctx, key, portal.Secret{Hash: hash[:], Masked: value.Mask()}); err != nil {
				return err
			}
			p.keys = append(p.keys, value.Reveal())
		}
		return c.Record(ctx, portal.Revision{Noun: portal.NounInstallation, NounName: "bench", Action: "populated"})
	})
}

// process is a server that was started.
type process struct {
	command *exec.Cmd
	address string // host and port
}

// start starts a server and waits until it listens.
func start(ctx context.Context, address, program string, arguments ...string) (*process, error) {
	p := &process{exec.CommandContext(ctx, program, arguments...), address}
	p.command.Stdout, p.command.Stderr = nil, os.Stderr
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	for range 200 {
		connection, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			return p, connection.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, errors.Join(fmt.Errorf("%s does not listen on %s", program, address), p.stop())
}

func (p *process) stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	err := p.command.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && !exit.Exited() {
		return nil // ended by the signal
	}
	return err
}

// startProgram starts the real program on a database.
func startProgram(ctx context.Context, program string, p *prepared) (*process, error) {
	portalAddress, err := freeAddress()
	if err != nil {
		return nil, err
	}
	gatewayAddress, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return start(ctx, gatewayAddress, program, "serve", "--db", p.url, "--keyset", p.keyset, "--addr", portalAddress, "--gateway-addr", gatewayAddress, "--log-level", "warn")
}

// startBare starts this program as the bare server.
func startBareServer(ctx context.Context) (*process, error) {
	own, err := os.Executable()
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	if err := os.Setenv(bareAddress, address); err != nil {
		return nil, err
	}
	return start(ctx, address, own, "-bare")
}

const bareAddress = "KEYPORTAL_BENCH_BARE_ADDR"

// serveBare is the server that the check is measured against: echo that answers
// 204 to everything.
func serveBare() error {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Any("/*", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	return e.Start(os.Getenv(bareAddress))
}

// freeAddress finds a port of the loopback interface that nobody listens on.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

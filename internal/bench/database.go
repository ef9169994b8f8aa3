package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"keyportal/internal/keyset"
	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store"
)

// engine is a database engine by its name.
type engine string

const (
	sqlite   engine = "SQLite"
	postgres engine = "PostgreSQL"
)

var enginesByName = map[string]engine{"sqlite": sqlite, "postgres": postgres}

// postgresURL is the variable with the URL of the server on which databases are made.
const postgresURL = "KEYPORTAL_TEST_POSTGRES"

// open opens a database beside the store, for one statement after the other.
func (e engine) open(database string, pragmas ...string) (*sql.DB, error) {
	driver := "pgx"
	if e == sqlite {
		driver, database = "sqlite", "file:"+database+"?"+url.Values{"_pragma": pragmas}.Encode()
	}
	opened, err := sql.Open(driver, database)
	if err == nil {
		opened.SetMaxOpenConns(1)
	}
	return opened, err
}

// prepared is a database with keys in it.
type prepared struct {
	engine  engine
	url     string
	keyset  string
	size    int // keys
	store   *store.Store
	manager *manage.Manager
	client  portal.Organization // has all keys
	admin   portal.User         // of the client
	role    portal.Role         // that the client's users have
	gateway string              // the key of who may verify keys
	keys    []knownKey
	drop    func() error
}

// knownKey is a key that can be asked for.
type knownKey struct {
	id           int64
	name, secret string
}

// prepare makes a database with so many keys and as many lines in the Revision
// History.
func (b *bench) prepare(ctx context.Context, on engine, size int) (*prepared, error) {
	b.databases++
	name := fmt.Sprintf("keyportal_bench_%d_%d", os.Getpid(), b.databases)
	p := &prepared{engine: on, size: size, keyset: filepath.Join(b.folder, name+".keyset")}
	if err := p.make(ctx, b.folder, name); err != nil {
		return nil, err
	}
	err := p.openStore(ctx)
	if err == nil {
		err = p.store.Migrate(ctx)
	}
	if err == nil {
		err = p.addAccounts(portal.WithActor(ctx, portal.Program("bench")))
	}
	if err == nil {
		err = p.addKeys(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// make makes the empty database, which is dropped in the end.
func (p *prepared) make(ctx context.Context, folder, name string) error {
	if p.engine == sqlite {
		p.url = filepath.Join(folder, name+".db")
		p.drop = func() error {
			files, err := filepath.Glob(p.url + "*")
			for _, file := range files {
				err = errors.Join(err, os.Remove(file))
			}
			return err
		}
		return nil
	}
	address, err := url.Parse(os.Getenv(postgresURL))
	if err != nil {
		return err
	}
	server, err := postgres.open(address.String())
	if err != nil {
		return err
	}
	if _, err := server.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return errors.Join(err, server.Close())
	}
	p.drop = func() error {
		_, err := server.Exec("DROP DATABASE " + name + " WITH (FORCE)")
		return errors.Join(err, server.Close())
	}
	address.Path = "/" + name
	p.url = address.String()
	return nil
}

func (p *prepared) openStore(ctx context.Context) error {
	mac, err := keyset.Open(p.keyset)
	if err != nil {
		return err
	}
	if p.store, err = store.Open(ctx, p.url, store.Options{MAC: mac}); err != nil {
		return err
	}
	p.manager = manage.New(manage.Options{Store: p.store, BaseURL: &url.URL{Scheme: "http", Host: "localhost"}})
	return nil
}

func (p *prepared) close() error {
	var err error
	if p.store != nil {
		err = p.store.Close()
	}
	return errors.Join(err, p.drop())
}

// Who signs in.
const (
	superAdmin  = "root"
	clientAdmin = "clientadmin"
	password    = "correct horse battery staple"
	gatewayRole = 4 // the built-in one
)

// addAccounts makes the client with its role and the people, and the account of a
// gateway with its key.
func (p *prepared) addAccounts(ctx context.Context) error {
	root, err := p.manager.CreateSuperAdmin(ctx, manage.FirstAdmin{
		Username: superAdmin, FirstName: "Rosa", LastName: "Root", Email: "root@example.com", Password: password, Organization: "Example Client",
	})
	if err != nil {
		return err
	}
	if p.client, err = p.store.OrganizationByName(ctx, "Example Client"); err != nil {
		return err
	}
	var gateways portal.Membership
	err = p.store.Change(ctx, portal.ActorFrom(ctx), func(c *store.Change) error {
		if err := p.addClient(ctx, c, root); err != nil {
			return err
		}
		own, err := c.InsertOrganization(ctx, portal.Organization{Name: "Gateways", LevelID: 1})
		if err != nil {
			return err
		}
		_, gateways, err = addMember(ctx, c, "gateway", portal.Membership{OrganizationID: own.ID, Roles: []portal.Role{{ID: gatewayRole}}})
		if err != nil {
			return err
		}
		return c.Record(ctx, portal.Revision{Noun: portal.NounInstallation, NounName: "bench", Action: "prepared"})
	})
	if err != nil {
		return err
	}
	made, err := p.manager.CreateKey(ctx, manage.NewKey{OrganizationID: gateways.OrganizationID, UserID: gateways.UserID, Name: "Gateway"})
	p.gateway = made.Secret.Reveal()
	return err
}

// addClient makes what the client's keys need, and its admin with the same password as
// the super admin.
func (p *prepared) addClient(ctx context.Context, c *store.Change, root portal.User) (err error) {
	var sets []portal.APISet
	for _, name := range []string{"Billing", "Dunning"} {
		slug := strings.ToLower(name)
		set, err := c.InsertAPISet(ctx, portal.APISet{Slug: slug, Name: name, Routes: []string{"/" + slug + "/"}})
		if err != nil {
			return err
		}
		sets = append(sets, set)
	}
	p.role, err = c.InsertRole(ctx, portal.Role{OrganizationID: p.client.ID, Name: "Developer", Authorities: []portal.Authority{portal.ManageUserAPIKey}, APISets: sets})
	if err != nil {
		return err
	}
	p.admin, _, err = addMember(ctx, c, clientAdmin, portal.Membership{OrganizationID: p.client.ID, Admin: true, AllAccess: true})
	if err != nil {
		return err
	}
	hash, err := c.PasswordHash(ctx, root.ID)
	if err != nil {
		return err
	}
	return c.SetPassword(ctx, p.admin.ID, hash)
}

func addMember(ctx context.Context, c *store.Change, username string, m portal.Membership) (portal.User, portal.Membership, error) {
	user, err := c.InsertUser(ctx, portal.User{Username: username, Email: username + "@example.com", Enabled: true})
	if err != nil {
		return user, m, err
	}
	m.UserID = user.ID
	m, err = c.SaveMembership(ctx, m)
	return user, m, err
}

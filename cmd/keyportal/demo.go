package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"keyportal/internal/config"
)

type demoCommand struct {
	config.Log

	Addr        string `env:"KEYPORTAL_ADDR" default:"127.0.0.1:8080" help:"Address on which the portal listens, on this machine only."`
	GatewayAddr string `env:"KEYPORTAL_GATEWAY_ADDR" default:"127.0.0.1:8081" help:"Address on which keys are checked, on this machine only."`
}

// Validate refuses addresses that others can reach: everybody knows the sample
// installation's passwords.
func (c demoCommand) Validate() error {
	if err := c.config("keyportal.db").Validate(); err != nil {
		return err
	}
	for _, address := range []string{c.Addr, c.GatewayAddr} {
		host, _, err := net.SplitHostPort(address)
		if ip, ipErr := netip.ParseAddr(host); err != nil || host != "localhost" && (ipErr != nil || !ip.IsLoopback()) {
			return fmt.Errorf("the demo's passwords are known to everybody, so %s is refused: use an address of this machine alone, such as 127.0.0.1:8080", address)
		}
	}
	return nil
}

func (c demoCommand) config(database string) config.Config {
	return config.Config{
		Data: config.Data{DB: config.SecretURL(database)}, Log: c.Log, Addr: c.Addr, GatewayAddr: c.GatewayAddr,
		SessionIdle: time.Hour, SessionLifetime: 12 * time.Hour, TokenLifetime: time.Hour, CacheKeys: 10_000, OfflineGrace: 5 * time.Second,
	}
}

// Run makes the sample installation, serves it, and removes it.
func (c demoCommand) Run(ctx context.Context, env environment) error {
	ctx, stop := untilSignal(ctx)
	defer stop()
	directory, err := os.MkdirTemp("", "keyportal-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	settings := c.config(filepath.Join(directory, "keyportal.db"))
	keys, err := makeSample(ctx, settings.Data)
	if err != nil {
		return err
	}
	opened, keyset, err := prepareStore(ctx, settings.Data)
	if err != nil {
		return err
	}
	defer opened.Close()
	s, err := listen(settings, opened, keyset, c.Logger(env.stderr))
	if err != nil {
		return err
	}
	defer s.close()
	s.announce(env.stdout)
	invite(env.stdout, s.portal.url(), s.gateway.url(), keys)
	return s.run(ctx)
}

// invite tells who can log in and how to see a key checked.
func invite(w io.Writer, portal, gateway *url.URL, keys printedKeys) {
	fmt.Fprintf(w, `
This is a sample installation, gone when you end it with Control-C. Log in as

    superadmin   super admin, also Admin of Gold Client (instance BE12345678)
    support      support staff, for all clients
    clientadmin  Admin of Gold Client with All Access
    member       of Gold Client, generates API keys for Billing and Dunning
    viewer       of Gold Client, sees users and roles there, and has no API keys

with the password %[1]s.

An API key of member passes the check for Billing, and is refused for Revenue Management:

    curl -i -H 'X-Api-Key: %[2]s' '%[4]s/auth?api_set=billing'
    curl -i -H 'X-Api-Key: %[2]s' '%[4]s/auth?api_set=revenue-management'

A service asks with a key of its own:

    curl -s -H 'X-Api-Key: %[3]s' -d '{"key": "%[2]s", "api_set": "billing"}' %[4]s/v1/verify

The OAuth client of license 12345678 gets an access token, and is accepted with it:

    curl -s -u '%[5]s:%[6]s' -d grant_type=client_credentials -d scope=billing %[7]s/oauth2/v1/token
    curl -i -H 'Authorization: Bearer ACCESS_TOKEN' '%[4]s/auth?api_set=billing&instance=BE12345678'

The key pair “%[10]s” of clientadmin passes with both halves alone:

    curl -i -H 'accessKey: %[8]s' -H 'secretKey: %[9]s' '%[4]s/auth?api_set=billing'

The key “%[11]s”, which support let impersonate other users, acts as member:

    curl -i -H 'X-Api-Key: %[12]s' -H 'Impersonate-User-Id: %[13]d' '%[4]s/auth?api_set=billing'

`, samplePassword, keys.member.Reveal(), keys.gateway.Reveal(), gateway, keys.client.PublicID, keys.client.Secret.Reveal(), portal,
		keys.pair.PublicID, keys.pair.Secret.Reveal(), printedPair, impersonatingKey, keys.impersonating.Reveal(), keys.impersonated)
}

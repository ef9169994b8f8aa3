// Package config holds the settings of the program: where each comes from (a
// flag, else an environment variable, else a default), what it may be, and how
// it prints. Passwords within settings never print.
//
// The structs carry kong's tags, so that a command embeds the ones it needs:
// [Config] for the servers, [Data], [Log] and [Credentials] for the commands
// that work on the data alone. kong calls Validate after it has filled them.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"time"
)

// Config is what the servers need to know.
type Config struct {
	Data
	Log
	Credentials

	Addr        string `env:"KEYPORTAL_ADDR" default:"127.0.0.1:8080" help:"Address on which the portal listens."`
	GatewayAddr string `env:"KEYPORTAL_GATEWAY_ADDR" default:"127.0.0.1:8081" help:"Address on which gateways have keys checked; health and metrics are there too."`

	BaseURL        *url.URL `name:"base-url" placeholder:"URL" env:"KEYPORTAL_BASE_URL" help:"URL under which people reach the portal, such as https://keys.example.com. By default http:// and the address it listens on."`
	TrustedProxies Networks `placeholder:"NETWORK,..." env:"KEYPORTAL_TRUSTED_PROXIES" help:"Addresses and networks of the proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8,127.0.0.1. By default none."`

	SessionIdle     time.Duration `placeholder:"1h" env:"KEYPORTAL_SESSION_IDLE" default:"1h" help:"How long a session lasts unused."`
	SessionLifetime time.Duration `placeholder:"12h" env:"KEYPORTAL_SESSION_LIFETIME" default:"12h" help:"How long a session lasts at the most."`

	CacheKeys    int           `placeholder:"200000" env:"KEYPORTAL_CACHE_KEYS" default:"200000" help:"How many keys the check remembers; the others cost a look into the database each."`
	OfflineGrace time.Duration `placeholder:"5s" env:"KEYPORTAL_OFFLINE_GRACE" default:"5s" help:"How long keys that the check remembers go on being accepted while the database can't be asked. Then nothing is."`
	DrainDelay   time.Duration `placeholder:"1s" env:"KEYPORTAL_DRAIN_DELAY" default:"1s" help:"How long requests are still taken, while /readyz says no, after the program was told to end."`

	TokenLifetime time.Duration `placeholder:"1h" env:"KEYPORTAL_TOKEN_LIFETIME" default:"1h" help:"How long an access token of an OAuth 2.0 client lasts at the most."`

	SMTPURL  SecretURL `name:"smtp-url" placeholder:"URL" env:"KEYPORTAL_SMTP_URL" help:"Mail server, such as smtp://user:password@mail.example.com:587 or smtps://…. By default no mail is sent and links are shown to the administrator."`
	MailFrom string    `placeholder:"ADDRESS" env:"KEYPORTAL_MAIL_FROM" help:"Sender of the portal's mail, such as 'Key Portal <keys@example.com>'."`
}

// Validate returns the first setting that can't be used, in one line that says
// what to do about it.
func (c Config) Validate() error {
	return firstError(
		c.Data.Validate,
		c.Credentials.Validate,
		func() error { return checkAddr("--addr", c.Addr) },
		func() error { return checkAddr("--gateway-addr", c.GatewayAddr) },
		c.checkAddrsDiffer,
		c.checkBaseURL,
		c.checkSessions,
		c.checkTokens,
		c.checkChecks,
		c.checkMail,
	)
}

// URL is the base URL of the portal, without a slash at its end. Where none is
// configured it is made of the address on which the portal listens, which the
// caller takes from the open listener (the configured port may be 0).
func (c Config) URL(listening net.Addr) *url.URL {
	if c.BaseURL != nil {
		return &url.URL{Scheme: c.BaseURL.Scheme, Host: c.BaseURL.Host}
	}
	host, port, err := net.SplitHostPort(listening.String())
	if err != nil {
		return &url.URL{Scheme: "http", Host: listening.String()}
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return &url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}
}

// Secure reports whether browsers reach the portal through https, and cookies
// may thus be restricted to it.
func (c Config) Secure() bool {
	return c.BaseURL != nil && c.BaseURL.Scheme == "https"
}

// LogValue lists the settings for the log, with passwords masked.
func (c Config) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.Any("db", c.DB),
		slog.String("keyset", c.KeysetPath()),
		slog.String("addr", c.Addr),
		slog.String("gateway_addr", c.GatewayAddr),
		slog.Duration("session_idle", c.SessionIdle),
		slog.Duration("session_lifetime", c.SessionLifetime),
		slog.Duration("token_lifetime", c.TokenLifetime),
		slog.Int("cache_keys", c.CacheKeys),
		slog.Duration("offline_grace", c.OfflineGrace),
		slog.Duration("drain_delay", c.DrainDelay),
	}
	if c.Brand != "" {
		attrs = append(attrs, slog.String("brand", c.Brand))
	}
	if c.BaseURL != nil {
		attrs = append(attrs, slog.String("base_url", c.BaseURL.String()))
	}
	if len(c.TrustedProxies) > 0 {
		attrs = append(attrs, slog.String("trusted_proxies", c.TrustedProxies.String()))
	}
	if c.SMTPURL != "" {
		attrs = append(attrs, slog.Any("smtp_url", c.SMTPURL), slog.String("mail_from", c.MailFrom))
	}
	return slog.GroupValue(attrs...)
}

func (c Config) checkAddrsDiffer() error {
	_, port, _ := net.SplitHostPort(c.Addr)
	if c.Addr == c.GatewayAddr && port != "0" {
		return fmt.Errorf("--addr and --gateway-addr are both %s: give the checks a port of their own", c.Addr)
	}
	return nil
}

func (c Config) checkBaseURL() error {
	u := c.BaseURL
	switch {
	case u == nil:
		return nil
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("--base-url must start with http:// or https://")
	case u.Hostname() == "":
		return errors.New("--base-url names no host: write it as https://keys.example.com")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("--base-url must be scheme, host and port only, such as https://keys.example.com")
	case u.Path != "" && u.Path != "/":
		return fmt.Errorf("--base-url must not have a path: the portal needs a host name of its own, so leave %s out", u.Path)
	}
	return nil
}

func (c Config) checkSessions() error {
	switch {
	case c.SessionIdle < time.Minute:
		return fmt.Errorf("--session-idle %s is too short to work in: give it a minute at least", c.SessionIdle)
	case c.SessionLifetime < c.SessionIdle:
		return fmt.Errorf("--session-lifetime %s is shorter than --session-idle %s: give it at least as long", c.SessionLifetime, c.SessionIdle)
	}
	return nil
}

func (c Config) checkTokens() error {
	if c.TokenLifetime < time.Minute || c.TokenLifetime > 24*time.Hour {
		return fmt.Errorf("--token-lifetime %s must be between 1m and 24h: an access token is for a while, and a new one is quickly had", c.TokenLifetime)
	}
	return nil
}

func (c Config) checkChecks() error {
	switch {
	case c.CacheKeys < 1000:
		return fmt.Errorf("--cache-keys %d is too few: let the check remember 1000 keys at least", c.CacheKeys)
	case c.OfflineGrace < 2*time.Second || c.OfflineGrace > 24*time.Hour:
		return fmt.Errorf("--offline-grace %s must be between 2s and 24h: a shorter one would refuse keys at every hiccup, and a longer one would accept what was revoked long ago", c.OfflineGrace)
	case c.DrainDelay < 0 || c.DrainDelay > 5*time.Minute:
		return fmt.Errorf("--drain-delay %s must be between 0s and 5m", c.DrainDelay)
	}
	return nil
}

func (c Config) checkMail() error {
	if c.SMTPURL != "" && c.MailFrom == "" {
		return errors.New("--smtp-url needs --mail-from: say who the portal's mail comes from")
	}
	return nil
}

// checkAddr tells whether addr is something to listen on: an optional host and
// a port number, which is 0 for any that is free.
func checkAddr(flag, addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%s %q must be HOST:PORT, such as 127.0.0.1:8080", flag, addr)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%s %q must end in a port number from 0 to 65535", flag, addr)
	}
	return nil
}

// firstError runs the checks in turn up to the first that fails.
func firstError(checks ...func() error) error {
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

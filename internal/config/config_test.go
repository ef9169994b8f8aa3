package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"keyportal/internal/config"
)

// parse reads a command line as the program's serve command does.
func parse(t *testing.T, args ...string) (config.Config, error) {
	t.Helper()
	var cli struct {
		Serve struct{ config.Config } `cmd:"" default:"withargs"`
	}
	parser, err := kong.New(&cli, kong.Name("keyportal"))
	if err != nil {
		t.Fatalf("kong refuses the struct: %v", err)
	}
	_, err = parser.Parse(args)
	return cli.Serve.Config, err
}

func mustParse(t *testing.T, args ...string) config.Config {
	t.Helper()
	c, err := parse(t, args...)
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return c
}

func TestWithoutSettingsTheProgramListensOnLoopbackWithAFileBesideIt(t *testing.T) {
	c := mustParse(t)
	for what, pair := range map[string][2]string{
		"db":               {c.DB.Reveal(), "keyportal.db"},
		"addr":             {c.Addr, "127.0.0.1:8080"},
		"gateway addr":     {c.GatewayAddr, "127.0.0.1:8081"},
		"keyset":           {c.KeysetPath(), "keyportal.keyset"},
		"log level":        {c.LogLevel, "info"},
		"log format":       {c.LogFormat, "text"},
		"session idle":     {c.SessionIdle.String(), "1h0m0s"},
		"session lifetime": {c.SessionLifetime.String(), "12h0m0s"},
		"token lifetime":   {c.TokenLifetime.String(), "1h0m0s"},
		"cache keys":       {strconv.Itoa(c.CacheKeys), "200000"},
		"offline grace":    {c.OfflineGrace.String(), "5s"},
		"drain delay":      {c.DrainDelay.String(), "1s"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %q, want %q", what, pair[0], pair[1])
		}
	}
	if c.TrustedProxies != nil || c.BaseURL != nil || c.Secure() || c.Postgres() {
		t.Errorf("more is set than the defaults: %+v", c)
	}
}

func TestEverySettingComesFromTheEnvironmentUnlessAFlagSaysOtherwise(t *testing.T) {
	for name, value := range map[string]string{
		"KEYPORTAL_DB":               "postgres://portal:pw@db.example.com/portal",
		"KEYPORTAL_ADDR":             "0.0.0.0:80",
		"KEYPORTAL_GATEWAY_ADDR":     "[::1]:81",
		"KEYPORTAL_BASE_URL":         "https://keys.example.com",
		"KEYPORTAL_KEYSET":           "/run/secrets/keyset",
		"KEYPORTAL_TRUSTED_PROXIES":  "10.0.0.0/8",
		"KEYPORTAL_LOG_LEVEL":        "debug",
		"KEYPORTAL_LOG_FORMAT":       "json",
		"KEYPORTAL_SMTP_URL":         "smtps://portal:pw@mail.example.com",
		"KEYPORTAL_MAIL_FROM":        "keys@example.com",
		"KEYPORTAL_BRAND":            "acme",
		"KEYPORTAL_SESSION_IDLE":     "20m",
		"KEYPORTAL_SESSION_LIFETIME": "8h",
		"KEYPORTAL_TOKEN_LIFETIME":   "30m",
		"KEYPORTAL_CACHE_KEYS":       "5000",
		"KEYPORTAL_OFFLINE_GRACE":    "10m",
		"KEYPORTAL_DRAIN_DELAY":      "15s",
	} {
		t.Setenv(name, value)
	}
	got := mustParse(t, "--addr", "127.0.0.1:9000")
	want := config.Config{
		Data:            config.Data{DB: "postgres://portal:pw@db.example.com/portal", Keyset: "/run/secrets/keyset"},
		Log:             config.Log{LogLevel: "debug", LogFormat: "json"},
		Credentials:     config.Credentials{Brand: "acme"},
		Addr:            "127.0.0.1:9000",
		GatewayAddr:     "[::1]:81",
		TrustedProxies:  config.Networks{netip.MustParsePrefix("10.0.0.0/8")},
		SMTPURL:         "smtps://portal:pw@mail.example.com",
		MailFrom:        "keys@example.com",
		SessionIdle:     20 * time.Minute,
		SessionLifetime: 8 * time.Hour,
		TokenLifetime:   30 * time.Minute,
		CacheKeys:       5000,
		OfflineGrace:    10 * time.Minute,
		DrainDelay:      15 * time.Second,
	}
	if got.BaseURL == nil || got.BaseURL.String() != "https://keys.example.com" {
		t.Errorf("base URL is %v", got.BaseURL)
	}
	got.BaseURL = nil
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) || got.DB != want.DB || got.SMTPURL != want.SMTPURL {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestAWrongSettingIsRefusedInOneLineThatSaysWhatToDo(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"--db=", "--db is empty: name an SQLite file"},
		{"--db=mysql://root:hunter2@db/portal", "--db mysql://root:***@db/portal must be the name of an SQLite file or a postgres:// URL"},
		{"--db=postgres://portal:hunter2%@db/portal", "percent-encode"},
		{"--addr=8080", `--addr "8080" must be HOST:PORT`},
		{"--addr=localhost:http", "must end in a port number"},
		{"--gateway-addr=127.0.0.1:65536", "--gateway-addr \"127.0.0.1:65536\" must end in a port number from 0 to 65535"},
		{"--addr=127.0.0.1:8081", "are both 127.0.0.1:8081: give the checks a port of their own"},
		{"--base-url=keys.example.com", "must start with http:// or https://"},
		{"--base-url=ftp://keys.example.com", "must start with http:// or https://"},
		{"--base-url=https://", "names no host"},
		{"--base-url=https://example.com/keys", "must not have a path"},
		{"--base-url=https://example.com?x=1", "scheme, host and port only"},
		{"--base-url=https://me@example.com", "scheme, host and port only"},
		{"--trusted-proxies=10.0.0.0/8,proxy.internal", `"proxy.internal" must be an address or a network`},
		{"--trusted-proxies=10.0.0.0/33", "must be an address or a network"},
		{"--log-level=loud", `--log-level must be one of "debug","info","warn","error"`},
		{"--log-format=xml", `--log-format must be one of "text","json"`},
		{"--smtp-url=smtp://portal:hunter2@mail", "--smtp-url needs --mail-from"},
		{"--brand=Acme", `--brand "Acme" must be up to 16 lower-case letters and digits`},
		{"--brand=acme_co", "lower-case letters and digits"},
		{"--session-idle=5s", "--session-idle 5s is too short"},
		{"--session-idle=13h", "--session-lifetime 12h0m0s is shorter than --session-idle 13h0m0s"},
		{"--token-lifetime=59s", "--token-lifetime 59s must be between 1m and 24h"},
		{"--token-lifetime=24h1s", "--token-lifetime 24h0m1s must be between 1m and 24h"},
		{"--token-lifetime=-1h", "must be between 1m and 24h"},
		{"--cache-keys=999", "--cache-keys 999 is too few"},
		{"--offline-grace=1999ms", "--offline-grace 1.999s must be between 2s and 24h"},
		{"--offline-grace=25h", "must be between 2s and 24h"},
		{"--drain-delay=-1s", "--drain-delay -1s must be between 0s and 5m"},
		{"--drain-delay=301s", "must be between 0s and 5m"},
	} {
		_, err := parse(t, test.args)
		if err == nil {
			t.Errorf("%s: accepted", test.args)
			continue
		}
		if !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s:\n got %s\nwant %s", test.args, err, test.want)
		}
		if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the message is several lines or tells the password: %q", test.args, err)
		}
	}
}

func TestAWrongSecretFromTheEnvironmentIsNotRepeatedInTheMessage(t *testing.T) {
	for name, value := range map[string]string{
		"KEYPORTAL_DB":       "postgres://portal:hunter2%@db/portal",
		"KEYPORTAL_SMTP_URL": "smtp://portal:hunter2@mail",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			if _, err := parse(t); err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAnAccessTokenLastsFromAMinuteToADay(t *testing.T) {
	for _, lifetime := range []string{"1m", "24h"} {
		mustParse(t, "--token-lifetime="+lifetime)
	}
}

func TestTwoFreePortsMayBothBeZero(t *testing.T) {
	mustParse(t, "--addr=127.0.0.1:0", "--gateway-addr=127.0.0.1:0")
}

func TestTheURLIsTheBaseURLOrElseWhereThePortalListens(t *testing.T) {
	listening := func(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }
	for _, test := range []struct {
		args      []string
		listening string
		want      string
		secure    bool
	}{
		{nil, "127.0.0.1:8080", "http://127.0.0.1:8080", false},
		{nil, "[::1]:8080", "http://[::1]:8080", false},
		{nil, "0.0.0.0:8080", "http://localhost:8080", false},
		{nil, "[::]:8080", "http://localhost:8080", false},
		{[]string{"--base-url=http://keys.example.com:8000"}, "0.0.0.0:8080", "http://keys.example.com:8000", false},
		{[]string{"--base-url=https://keys.example.com/"}, "0.0.0.0:8080", "https://keys.example.com", true},
	} {
		c := mustParse(t, test.args...)
		if got := c.URL(listening(test.listening)).String(); got != test.want {
			t.Errorf("%q listening on %s: %s, want %s", test.args, test.listening, got, test.want)
		}
		if c.Secure() != test.secure {
			t.Errorf("%q: secure is %t", test.args, c.Secure())
		}
	}
}

func TestTheKeysetLiesBesideTheSQLiteFileOrInTheWorkingDirectory(t *testing.T) {
	for _, test := range []struct {
		data     config.Data
		want     string
		postgres bool
	}{
		{config.Data{DB: "keyportal.db"}, "keyportal.keyset", false},
		{config.Data{DB: "/data/keyportal.db"}, "/data/keyportal.keyset", false},
		{config.Data{DB: "postgres://db/portal"}, "keyportal.keyset", true},
		{config.Data{DB: "postgresql://db/portal"}, "keyportal.keyset", true},
		{config.Data{DB: "/data/keyportal.db", Keyset: "/keys/portal"}, "/keys/portal", false},
	} {
		if got := test.data.KeysetPath(); got != test.want {
			t.Errorf("%v: %s, want %s", test.data, got, test.want)
		}
		if got := test.data.Postgres(); got != test.postgres {
			t.Errorf("%v: postgres is %t", test.data, got)
		}
	}
}

func TestTrustedProxiesAreNetworksOrBareAddresses(t *testing.T) {
	c := mustParse(t, "--trusted-proxies=10.1.2.3/8, 127.0.0.1,::1,fd00::/8,::ffff:192.0.2.1,")
	want := []string{"10.0.0.0/8", "127.0.0.1/32", "::1/128", "fd00::/8", "192.0.2.1/32"}
	var got []string
	for _, prefix := range c.TrustedProxies {
		got = append(got, prefix.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPasswordsNeverPrint(t *testing.T) {
	for _, secret := range []config.SecretURL{
		"postgres://portal:hunter2@db/portal",
		"postgres://portal:a@hunter2@db/portal",
		"postgres://portal:12#hunter2@db/portal",
		"postgres://portal:a/hunter2@db/portal",
		"postgres://:hunter2@db/portal",
		"postgres://db/portal?user=portal&password=hunter2&sslmode=require",
		"postgres://db/portal?sslpassword=hunter2",
		"smtp://portal:hunter2@mail.example.com:587",
	} {
		c := config.Config{Data: config.Data{DB: secret}, SMTPURL: secret}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("start", "config", c, "db", secret)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "config", c, "db", secret)
		encoded, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		printed := fmt.Sprintf("%v %+v %#v %s %q %x %d", c, c, c, secret, secret, secret, []any{secret})
		all := printed + log.String() + string(encoded) + fmt.Sprint(fmt.Errorf("%w: %v", net.ErrClosed, secret))
		if strings.Contains(all, "hunter2") || strings.Contains(all, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("the password of %s prints:\n%s", secret, all)
		}
		if !strings.Contains(secret.String(), "***") {
			t.Errorf("%s does not show that there is a password", secret)
		}
	}
	if got := config.SecretURL("postgres://portal:pw@db:5432/portal?sslmode=require").String(); got != "postgres://portal:***@db:5432/portal?sslmode=require" {
		t.Errorf("more than the password is masked: %s", got)
	}
	if got := config.SecretURL("/data/keyportal.db").String(); got != "/data/keyportal.db" {
		t.Errorf("a file name prints as %s", got)
	}
}

func TestTheLogShowsTheSettingsThatAreInForce(t *testing.T) {
	c := mustParse(t, "--base-url=https://keys.example.com", "--trusted-proxies=10.0.0.0/8",
		"--smtp-url=smtp://portal:pw@mail.example.com", "--mail-from=keys@example.com", "--log-format=json")
	var log bytes.Buffer
	c.Logger(&log).Info("starting", "config", c)
	for _, want := range []string{
		`"db":"keyportal.db"`, `"keyset":"keyportal.keyset"`, `"addr":"127.0.0.1:8080"`, `"gateway_addr":"127.0.0.1:8081"`, `"token_lifetime":`, `"cache_keys":200000`, `"offline_grace":`, `"drain_delay":`,
		`"base_url":"https://keys.example.com"`, `"trusted_proxies":"10.0.0.0/8"`,
		`"smtp_url":"smtp://portal:***@mail.example.com"`, `"mail_from":"keys@example.com"`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%s is not in %s", want, log.String())
		}
	}
}

func TestTheLoggerKeepsToItsLevelAndFormat(t *testing.T) {
	for _, test := range []struct {
		log  config.Log
		want string
	}{
		{config.Log{}, "level=INFO msg=told\n"},
		{config.Log{LogLevel: "info", LogFormat: "text"}, "level=INFO msg=told\n"},
		{config.Log{LogLevel: "info", LogFormat: "json"}, `"level":"INFO","msg":"told"}` + "\n"},
		{config.Log{LogLevel: "warn", LogFormat: "json"}, ""},
	} {
		var out bytes.Buffer
		logger := test.log.Logger(&out)
		logger.Debug("whispered")
		logger.Info("told")
		if got := out.String(); !strings.HasSuffix(got, test.want) || strings.Count(got, "\n") != strings.Count(test.want, "\n") {
			t.Errorf("%+v logs %q, want %q at its end", test.log, got, test.want)
		}
	}
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"keyportal/internal/config"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
)

const password = "long enough for all"

// keyID tells a key's number, which key verify prints.
func keyID(t *testing.T, p place, key string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^key +(\d+) `).FindStringSubmatch(command(t, key, p.flags("key", "verify")...).stdout)
	if found == nil {
		t.Fatal("key verify does not tell the number of the key")
	}
	return found[1]
}

func TestHelpIsNoError(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"key", "create", "--help"}, {"-h"}} {
		if got := command(t, "", args...); got.status != done || !strings.HasPrefix(got.stdout, "Usage: keyportal") || got.stderr != "" {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

func TestWrongUsageIsRefusedWithStatus2(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"frobnicate", "frobnicate"},
		{"--frobnicate", "--frobnicate"},
		{"serve --addr=nowhere", "must be HOST:PORT"},
		{"serve --brand=Acme", "lower-case letters"},
		{"admin create --username=a --email=a@example.com", "--password-stdin"},
		{"admin create --username=a --email=a@example.com --password=secret", "--password"},
		{"key", "expected one of"},
		{"key create --name=a", "--user"},
		{"key create --user=a --name=a --kind=other", "name token, pair or oauth"},
		{"key create --user=a --name=a --kind=oauth", "name the license with --license"},
		{"key create --user=a --name=a --application=Workflow", "name the license with --license"},
		{"key create --user=a --name=a --expires=tomorrow", "must be a day such as 2027-01-31"},
		{"key create --user=a --name=a --rate-limit=100/week", "“100/week” is not a rate limit: write it as 100/minute"},
		{"key create --user=a --name=a --rate-limit=", "is not a rate limit"},
		{"key verify --from=here", "--from"},
		{"key revoke", "<id>"},
		{"key revoke Integration", "Integration"},
		{"import", "expected"},
		{"import keys", "<file>"},
		{"import keys - --format=xml", "name csv or jsonl"},
		{"backup", "<file>"},
		{"demo --addr=0.0.0.0:8080", "use an address of this machine alone"},
		{"demo --gateway-addr=192.0.2.1:8081", "use an address of this machine alone"},
		{"demo --addr=:8080", "use an address of this machine alone"},
	} {
		refuse(t, wrongUsage, test.want, "", strings.Fields(test.args)...)
	}
}

func TestCommandsOnADatabaseThatIsNotThereMakeNone(t *testing.T) {
	p := emptySQLite(t)
	for _, args := range []string{"key create --user=a --name=a", "key verify", "key revoke 1", "import keys -", "audit verify", "audit head", "backup " + p.db + ".copy"} {
		refuse(t, failed, "there is no database "+p.db, "kp_", p.flags(strings.Fields(args)...)...)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(p.db), "*")); len(left) > 0 {
		t.Errorf("made %q", left)
	}
}

func TestCommandsOnAnEmptyDatabaseAskForMigrate(t *testing.T) {
	eachEmpty(t, func(t *testing.T, p place) {
		if p.engine == storetest.SQLiteEngine {
			if err := os.WriteFile(p.db, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		succeed(t, password, place{p.engine, filepath.Join(t.TempDir(), "other.db"), p.keyset}.flags("admin", "create", "--username=a", "--email=a@example.com", "--password-stdin")...)
		for _, args := range []string{"key create --user=a --name=a", "key verify", "key revoke 1", "import keys -", "audit verify", "audit head", "backup " + filepath.Join(t.TempDir(), "copy")} {
			refuse(t, failed, "run keyportal migrate", "kp_", p.flags(strings.Fields(args)...)...)
		}
	})
}

func TestMigrateMakesTheDatabaseAndCanBeRepeated(t *testing.T) {
	eachEmpty(t, func(t *testing.T, p place) {
		for range 2 {
			if got := succeed(t, "", p.flags("migrate")...); !strings.Contains(got, "is up to date") {
				t.Errorf("prints %q", got)
			}
		}
		if _, err := rawSQL(t, p).Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, $1)`, true); err != nil {
			t.Fatal(err)
		}
		refuse(t, failed, "run the newer program", "", p.flags("migrate")...)
		refuse(t, failed, "run the newer program", "", p.flags("serve")...)
	})
}

func TestAPasswordOfTheDatabaseIsNotRepeated(t *testing.T) {
	got := command(t, "", "migrate", "--db=postgres://portal:hunter2@127.0.0.1:1/portal?sslmode=disable")
	if got.status != failed || strings.Contains(got.stderr, "hunter2") || strings.Count(got.stderr, "\n") != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestASuperAdminMadeOnTheCommandLineCanLogIn(t *testing.T) {
	eachEmpty(t, func(t *testing.T, p place) {
		create := p.flags("admin", "create", "--username=root", "--email=root@example.com", "--first-name=Ruth", "--last-name=Root", "--password-stdin")
		if got := succeed(t, password+"\n", create...); got != "The super admin root (user 1) can log in.\n" {
			t.Errorf("prints %q", got)
		}
		refuse(t, failed, "Somebody has this username already", password, create...)
		s := serve(t, p.flags("serve")...)
		wantLogIn(t, s.portal, "root", password)
		if s.end(); strings.Contains(s.stdout.String(), "/setup/") {
			t.Error("there is still a set-up link")
		}
	})
}

func TestASuperAdminNeedsAProperPasswordOnStandardInput(t *testing.T) {
	p := emptySQLite(t)
	create := p.flags("admin", "create", "--username=root", "--email=root@example.com", "--password-stdin")
	refuse(t, failed, "no password: give it on standard input", "", create...)
	refuse(t, failed, "no password: give it on standard input", "\n"+password, create...)
	refuse(t, failed, "at least 12 characters", "short\n", create...)
	refuse(t, failed, "Enter an e-mail address", password, p.flags("admin", "create", "--username=root", "--email=root", "--password-stdin")...)
}

func TestAKeyMadeOnTheCommandLineWorksUntilItIsRevoked(t *testing.T) {
	eachSample(t, func(t *testing.T, p place, _ string) {
		s := serve(t, p.flags("serve")...)
		out := succeed(t, "", p.flags("key", "create", "--user=member", "--name=Nightly", "--api-set=billing", "--api-set=dunning",
			"--expires", time.Now().AddDate(0, 1, 0).Format(time.DateOnly), "--description=From the command line", "--org=gold client")...)
		key, found := strings.CutSuffix(out, "\n")
		if prefix, err := secret.Parse(key); err != nil || prefix != secret.Token || !found {
			t.Fatalf("prints more or less than the secret: %v", err)
		}
		wantCheck(t, s.gateway, key, http.StatusOK)
		verdict := succeed(t, key+"\n", p.flags("key", "verify", "--api-set=dunning")...)
		for _, want := range []string{"VALID\n", " Nightly\n", " member\n", " Gold Client\n", "billing, dunning\n", "expires "} {
			if !strings.Contains(verdict, want) {
				t.Errorf("key verify does not tell %q: %s", want, verdict)
			}
		}
		revoked := succeed(t, "", p.flags("key", "revoke", keyID(t, p, key))...)
		if !strings.Contains(revoked, "“Nightly” of member (Gold Client) is revoked") {
			t.Errorf("prints %q", revoked)
		}
		wantCheck(t, s.gateway, key, http.StatusUnauthorized)
		refuse(t, failed, "was revoked", key, p.flags("key", "verify")...)
		refuse(t, failed, "was revoked", "", p.flags("key", "revoke", keyID(t, p, key))...)
		if strings.Contains(s.stderr.String(), key) {
			t.Error("the key is in the log")
		}
	})
}

func TestAKeyThatCanImpersonateIsMadeOnTheCommandLine(t *testing.T) {
	p := emptySQLite(t)
	keys, err := makeSample(t.Context(), p.data())
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, p.flags("serve")...)
	for flag, want := range map[string]int{"--can-impersonate": http.StatusOK, "--description=It acts as itself": http.StatusForbidden} {
		key := strings.TrimSpace(succeed(t, "", p.flags("key", "create", "--user=erp-xss", "--name=Key "+flag, "--api-set=billing", flag)...))
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.gateway+"/auth?api_set=billing", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Api-Key", key)
		request.Header.Set("Impersonate-User-Id", strconv.FormatInt(keys.impersonated, 10))
		response, err := http.DefaultClient.Do(request)
		if status, _ := answer(t, response, err); status != want {
			t.Errorf("with %s the check answers %d, want %d", flag, status, want)
		}
	}
}

func TestAKeyIsBoundToNetworksAndARateLimitOnTheCommandLine(t *testing.T) {
	eachSample(t, func(t *testing.T, p place, _ string) {
		key := succeed(t, "", p.flags("key", "create", "--user=member", "--name=Bound", "--api-set=billing",
			"--allow-network=192.0.2.9/24", "--allow-network=2001:db8::7,10.0.0.0/8", "--rate-limit=100/minute,20")...)
		for address, valid := range map[string]bool{"192.0.2.200": true, "2001:db8::7": true, "10.1.2.3": true, "198.51.100.7": false, "": false} {
			flags := p.flags("key", "verify", "--api-set=billing")
			if address != "" {
				flags = append(flags, "--from="+address)
			}
			if valid {
				succeed(t, key, flags...)
			} else {
				refuse(t, failed, "may not be used from this address", key, flags...)
			}
		}
		manager, err := openInstallation(t.Context(), p.data())
		if err != nil {
			t.Fatal(err)
		}
		defer manager.Store.Close()
		made, _, err := manager.Store.KeyByHash(t.Context(), secret.HashOf(strings.TrimSpace(key)))
		if err != nil || made.RateLimit.String() != "100 per minute, 20 at once" {
			t.Errorf("the rate limit is %q, %v", made.RateLimit, err)
		}
	})
}

func TestAKeyThatReachesNothingIsMadeWithAWordAboutIt(t *testing.T) {
	p := emptySQLite(t)
	if _, err := makeSample(t.Context(), p.data()); err != nil {
		t.Fatal(err)
	}
	of := func(kind string, args ...string) outcome {
		return command(t, "", p.flags(append([]string{"key", "create", "--user=clientadmin", "--name=Nightly " + kind, "--kind", kind}, args...)...)...)
	}
	for kind, made := range map[string]outcome{"token": of("token"), "pair": of("pair"), "oauth": of("oauth", "--license=34567890")} {
		lines := strings.Fields(made.stdout)
		if _, err := secret.Parse(lines[len(lines)-1]); err != nil || made.status != done || len(lines) != map[string]int{"token": 1, "pair": 2, "oauth": 2}[kind] {
			t.Errorf("%s: status %d, prints %d lines", kind, made.status, len(lines))
		}
		if !strings.HasPrefix(made.stderr, "keyportal: the key reaches no API set yet") || !strings.Contains(made.stderr, "--api-set") || strings.Count(made.stderr, "\n") != 1 {
			t.Errorf("%s: says %q", kind, made.stderr)
		}
		if kind != "oauth" && !strings.Contains(succeed(t, made.stdout, p.flags("key", "verify")...), "API sets      none\n") {
			t.Error("key verify does not say that it reaches none")
		}
	}
}

func TestAKeyThatMayNotBeMadeIsRefused(t *testing.T) {
	p := emptySQLite(t)
	if _, err := makeSample(t.Context(), p.data()); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ want, args string }{
		{"--user nobody: There is no such user", "--user=nobody --name=a"},
		{"--org Nowhere: There is no such organization", "--user=member --name=a --org=Nowhere"},
		{"a key acts for a user of its own organization", "--user=member --name=a --org=" + blue},
		{"support is in no organization", "--user=support --name=a"},
		{"“nothing”", "--user=member --name=a --api-set=nothing"},
		{"don't allow the API set “Revenue Management API”", "--user=member --name=a --api-set=revenue-management"},
		{"has an API key with this name already", "--user=member --name=" + memberKey},
		{"must be in the future", "--user=member --name=a --expires=2020-01-31"},
		{"“the office” is no network", "--user=member --name=a --allow-network=10.0.0.0/8 --allow-network=the office"},
	} {
		refuse(t, failed, test.want, "", p.flags(append([]string{"key", "create"}, splitFlags(test.args)...)...)...)
	}
	refuse(t, failed, "There is no such API key", "", p.flags("key", "revoke", "4711")...)
}

// splitFlags splits before each flag, so that values may have spaces.
func splitFlags(line string) []string {
	flags := strings.Split(" "+line, " --")[1:]
	for i := range flags {
		flags[i] = "--" + flags[i]
	}
	return flags
}

func TestKeyVerifySaysWhyAKeyIsRefused(t *testing.T) {
	p := emptySQLite(t)
	keys, err := makeSample(t.Context(), p.data())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ code, key, set string }{
		{"VALID", keys.member.Reveal(), ""},
		{"VALID", keys.member.Reveal(), "billing"},
		{"API_SET_NOT_GRANTED", keys.member.Reveal(), "revenue-management"},
		{"MALFORMED", "kp_junk", ""},
		{"NOT_FOUND", secret.New("", secret.Token).Reveal(), ""},
	} {
		got := command(t, test.key, p.flags("key", "verify", "--api-set="+test.set)...)
		code, _, _ := strings.Cut(got.stdout, "\n")
		if code != test.code || (got.status == done) != (code == "VALID") {
			t.Errorf("%s: %+v", test.code, got)
		}
		if got.status != done && (got.status != failed || strings.Count(got.stderr, "\n") != 1) {
			t.Errorf("%s: %+v", test.code, got)
		}
	}
	refuse(t, failed, "no key: give it on standard input", "", p.flags("key", "verify")...)
	pair := keys.pair.PublicID + "\n" + keys.pair.Secret.Reveal() + "\n"
	for _, given := range []string{pair, "Access Key: " + keys.pair.PublicID + "\nSecurity Key: " + keys.pair.Secret.Reveal() + "\n"} { // as printed, and as downloaded
		if verdict := succeed(t, given, p.flags("key", "verify", "--api-set=billing")...); !strings.HasPrefix(verdict, "VALID\n") {
			t.Errorf("the pair is %q", verdict)
		}
	}
	refuse(t, failed, "--api-set biling: there is no such API set", pair, p.flags("key", "verify", "--api-set=biling")...)
	if made := command(t, "", p.flags("key", "create", "--user=gateway", "--name=Another gateway")...); made.status != done || made.stderr != "" {
		t.Errorf("a gateway's own key is made with %q", made.stderr)
	}
	refuse(t, failed, "no Security Key: give it on standard input", secret.New("", secret.AccessKey).Reveal()+"\n", p.flags("key", "verify")...)
}

func TestKeyVerifyTriesTheLicenseThatAPlaceIsBoundTo(t *testing.T) {
	eachSample(t, func(t *testing.T, p place, unbound string) {
		bound := strings.TrimSpace(succeed(t, "", p.flags("key", "create", "--user=erp-xss", "--name=Bound", "--license=12345678", "--api-set=billing")...))
		for _, bond := range []string{"--license=12345678", "--domain=GOLD MAIN", "--instance=tebe12345678a", "--license=12345678 --domain=Gold Main --instance=BE12345678 --api-set=billing"} {
			succeed(t, bound, p.flags(append([]string{"key", "verify"}, splitFlags(bond)...)...)...)
			refuseCheck(t, p, unbound, "LICENSE_MISMATCH", splitFlags(bond)...)
		}
		for _, bond := range []string{"--license=34567890", "--domain=Gold Wholesale", "--instance=BE34567890", "--instance=BE1"} {
			refuseCheck(t, p, bound, "LICENSE_MISMATCH", bond)
		}
	})
}

// refuseCheck verifies a key that must be refused for a reason.
func refuseCheck(t *testing.T, p place, key, code string, args ...string) {
	t.Helper()
	got := command(t, key, p.flags(append([]string{"key", "verify"}, args...)...)...)
	if got.status != failed || !strings.HasPrefix(got.stdout, code+"\n") || strings.Count(got.stderr, "\n") != 1 {
		t.Errorf("%q: %+v, want %s", args, got, code)
	}
}

func TestABrandStandsInFrontOfNewKeys(t *testing.T) {
	p := emptySQLite(t)
	if _, err := makeSample(t.Context(), p.data()); err != nil {
		t.Fatal(err)
	}
	key := succeed(t, "", p.flags("key", "create", "--user=member", "--name=Branded", "--api-set=billing", "--brand=acme")...)
	if !strings.HasPrefix(key, "acme_kp_") {
		t.Errorf("begins with %.8s", key)
	}
	succeed(t, key, p.flags("key", "verify")...)
}

func TestTheSettingTakesTheBrandsThatCredentialsTake(t *testing.T) {
	for brand, taken := range map[string]bool{
		"": true, "acme": true, "0": true, "a1b2c3d4e5f6g7h8": true,
		"a1b2c3d4e5f6g7h89": false, "Acme": false, "a_b": false, "a-b": false, "é": false, " ": false,
	} {
		if err := (config.Credentials{Brand: brand}).Validate(); (err == nil) != taken {
			t.Errorf("%q: %v", brand, err)
		}
	}
}

// withoutTriggers gives the statements after which revisions can be tampered with.
func withoutTriggers(p place) []string {
	if p.engine == storetest.PostgresEngine {
		return []string{`ALTER TABLE revisions DISABLE TRIGGER ALL`}
	}
	return []string{`DROP TRIGGER revisions_are_final`, `DROP TRIGGER revisions_stay`}
}

func TestAuditVerifyNamesTheFirstLineThatWasChanged(t *testing.T) {
	eachSample(t, func(t *testing.T, p place, _ string) {
		out := succeed(t, "", p.flags("audit", "verify")...)
		if !regexp.MustCompile(`^The Revision History is as it was written: (\d+) lines\.\nhead \d+ [0-9a-f]{64,}\n$`).MatchString(out) {
			t.Errorf("prints %q", out)
		}
		db := rawSQL(t, p)
		for _, statement := range append(withoutTriggers(p), `UPDATE revisions SET actor_name = 'nobody' WHERE id IN (7, 9)`) {
			if _, err := db.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		refuse(t, failed, "line 7 was changed", "", p.flags("audit", "verify")...)
		copied := filepath.Join(t.TempDir(), "copy")
		refuse(t, failed, "is a complete copy, but the Revision History was tampered with: line 7", "", p.flags("backup", copied)...)
		if _, err := os.Stat(copied); err != nil {
			t.Error(err)
		}
	})
}

func TestAuditVerifyHoldsTheHistoryAgainstAHeadThatWasKept(t *testing.T) {
	eachSample(t, func(t *testing.T, p place, _ string) {
		kept, verified := filepath.Join(t.TempDir(), "heads"), succeed(t, "", p.flags("audit", "verify")...)
		early := succeed(t, "", p.flags("audit", "head")...)
		if !strings.HasSuffix(verified, "\nhead "+early) {
			t.Errorf("the head is %q, verified: %q", early, verified)
		}
		db := rawSQL(t, p)
		older := make([]any, 4)
		if err := db.QueryRow(`SELECT revision_id, mac, seal, taken_at FROM revision_head`).Scan(&older[0], &older[1], &older[2], &older[3]); err != nil {
			t.Fatal(err)
		}
		succeed(t, "", p.flags("key", "revoke", "2")...)
		late := succeed(t, "", p.flags("audit", "head")...)
		if err := os.WriteFile(kept, []byte(early+late), 0o600); err != nil { // as a cron job appends them
			t.Fatal(err)
		}
		succeed(t, "", p.flags("audit", "verify", "--head", kept)...)
		succeed(t, verified, p.flags("audit", "verify", "--head=-")...)

		for _, statement := range withoutTriggers(p) {
			if _, err := db.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		for statement, args := range map[string][]any{
			`DELETE FROM revisions WHERE id > $1`: older[:1], `UPDATE revision_head SET revision_id = $1, mac = $2, seal = $3, taken_at = $4`: older,
		} {
			if _, err := db.Exec(statement, args...); err != nil {
				t.Fatal(err)
			}
		}
		succeed(t, "", p.flags("audit", "verify")...) // an older copy is whole by itself
		succeed(t, early, p.flags("audit", "verify", "--head=-")...)
		cut := fmt.Sprintf("line %d was cut off with all that followed", older[0].(int64)+1)
		refuse(t, failed, cut, "", p.flags("audit", "verify", "--head", kept)...)
		refuse(t, failed, cut, late, p.flags("audit", "verify", "--head=-")...)
		succeed(t, "", p.flags("key", "revoke", "3")...)
		refuse(t, failed, "is not the one of which the head was kept", late, p.flags("audit", "verify", "--head=-")...)

		refuse(t, failed, "There is no head of the Revision History here", "nothing of the kind\n", p.flags("audit", "verify", "--head=-")...)
		refuse(t, failed, "--head: open", "", p.flags("audit", "verify", "--head", kept+"s")...)
	})
}

func TestABackupOfARunningServerServes(t *testing.T) {
	eachSample(t, func(t *testing.T, p place, key string) {
		running := serve(t, p.flags("serve")...)
		copied := filepath.Join(t.TempDir(), "copy")
		out := succeed(t, "", p.flags("backup", copied)...)
		if !strings.Contains(out, "users 18") || !strings.Contains(out, p.keyset+" is not in it") {
			t.Errorf("prints %q", out)
		}
		refuse(t, failed, "is there already", "", p.flags("backup", copied)...)
		wantCheck(t, running.gateway, key, http.StatusOK)
		restored := place{p.engine, copied, p.keyset}
		if p.engine == storetest.PostgresEngine {
			restored.db = storetest.Databases(t)[p.engine]
			if out, err := exec.Command("pg_restore", "--no-owner", "--dbname="+restored.db, copied).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
		s := serve(t, restored.flags("serve")...)
		wantCheck(t, s.gateway, key, http.StatusOK)
		wantLogIn(t, s.portal, "superadmin", samplePassword)
		succeed(t, "", restored.flags("audit", "verify")...)
	})
}

func TestAKeysetThatIsMissingIsSaid(t *testing.T) {
	p := emptySQLite(t)
	succeed(t, "", p.flags("migrate")...)
	refuse(t, failed, "name another file with --keyset", "", p.flags("audit", "verify")...)
	if _, err := os.Stat(p.keyset); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a keyset was made: %v", err)
	}
}

package main

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyportal/internal/secret"
)

const keyHeader = "owner,name,sha256,api_sets,expires\n"

// oldHash gives the SHA-256 of an old key as other programs write it.
func oldHash(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// everything gives all that an installation has in the tables that an import could
// change.
func everything(t *testing.T, p place) string {
	t.Helper()
	var all strings.Builder
	for _, table := range []string{"keys", "secrets", "key_api_sets", "revisions", "revision_head", "submissions", "links"} {
		rows, err := rawSQL(t, p).Query("SELECT * FROM " + table)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values, targets := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				targets[i] = &values[i]
			}
			if err := rows.Scan(targets...); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&all, table, values)
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// refuseImport runs an import that must tell of refused lines.
func refuseImport(t *testing.T, p place, file string, wants []string, args ...string) {
	t.Helper()
	got := command(t, file, p.flags(append([]string{"import", "keys", "-"}, args...)...)...)
	if got.status != failed || strings.Count(got.stderr, "\n") != 1 || !strings.HasPrefix(got.stderr, "keyportal: ") || !strings.Contains(got.stderr, "refused") {
		t.Errorf("status %d, stderr %q", got.status, got.stderr)
	}
	for _, want := range wants {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("does not tell %q: %.2000q", want, got.stdout)
		}
	}
}

// within waits for what another process's import may take, and some more.
func within(t *testing.T, gateway, key string, want int) {
	t.Helper()
	for deadline := time.Now().Add(9 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if got, _ := check(t, gateway, key); got == want {
			return
		}
	}
	wantCheck(t, gateway, key, want)
}

func TestAnImportedKeyPassesTheCheckOfARunningServer(t *testing.T) {
	eachSample(t, func(t *testing.T, p place, own string) {
		s := serve(t, p.flags("serve")...)
		wantCode := func(key, want string) {
			t.Helper()
			if _, code := check(t, s.gateway, key); code != want {
				t.Errorf("%s: got %q, want %q", key, code, want)
			}
		}
		wantCode("old:one", "MALFORMED")
		file := filepath.Join(t.TempDir(), "old.csv")
		later := time.Now().AddDate(0, 1, 0).UTC().Format(time.RFC3339)
		var lines strings.Builder
		lines.WriteString("\ufeffname,owner,api_sets,sha256,description,expires,organization\r\n")
		for i, name := range []string{"old:one", "old:two", "old:three", "old:four"} {
			fmt.Fprintf(&lines, "\"%s\",MEMBER,%q,%s,\"From \"\"before\"\",\r\nas it was\",%s,gold client\r\n", name, []string{"billing", "billing dunning", "billing; dunning", "billing,dunning"}[i], strings.ToUpper(oldHash(name)), later)
		}
		if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		before := everything(t, p)
		if out := succeed(t, "", p.flags("import", "keys", file)...); out != "4 API keys would be imported. Nothing was changed: this was a dry run. To import them, add --apply.\n" {
			t.Errorf("prints %q", out)
		}
		if everything(t, p) != before {
			t.Error("a dry run changed something")
		}
		if out := succeed(t, "", p.flags("import", "keys", file, "--apply")...); out != "4 API keys were imported. A running server accepts them within a second.\n" {
			t.Errorf("prints %q", out)
		}
		within(t, s.gateway, "old:one", http.StatusOK)
		verdict := succeed(t, "old:two\n", p.flags("key", "verify", "--api-set=dunning")...)
		for _, want := range []string{"VALID\n", " old:two\n", " member\n", " Gold Client\n", "billing, dunning\n", "expires "} {
			if !strings.Contains(verdict, want) {
				t.Errorf("key verify does not tell %q: %s", want, verdict)
			}
		}
		wantCode("junk", "MALFORMED")
		wantCode(secret.New("", secret.Token).Reveal(), "NOT_FOUND")
		wantCode(own, "")

		succeed(t, "", p.flags("key", "revoke", keyID(t, p, "old:one"))...)
		for _, step := range []struct{ key, statement, want string }{
			{"old:two", `UPDATE keys SET enabled = FALSE WHERE name = 'old:two'`, "DISABLED"},
			{"old:three", `UPDATE keys SET expires_at = 1 WHERE name = 'old:three'`, "EXPIRED"},
			{"old:one", "", "REVOKED"},
			{"old:four", `UPDATE users SET locked = TRUE WHERE username = 'member'`, "USER_LOCKED"},
		} {
			if step.statement != "" {
				wantCode(step.key, "")
				s.around(t, p, step.statement)
			} else {
				wantCheck(t, s.gateway, step.key, http.StatusUnauthorized)
			}
			wantCode(step.key, step.want)
		}
		succeed(t, "", p.flags("audit", "verify")...)
		if log := s.stderr.String(); strings.Contains(log, "old:") {
			t.Errorf("a key is in the log: %s", log)
		}
	})
}

func TestOneBadLineAmongAThousandImportsNothing(t *testing.T) {
	eachSample(t, func(t *testing.T, p place, _ string) {
		var lines strings.Builder
		lines.WriteString(keyHeader)
		for i := range 1000 {
			set := "billing"
			if i == 700 {
				set = "bilin\x1b[31m"
			}
			fmt.Fprintf(&lines, "member,Old %d,%s,%s,\n", i, oldHash(fmt.Sprint(i)), set)
		}
		before := everything(t, p)
		told := []string{"line 702: api_sets: There is no API set “bilin\uFFFD[31m”.", "999 of 1000 API keys could be imported, 1 refused. Nothing was imported.\n"}
		refuseImport(t, p, lines.String(), told)
		refuseImport(t, p, lines.String(), told, "--apply")
		if everything(t, p) != before {
			t.Error("something was changed")
		}
		succeed(t, strings.Replace(lines.String(), "bilin\x1b[31m", "billing", 1), p.flags("import", "keys", "-", "--apply")...)
	})
}

func TestLinesThatCannotBeReadAreRefusedWithTheOthers(t *testing.T) {
	p := emptySQLite(t)
	if _, err := makeSample(t.Context(), p.data()); err != nil {
		t.Fatal(err)
	}
	good := "member,Good," + oldHash("good") + ",,\n"
	before := everything(t, p)
	refuseImport(t, p, keyHeader+good+"member,Short\n\n\"member\",Long,"+oldHash("long")+",billing,tomorrow\nnobody,X,y,,0001-01-01T00:00:00Z\nnobody,X,y,,\n", []string{
		"line 3: This line has 2 cells, the first line 5.",
		"line 5: expires: Give a day such as 2027-01-31",
		"line 6: expires: Give a day such as 2027-01-31",
		"line 7: sha256: Give the SHA-256", "line 7: owner: There is no user “nobody”.",
		"1 of 5 API keys could be imported, 4 refused. Nothing was imported.\n", "1 of them reach no API set yet",
	}, "--apply")
	line := func(fields string) string {
		return fmt.Sprintf(`{"owner": "member", "name": "Good", "sha256": %q, %s}`, oldHash("good"), fields) + "\n"
	}
	refuseImport(t, p, "\n"+line(`"api_sets": ["billing"], "expires": null`)+line(`"Owner": "member"`)+line(`"name": "Twice"`)+line(`"api_sets": "billing"`)+line(`"description": 7`)+
		line(`"x": {"owner": 1}`)+"[]\n{\"owner\"\n"+strings.TrimSpace(line(`"expires": "2026"`))+"{}\n"+"nonsense", []string{
		"line 3: Owner: There is no such field. The fields are owner, name, sha256", "line 4: name: The field is there twice.", "line 5: api_sets: The value must be an array of slugs.",
		"line 6: description: The value must be a text.", "line 7: x: There is no such field.", "line 8: This line is not a JSON object.", "line 9: This line is not valid JSON.",
		"line 10: There is something behind the object.", "line 10: expires: Give a day", "line 11: This line is not a JSON object.", "1 of 10 API keys could be imported, 9 refused.",
	}, "--apply")
	if everything(t, p) != before {
		t.Error("something was changed")
	}
	succeed(t, line(`"api_sets": ["billing", "dunning"], "expires": "2099-12-31", "organization": "", "description": "From before."`), p.flags("import", "keys", "-", "--apply")...)
	if verdict := succeed(t, "good", p.flags("key", "verify", "--api-set=dunning")...); !strings.Contains(verdict, "expires       2099-12-31 23:59 UTC\n") {
		t.Errorf("key verify tells %s", verdict)
	}
}

func TestAFileThatCannotBeTakenIsRefusedInOneLine(t *testing.T) {
	p := emptySQLite(t)
	if _, err := makeSample(t.Context(), p.data()); err != nil {
		t.Fatal(err)
	}
	good := "member,Good," + oldHash("good") + ",billing,"
	for _, test := range []struct{ want, file, args string }{
		{"-: there are no keys in it", "", ""},
		{"-: there are no keys in it", "\ufeff", ""},
		{"-: there are no keys in it", keyHeader + "\n", ""},
		{"-: there are no keys in it", "\n \n", "--format=jsonl"},
		{"it is a JSON array: write each of its objects on a line of its own", "\n [{}]", ""},
		{"it is a JSON array", "[{}]", "--format=jsonl"},
		{`there is no column "hash": the first line names columns of owner, name`, "owner,name,hash,api_sets,expires\n" + good, ""},
		{`there is no column "Owner"`, strings.Replace(keyHeader, "owner", "Owner", 1) + good, ""},
		{`there is no column "owner;name;sha256;api_sets;expires"`, strings.ReplaceAll(keyHeader, ",", ";"), ""},
		{"the column name is there twice: remove one", "owner, name,name,sha256,api_sets,expires\n" + good, ""},
		{"the column expires is missing: add it", "owner,name,sha256,api_sets\n" + good, ""},
		{`there is no column "{"`, "{\n", "--format=csv"},
		{`bare " in non-quoted`, keyHeader + `member,Go"od,x,,` + "\n", ""},
		{"a line has more than 64 kB", keyHeader + good + strings.Repeat("x", 80<<10), ""},
		{"a line has more than 64 kB", keyHeader + good + `"` + strings.Repeat("x\n", 40<<10), ""},
		{"line 2: a line has more than 64 kB", "{}\n{" + strings.Repeat(" ", 80<<10), ""},
		{"it has more than 64 MB: split it", keyHeader + strings.Repeat(good+strings.Repeat(" ", 60<<10)+"\n", 1100), ""},
	} {
		refuse(t, failed, test.want, test.file, p.flags(append([]string{"import", "keys", "-"}, strings.Fields(test.args)...)...)...)
	}
	refuse(t, failed, "it can't be read", "", p.flags("import", "keys", filepath.Join(t.TempDir(), "old.csv"))...)
	long := strings.Repeat("é", 500)
	succeed(t, keyHeader[:len(keyHeader)-1]+",description\n"+good+","+long+"\n", p.flags("import", "keys", "-")...)
}

func TestTheFormatIsToldByNameSettingOrFirstCharacter(t *testing.T) {
	p := emptySQLite(t)
	if _, err := makeSample(t.Context(), p.data()); err != nil {
		t.Fatal(err)
	}
	csv := keyHeader + "member,Good," + oldHash("good") + ",billing,"
	jsonl := fmt.Sprintf(`{"owner": "member", "name": "Good", "sha256": %q}`, oldHash("good"))
	for _, test := range []struct{ name, text, format string }{
		{"keys.csv", csv, ""}, {"KEYS.CSV", csv, ""}, {"keys", csv, ""}, {"keys.txt", csv, ""}, {"keys.jsonl", csv, "csv"},
		{"keys.jsonl", jsonl, ""}, {"keys.ndjson", "\n" + jsonl, ""}, {"keys", "\ufeff" + jsonl, ""}, {"keys.csv", jsonl, "jsonl"},
	} {
		file := filepath.Join(t.TempDir(), test.name)
		if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out := succeed(t, "", p.flags("import", "keys", file, "--format="+test.format)...); !strings.HasPrefix(out, "1 API key would be imported.") {
			t.Errorf("%+v: prints %q", test, out)
		}
	}
}

package main

import (
	"os"
	"slices"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if address := os.Getenv(bareAddress); address != "" {
		fail(serveBare(address))
	}
	os.Exit(m.Run())
}

func TestAShortRunMeasuresEverything(t *testing.T) {
	b := &bench{settings: settings{rounds: 1, turn: 20 * time.Millisecond, connections: 4, creations: 5, pages: 3}}
	if err := b.choose("50", "sqlite", ""); err != nil {
		t.Fatal(err)
	}
	if err := b.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{
		"/auth: requests/s ÷ the bare server's", "/auth: p99 ÷ the bare server's", "/v1/verify, 1,000 keys in rotation: requests/s ÷ the bare server's",
		"/auth, a wrong checksum: requests/s ÷ the bare server's", "a key asked for the first time: p99", "start to ready",
		"API Keys, a search, for the client's admin: p99", "Revision History, for a super admin: p99", "creating a key ÷ a bare durable insert",
		"12 revokes until another process refuses: the longest", "/auth while a role of all its keys changes: the longest",
	} {
		if !slices.ContainsFunc(b.results.lines, func(l line) bool { return l.what == what && l.keys == 50 && median(l.values) > 0 }) {
			t.Errorf("%q is not measured: %+v", what, b.results.lines)
		}
	}
}

func TestWhatIsMeasuredCanBeChosen(t *testing.T) {
	t.Setenv(postgresURL, "")
	b := &bench{settings: settings{rounds: 1, turn: time.Second}}
	if err := b.choose("1000,50", "sqlite,postgres", "^auth"); err != nil || !slices.Equal(b.sizes, []int{50, 1000}) || !slices.Equal(b.engines, []engine{sqlite}) || !b.only.MatchString("auth") || b.only.MatchString("verify") {
		t.Errorf("got %+v, %v", b.settings, err)
	}
	for _, wrong := range [][3]string{{"", "sqlite", ""}, {"49", "sqlite", ""}, {"1e6", "sqlite", ""}, {"1000", "mysql", ""}, {"1000", "sqlite", "("}} {
		if err := b.choose(wrong[0], wrong[1], wrong[2]); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}

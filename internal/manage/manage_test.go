package manage_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"keyportal/internal/keyset"
	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

const (
	idle          = time.Hour
	lifetime      = 12 * time.Hour
	password      = "correct horse battery staple"
	homeAddress   = "192.0.2.1"
	othersAddress = "198.51.100.2"
)

// world is an installation at work: the Fixture, whose User generates own keys,
// and a second client.
type world struct {
	storetest.Fixture
	t        *testing.T
	m        *manage.Manager
	s        *store.Store
	checker  *verify.Checker
	clock    *storetest.Clock
	db       *sql.DB         // a way around the store
	ctx      context.Context // what contexts of actors stand on
	prepared prepared        // for changes that need something to stand on
	Other    portal.Organization
	Stranger portal.User // the admin of Other
}

// each runs a test in a world of its own on each engine.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.Fixture = storetest.NewFixture(t, s)
		w.Other = storetest.Organization(t, s)
		w.Stranger = storetest.Admin(t, s, w.Other)
		test(t, w)
	})
}

// eachFresh runs a test on a fresh installation on each engine.
func eachFresh(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store) { test(t, newWorld(t, s)) })
}

func newWorld(t *testing.T, s *store.Store) *world {
	t.Helper()
	m := newManager(s)
	m.Sealer = must(keyset.Open(filepath.Join(t.TempDir(), "keyset.json")))(t)
	return &world{t: t, m: m, s: s, checker: verify.New(s, verify.Options{}), clock: storetest.Of(s).Clock, db: storetest.SQL(t, s), ctx: t.Context()}
}

func newManager(s *store.Store) *manage.Manager {
	base := &url.URL{Scheme: "https", Host: "keys.example.com", Path: "/portal"}
	return manage.New(manage.Options{Store: s, BaseURL: base, SessionIdle: idle, SessionLifetime: lifetime})
}

// as gives the context of a user who works in the organization, with what the
// user holds now.
func (w *world) as(user portal.User) context.Context { return w.in(w.Organization, user) }

func (w *world) in(organization portal.Organization, user portal.User) context.Context {
	w.t.Helper()
	actor := portal.Actor{UserID: user.ID, Username: user.Username, Name: user.Name(), Staff: user.Staff, OrganizationID: organization.ID, Address: homeAddress}
	actor.Grants = must(w.s.Grants(w.t.Context(), user.ID))(w.t)
	return portal.WithActor(w.ctx, actor)
}

func (w *world) program() context.Context {
	return portal.WithActor(w.ctx, portal.Program("test"))
}

// holder adds a member of the organization who holds authorities and API sets
// by a role of their own.
func (w *world) holder(authorities []portal.Authority, sets ...portal.APISet) portal.User {
	w.t.Helper()
	user := storetest.User(w.t, w.s)
	storetest.Member(w.t, w.s, w.Organization, user, storetest.Role(w.t, w.s, w.Organization, authorities, sets...))
	return user
}

// userManager adds a member who may view and manage users and nothing else.
func (w *world) userManager() portal.User {
	return w.holder([]portal.Authority{portal.UserManagement})
}

// withPassword gives a user the right password.
func (w *world) withPassword(user portal.User) portal.User {
	w.t.Helper()
	hash := must(hashed())(w.t)
	storetest.Change(w.t, w.s, func(c *store.Change) error { return c.SetPassword(w.t.Context(), user.ID, hash) })
	return w.user(user.ID)
}

var hashed = sync.OnceValues(func() (string, error) {
	return manage.New(manage.Options{}).HashPassword(context.Background(), password)
})

// dump gives every row of every table but some as text.
func (w *world) dump(except ...string) []string {
	w.t.Helper()
	names := "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
	if storetest.Of(w.s).Engine == storetest.SQLiteEngine {
		names = "SELECT name FROM sqlite_master WHERE type = 'table'"
	}
	var dumped []string
	for _, row := range w.query(names) {
		table := row[0]
		if slices.Contains(except, table) {
			continue
		}
		for _, values := range w.query("SELECT * FROM " + table) {
			dumped = append(dumped, table+": "+strings.Join(values, " | "))
		}
	}
	slices.Sort(dumped)
	return dumped
}

// query gives the rows of a query as text.
func (w *world) query(statement string) [][]string {
	w.t.Helper()
	rows := must(w.db.QueryContext(w.t.Context(), statement))(w.t)
	defer rows.Close()
	var found [][]string
	for columns := must(rows.Columns())(w.t); rows.Next(); {
		values, targets := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		mustDo(w.t, rows.Scan(targets...))
		texts := make([]string, len(values))
		for i, value := range values {
			if bytes, ok := value.([]byte); ok {
				value = string(bytes)
			}
			texts[i] = fmt.Sprint(value)
		}
		found = append(found, texts)
	}
	return found
}

// wantNowhere fails when a credential in clear, or the random part of it alone,
// is somewhere in the database.
func (w *world) wantNowhere(credential string) {
	w.t.Helper()
	body := credential[strings.LastIndexByte(credential, '_')+1:]
	for _, row := range w.dump() {
		if strings.Contains(row, body[:43]) {
			w.t.Errorf("the credential is in the database: %s", row)
		}
	}
}

func (w *world) user(id int64) portal.User {
	w.t.Helper()
	return must(w.s.User(w.t.Context(), id))(w.t)
}

func (w *world) key(id int64) portal.Key {
	w.t.Helper()
	return must(w.s.Key(w.t.Context(), id))(w.t)
}

func (w *world) membership(user portal.User) portal.Membership {
	w.t.Helper()
	return must(w.s.Membership(w.t.Context(), w.Organization.ID, user.ID))(w.t)
}

func (w *world) subject(value secret.Value) portal.Subject {
	w.t.Helper()
	return must(w.s.Subject(w.t.Context(), value.Hash()))(w.t)
}

// lines gives the revisions that fn records.
func (w *world) lines(fn func()) []portal.Revision {
	w.t.Helper()
	var before int64
	if err := w.db.QueryRowContext(w.t.Context(), "SELECT coalesce(max(id), 0) FROM revisions").Scan(&before); err != nil {
		w.t.Fatal(err)
	}
	fn()
	rows, err := w.db.QueryContext(w.t.Context(), `SELECT id, actor_id, actor_name, address, organization_id, noun, noun_id, noun_name, user_id, action, changes
		FROM revisions WHERE id > $1 ORDER BY id`, before)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	var lines []portal.Revision
	for rows.Next() {
		var l portal.Revision
		var changes []byte
		err := rows.Scan(&l.ID, &l.ActorID, &l.ActorName, &l.Address, &l.OrganizationID, &l.Noun, &l.NounID, &l.NounName, &l.UserID, &l.Action, &changes)
		if err := errors.Join(err, json.Unmarshal(changes, &l.Changes)); err != nil {
			w.t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return lines
}

// actions gives the nouns and actions of the revisions that fn records.
func (w *world) actions(fn func()) []string {
	w.t.Helper()
	var actions []string
	for _, line := range w.lines(fn) {
		actions = append(actions, string(line.Noun)+" "+line.Action)
	}
	return actions
}

// must gives a value; an error ends the test.
func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// mustDo ends the test with an error.
func mustDo(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const allowed portal.Code = ""

// wantCode fails when an error is not of a code; allowed stands for no error.
func wantCode(t testing.TB, what string, err error, code portal.Code) {
	t.Helper()
	if got := codeOf(err); got != code {
		t.Errorf("%s: the error is %v (%q), want one of code %q", what, err, got, code)
	}
}

func codeOf(err error) portal.Code {
	if err == nil {
		return allowed
	}
	return portal.CodeOf(err)
}

// wantFields fails when an error is not about exactly the given fields.
func wantFields(t testing.TB, what string, err error, fields ...string) {
	t.Helper()
	var got []string
	for _, field := range portal.FieldsOf(err) {
		got = append(got, field.Field)
	}
	slices.Sort(got)
	if !slices.Equal(got, fields) {
		t.Errorf("%s: the error is %v about %q, want one about %q", what, err, got, fields)
	}
}

func wantEqual[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// wantSays fails when an error does not say something.
func wantSays(t testing.TB, what string, err error, says string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("%s: the error is %v, want one that says %q", what, err, says)
	}
}

// atOnce runs fn so many times at once and counts the outcomes by code.
func atOnce(times int, fn func(i int) error) map[portal.Code]int {
	errs, start := make([]error, times), make(chan struct{})
	var group sync.WaitGroup
	for i := range times {
		group.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	group.Wait()
	outcomes := map[portal.Code]int{}
	for _, err := range errs {
		outcomes[codeOf(err)]++
	}
	return outcomes
}

func ids(roles ...portal.Role) []int64 {
	var ids []int64
	for _, role := range roles {
		ids = append(ids, role.ID)
	}
	return ids
}

// tokenOf takes the token out of a one-time link's address.
func tokenOf(t testing.TB, address string) string {
	t.Helper()
	token := address[strings.LastIndexByte(address, '/')+1:]
	if _, err := secret.Parse(token); err != nil {
		t.Fatalf("%q ends in no token", address)
	}
	return token
}

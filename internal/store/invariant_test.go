package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// These tests go around the store: what must always hold, the database itself
// holds.

// wantRefused runs a statement that must break a rule of the database.
func wantRefused(t *testing.T, s *store.Store, what, query string, args ...any) {
	t.Helper()
	_, err := storetest.SQL(t, s).ExecContext(t.Context(), query, args...)
	wantViolation(t, what, err)
}

func wantViolation(t *testing.T, what string, err error) {
	t.Helper()
	if fault, ok := errors.AsType[*sqlite.Error](err); ok && fault.Code()&0xff == sqlite3.SQLITE_CONSTRAINT {
		return
	}
	if fault, ok := errors.AsType[*pgconn.PgError](err); ok && fault.Code[:2] == "23" {
		return
	}
	t.Errorf("%s: the database says %v, want a violation of its rules", what, err)
}

const insertKey = `INSERT INTO keys (kind, organization_id, name, name_folded, description, search, user_id, created_by, creator_name, license_id, application_id,
	public_id, can_impersonate, data_loader, allowed_networks, enabled, disabled_by, revoked_at, version, created_at, updated_at)
	VALUES ($1, $2, $3, $3, '', '', $4, 0, '', $5, $6, $7, FALSE, FALSE, '', TRUE, 0, $8, 1, 0, 0)`

// rawKey inserts a key with SQL; nil stands for none.
type rawKey struct {
	kind                                     portal.Kind
	organization, user                       int64
	name                                     string
	license, application, publicID, revokeAt any
}

func (k rawKey) args() []any {
	return []any{string(k.kind), k.organization, k.name, k.user, k.license, k.application, k.publicID, k.revokeAt}
}

func TestAKeyItsLicenseItsUserAndItsApplicationAreOfOneOrganization(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		mine, other := storetest.NewFixtureOf(t, s, "mine"), storetest.NewFixtureOf(t, s, "other")
		good := rawKey{kind: portal.TokenKey, organization: mine.Organization.ID, user: mine.User.ID, name: "raw"}
		for what, edit := range map[string]func(*rawKey){
			"another organization's license":     func(k *rawKey) { k.license = other.License.ID },
			"another organization's user":        func(k *rawKey) { k.user = other.User.ID },
			"a user of no organization":          func(k *rawKey) { k.user = mine.SuperAdmin.ID },
			"another organization's application": func(k *rawKey) { k.application = other.Application.ID },
			"no application that there is":       func(k *rawKey) { k.application = 12345 },
			"no license that there is":           func(k *rawKey) { k.license = 12345 },
		} {
			bad := good
			edit(&bad)
			wantRefused(t, s, "a key with "+what, insertKey, bad.args()...)
		}
		good.license, good.application = mine.License.ID, 1 // of the catalogue
		storetest.Exec(t, storetest.SQL(t, s), insertKey, good.args()...)

		for _, move := range []struct {
			what, query string
			to, of      int64
		}{
			{"to another's license", `UPDATE keys SET license_id = $1 WHERE id = $2`, other.License.ID, mine.Key.ID},
			{"to another's user", `UPDATE keys SET user_id = $1 WHERE id = $2`, other.User.ID, mine.Key.ID},
			{"to another's application", `UPDATE keys SET application_id = $1 WHERE id = $2`, other.Application.ID, mine.Key.ID},
			{"to another organization", `UPDATE keys SET organization_id = $1 WHERE id = $2`, other.Organization.ID, mine.Key.ID},
			{"with its license", `UPDATE licenses SET organization_id = $1 WHERE id = $2`, other.Organization.ID, mine.License.ID},
			{"with its application", `UPDATE applications SET organization_id = $1 WHERE id = $2`, other.Organization.ID, mine.Application.ID},
			{"with its member", `UPDATE memberships SET organization_id = $1 WHERE id = $2`, other.Organization.ID, mine.Membership.ID},
			{"with its member's user", `UPDATE memberships SET user_id = $1 WHERE id = $2`, mine.SuperAdmin.ID, mine.Membership.ID},
			{"from its member", `DELETE FROM memberships WHERE user_id <> $1 AND id = $2`, other.User.ID, mine.Membership.ID},
			{"from its license", `DELETE FROM licenses WHERE organization_id <> $1 AND id = $2`, other.Organization.ID, mine.License.ID},
		} {
			wantRefused(t, s, "moving a key "+move.what, move.query, move.to, move.of)
		}
		wantEqual(t, "key", must[portal.Key](t)(s.Key(t.Context(), mine.Key.ID)), mine.Key)
	})
}

func TestThereIsOneLiveKeyForAnApplicationAndLicense(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		db := storetest.SQL(t, s)
		key := rawKey{kind: portal.TokenKey, organization: f.Organization.ID, user: f.User.ID, name: "a", license: f.License.ID, application: int64(1)}
		second := func(name string) []any {
			key := key
			key.name = name
			return key.args()
		}
		storetest.Exec(t, db, insertKey, key.args()...)
		wantRefused(t, s, "a second key", insertKey, second("b")...)
		storetest.Exec(t, db, `UPDATE keys SET revoked_at = 1 WHERE name = 'a'`)
		storetest.Exec(t, db, insertKey, second("c")...)
		wantRefused(t, s, "taking back the revocation of the first", `UPDATE keys SET revoked_at = NULL WHERE name = 'a'`)
		key.license = nil
		for _, name := range []string{"d", "e"} {
			storetest.Exec(t, db, insertKey, second(name)...)
		}
	})
}

func TestThereIsOneLiveOAuthKeyForALicense(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		db := storetest.SQL(t, s)
		key := func(name string, license any) []any {
			return rawKey{kind: portal.OAuthKey, organization: f.Organization.ID, user: f.User.ID, name: name, license: license, publicID: name}.args()
		}
		wantRefused(t, s, "an OAuth key without a license", insertKey, key("none", nil)...)
		storetest.Exec(t, db, insertKey, key("a", f.License.ID)...)
		wantRefused(t, s, "a second OAuth key", insertKey, key("b", f.License.ID)...)
		storetest.Exec(t, db, insertKey, key("c", storetest.License(t, s, f.Organization).ID)...)
		storetest.Exec(t, db, `UPDATE keys SET revoked_at = 1 WHERE name = 'a'`)
		storetest.Exec(t, db, insertKey, key("d", f.License.ID)...)
	})
}

func TestOfManyKeysAtOnceForAnApplicationAndLicenseOneIsMade(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		names := make(chan string, 50)
		for i := range 50 {
			names <- fmt.Sprint("key ", i)
		}
		wantOnce(t, inParallel(50, func() error {
			return change(t, s, func(c *store.Change) error {
				_, err := c.InsertKey(t.Context(), portal.Key{
					Kind: portal.TokenKey, OrganizationID: f.Organization.ID, UserID: f.User.ID, Name: <-names, LicenseID: f.License.ID, ApplicationID: 2,
				}, storetest.Secret(secret.New("", secret.Token)))
				return err
			})
		}))
		wantOnce(t, inParallel(50, func() error {
			return change(t, s, func(c *store.Change) error {
				_, err := c.InsertUser(t.Context(), portal.User{Username: "once"})
				return err
			})
		}))
		if _, err := s.VerifyChain(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// wantOnce fails unless one went well and all others met a conflict.
func wantOnce(t *testing.T, errs []error) {
	t.Helper()
	once := 0
	for _, err := range errs {
		if err == nil {
			once++
		} else {
			wantCode(t, "the other times", err, portal.CodeConflict)
		}
	}
	wantEqual(t, "times that it went well", once, 1)
}

func TestAKeyHasTwoLiveSecretsAtMost(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		db := storetest.SQL(t, s)
		const insert = `INSERT INTO secrets (key_id, hash, masked, previous, expires_at, created_at) VALUES ($1, $2, '', $3, $4, 0)`
		wantRefused(t, s, "a second current secret", insert, f.Key.ID, []byte("1"), false, nil)
		wantRefused(t, s, "a previous secret without an end", insert, f.Key.ID, []byte("1"), true, nil)
		storetest.Exec(t, db, insert, f.Key.ID, []byte("1"), true, 1)
		wantRefused(t, s, "a third secret", insert, f.Key.ID, []byte("2"), true, 1)
		wantRefused(t, s, "a third current secret", insert, f.Key.ID, []byte("2"), false, 1)
		if storetest.Of(s).Engine == storetest.SQLiteEngine {
			wantRefused(t, s, "a third secret that is neither", insert, f.Key.ID, []byte("2"), 2, 1)
		}
		wantRefused(t, s, "a previous secret that loses its end", `UPDATE secrets SET expires_at = NULL WHERE previous`)
		wantRefused(t, s, "the secret of another key", insert, f.Key.ID+1, []byte("2"), false, nil)
		storetest.Exec(t, db, `UPDATE secrets SET retired_at = 1 WHERE previous`)
		storetest.Exec(t, db, insert, f.Key.ID, []byte("2"), true, 1)
		wantRefused(t, s, "a secret that there is", insert, f.Key.ID, []byte("1"), true, 1)
	})
}

func TestTheLastEnabledSuperAdminStays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		first, second := storetest.SuperAdmin(t, s), storetest.SuperAdmin(t, s)
		storetest.User(t, s, func(u *portal.User) { u.Staff, u.Enabled = portal.SuperAdmin, false })
		wantRefused(t, s, "demoting all at once", `UPDATE users SET staff = ''`)
		wantRefused(t, s, "disabling all at once", `UPDATE users SET enabled = FALSE`)
		wantRefused(t, s, "deleting all at once", `DELETE FROM users`)
		storetest.Exec(t, storetest.SQL(t, s), `UPDATE users SET enabled = FALSE WHERE id = $1`, first.ID)
		for what, query := range map[string]string{
			"disabling":      `UPDATE users SET enabled = FALSE WHERE id = $1`,
			"demoting":       `UPDATE users SET staff = '' WHERE id = $1`,
			"making support": `UPDATE users SET staff = 'support' WHERE id = $1`,
			"deleting":       `DELETE FROM users WHERE id = $1`,
			"both at once":   `UPDATE users SET staff = '', enabled = FALSE WHERE id = $1`,
		} {
			wantRefused(t, s, what+" the last one", query, second.ID)
		}
		second.Enabled = false
		wantCode(t, "through the store", change(t, s, func(c *store.Change) error { return c.UpdateUser(t.Context(), second) }), portal.CodeConflict)
		storetest.Exec(t, storetest.SQL(t, s), `UPDATE users SET locked = TRUE, password_expired = TRUE, first_name = 'still' WHERE id = $1`, second.ID)
	})
}

func TestTwoDemotionsOfTheLastTwoSuperAdminsNeverBothSucceed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		first, second := storetest.SuperAdmin(t, s), storetest.SuperAdmin(t, s)
		const demote = `UPDATE users SET staff = '' WHERE id = %d`
		wantSecondRefused(t, storetest.SQL(t, s), fmt.Sprintf(demote, first.ID), fmt.Sprintf(demote, second.ID))
		wantEqual(t, "super admins left", must[int](t)(s.EnabledSuperAdmins(t.Context(), 0)), 1)
	})
}

func TestOfTwoChangesThatDemoteTheLastTwoSuperAdminsOneSucceeds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		admins := make(chan portal.User, 2)
		admins <- storetest.SuperAdmin(t, s)
		admins <- storetest.SuperAdmin(t, s)
		wantOnce(t, inParallel(2, func() error {
			admin := <-admins
			admin.Staff = portal.NotStaff
			return change(t, s, func(c *store.Change) error { return c.UpdateUser(t.Context(), admin) })
		}))
	})
}

func TestARevisionIsNeitherChangedNorDeleted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for range 3 {
			storetest.User(t, s)
		}
		wantRefused(t, s, "a change", `UPDATE revisions SET action = 'nothing' WHERE id = 2`)
		wantRefused(t, s, "a change of nothing", `UPDATE revisions SET action = action`)
		wantRefused(t, s, "a deletion", `DELETE FROM revisions WHERE id = 3`)
		wantRefused(t, s, "the deletion of all", `DELETE FROM revisions`)
		const columns = `id, at, actor_id, actor_name, key_id, key_name, impersonator_id, impersonator_name, address, organization_id, noun, noun_id, noun_name, user_id, action, changes, mac`
		const same = columns + `) SELECT ` + columns + ` FROM revisions WHERE id = 2`
		if storetest.Of(s).Engine == storetest.PostgresEngine {
			wantRefused(t, s, "emptying", `TRUNCATE revisions`)
			wantRefused(t, s, "emptying with others", `TRUNCATE organizations, revisions CASCADE`)
			wantRefused(t, s, "replacing", `INSERT INTO revisions (`+same+` ON CONFLICT (id) DO UPDATE SET action = 'nothing'`)
		} else {
			wantRefused(t, s, "replacing", `INSERT OR REPLACE INTO revisions (`+same)
			wantRefused(t, s, "replacing", `UPDATE OR REPLACE revisions SET id = 1 WHERE id = 2`)
		}
		if head, err := s.VerifyChain(t.Context()); err != nil || head.Revision != 3 {
			t.Errorf("the chain ends with %s, %v", head, err)
		}
	})
}

const insertLicense = `INSERT INTO licenses (organization_id, number, domain, domain_folded, database_label, active, version, created_at, updated_at) VALUES ($1, $2, $2, $2, '', TRUE, 1, 0, 0)`

func TestAnOrganizationNeverHoldsMoreLicensesThanItsLevelAllows(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		db := storetest.SQL(t, s)
		gold := storetest.Organization(t, s, func(o *portal.Organization) { o.LevelID = 2 })
		other := storetest.Organization(t, s)
		storetest.Exec(t, db, insertLicense, gold.ID, "1")
		storetest.Exec(t, db, insertLicense, gold.ID, "2")
		storetest.Exec(t, db, insertLicense, other.ID, "3")
		wantRefused(t, s, "a third license", insertLicense, gold.ID, "4")
		wantRefused(t, s, "another's license", `UPDATE licenses SET organization_id = $1 WHERE number = '3'`, gold.ID)
		wantRefused(t, s, "a license that goes where there is room", `UPDATE licenses SET organization_id = $1 WHERE number = '1'`, other.ID)
		wantRefused(t, s, "a level that allows less", `UPDATE organizations SET level_id = 1 WHERE id = $1`, gold.ID)
		wantRefused(t, s, "a level that is lowered", `UPDATE client_levels SET licenses = 1 WHERE id = 2`)
		wantRefused(t, s, "all levels lowered at once", `UPDATE client_levels SET licenses = licenses - 1`)
		wantRefused(t, s, "a level that allows less than none", `UPDATE client_levels SET licenses = -1 WHERE id = 1`)
		if storetest.Of(s).Engine == storetest.SQLiteEngine {
			wantRefused(t, s, "a license in another's place", `INSERT OR REPLACE INTO licenses (organization_id, number, domain, domain_folded, database_label, active, version, created_at, updated_at) VALUES ($1, '3', '3', '3', '', TRUE, 1, 0, 0)`, gold.ID)
		}
		storetest.Exec(t, db, `UPDATE client_levels SET licenses = 0 WHERE id = 1`) // no organization has it
		storetest.Exec(t, db, `UPDATE client_levels SET licenses = 2 WHERE id = 2`)
		storetest.Exec(t, db, `UPDATE licenses SET active = FALSE, organization_id = organization_id WHERE number = '1'`)
		storetest.Exec(t, db, `UPDATE organizations SET level_id = 3 WHERE id = $1`, gold.ID)
		storetest.Exec(t, db, insertLicense, gold.ID, "4")
		wantRefused(t, s, "going back to the level before", `UPDATE organizations SET level_id = 2 WHERE id = $1`, gold.ID)
		wantEqual(t, "licenses", len(must[[]portal.License](t)(s.Licenses(t.Context(), gold.ID))), 3)
	})
}

// Each of these two statements is all right without the other.
func TestTwoStatementsAtOnceDoNotGiveMoreLicensesThanTheLevelAllows(t *testing.T) {
	const lower, raise = `UPDATE client_levels SET licenses = 1 WHERE id = 2`, `UPDATE organizations SET level_id = 2 WHERE name = 'moving'`
	const second = `INSERT INTO licenses (organization_id, number, domain, domain_folded, database_label, active, version, created_at, updated_at)
		SELECT o.id, 'second', 'second', 'second', '', TRUE, 1, 0, 0 FROM organizations o WHERE o.name = 'one'`
	const another = `INSERT INTO licenses (organization_id, number, domain, domain_folded, database_label, active, version, created_at, updated_at)
		SELECT o.id, 'another', 'another', 'another', '', TRUE, 1, 0, 0 FROM organizations o WHERE o.name = 'one'`
	const toBlue = `UPDATE organizations SET level_id = 1 WHERE name = 'one'`
	for what, statements := range map[string][2]string{
		"two licenses":                         {second, another},
		"a license, and its level lowered":     {second, lower},
		"a level lowered, and a license of it": {lower, second},
		"a license, and another level":         {second, toBlue},
		"another level, and a license":         {toBlue, second},
		"a level lowered, and one who gets it": {lower, raise},
		"one who gets a level that is lowered": {raise, lower},
	} {
		t.Run(what, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				one := storetest.Organization(t, s, func(o *portal.Organization) { o.Name, o.LevelID = "one", 2 })
				moving := storetest.Organization(t, s, func(o *portal.Organization) { o.Name = "moving" })
				storetest.License(t, s, one)
				storetest.License(t, s, moving)
				storetest.License(t, s, moving)
				wantSecondRefused(t, storetest.SQL(t, s), statements[0], statements[1])
			})
		})
	}
}

// wantSecondRefused runs a statement in a transaction, and another one that must
// wait for the transaction's end and is then refused.
func wantSecondRefused(t *testing.T, db *sql.DB, first, second string) {
	t.Helper()
	tx := must[*sql.Tx](t)(db.BeginTx(t.Context(), nil))
	defer tx.Rollback()
	must[sql.Result](t)(tx.ExecContext(t.Context(), first))
	answer := make(chan error, 1)
	go func() {
		_, err := db.ExecContext(t.Context(), second)
		answer <- err
	}()
	select {
	case err := <-answer:
		t.Fatalf("the second statement does not wait for the first one's end: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	wantViolation(t, "the second statement", <-answer)
}

func TestOneRequestForAnApplicationAndLicenseIsPendingWhateverItsState(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		db := storetest.SQL(t, s)
		const insert = `INSERT INTO requests (organization_id, requester_id, application_id, license_id, reason, state, decision, version, created_at, updated_at)
			VALUES ($1, $2, $3, $4, '', $5, '', 1, 0, 0)`
		args := func(application int64, state portal.RequestState) []any {
			return []any{f.Organization.ID, f.User.ID, application, f.License.ID, string(state)}
		}
		for _, first := range portal.RequestStates[:3] {
			storetest.Exec(t, db, insert, args(1, first)...)
			for _, second := range portal.RequestStates[:3] {
				wantRefused(t, s, fmt.Sprintf("a second one, %s beside %s", second, first), insert, args(1, second)...)
			}
			for _, decided := range portal.RequestStates[3:] {
				storetest.Exec(t, db, insert, args(1, decided)...)
			}
			wantRefused(t, s, "taking up a decided one", `UPDATE requests SET state = 'open' WHERE state = 'declined'`)
			storetest.Exec(t, db, `UPDATE requests SET state = 'withdrawn'`)
		}
		storetest.Exec(t, db, insert, args(1, portal.RequestOpen)...)
		storetest.Exec(t, db, insert, args(2, portal.RequestOpen)...)
		wantRefused(t, s, "a state that is none", insert, args(3, "done")...)
		elsewhere := storetest.License(t, s, storetest.Organization(t, s))
		wantRefused(t, s, "another organization's license", insert, f.Organization.ID, f.User.ID, 3, elsewhere.ID, "open")
	})
}

func TestAKeyHasOneDelivery(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		const insert = `INSERT INTO links (hash, purpose, user_id, key_id, created_by, expires_at, created_at) VALUES ($1, $2, $3, $4, 0, 0, 0)`
		storetest.Exec(t, storetest.SQL(t, s), insert, []byte("1"), "delivery", f.User.ID, f.Key.ID)
		wantRefused(t, s, "a second one", insert, []byte("2"), "delivery", f.Admin.ID, f.Key.ID)
		storetest.Exec(t, storetest.SQL(t, s), insert, []byte("3"), "password", f.User.ID, nil)
		wantRefused(t, s, "one of no key that there is", insert, []byte("4"), "delivery", f.User.ID, f.Key.ID+1000)
	})
}

package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyportal/internal/keyset"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
)

const (
	minSize     = 50
	maxSize     = 9_999_999 // numbers in names have seven digits
	mostKnown   = 100_000   // keys whose secrets are known; all others have random hashes
	keysPerUser = 10
	before      = 1000 // IDs that addAccounts stays below
)

// These statements put users with their keys, and then the keys' secrets and lines in the
// Revision History, into the database: the store's way, one after the other, would take
// hours for a million. In braces stands what replacer knows.
var bulkKeys = []string{
	`INSERT INTO users (id, username, username_folded, first_name, first_name_folded, last_name, last_name_folded, email, email_folded, search,
			staff, enabled, locked, password_expired, version, created_at, updated_at)
		SELECT {before} + i, 'user' || n, 'user' || n, 'Mia', 'mia', 'Berger ' || n, 'berger ' || n, 'user' || n || '@example.com', 'user' || n || '@example.com',
			'user' || n || ' mia berger ' || n || ' user' || n || '@example.com', '', TRUE, FALSE, FALSE, 1, {now}, {now} FROM {users}`,
	`INSERT INTO memberships (id, organization_id, user_id, admin, all_access, version, created_at, updated_at)
		SELECT {before} + i, {client}, {before} + i, FALSE, FALSE, 1, {now}, {now} FROM {users}`,
	`INSERT INTO membership_roles (membership_id, role_id) SELECT {before} + i, {role} FROM {users}`,
	`INSERT INTO keys (id, kind, organization_id, name, name_folded, description, search, user_id, user_search, created_by, creator_name, mapped_by, mapper_name, mapped_at, can_impersonate,
			data_loader, allowed_networks, enabled, disabled_by, version, created_at, updated_at)
		SELECT {before} + i, 'token', {client}, 'Nightly export ' || n, 'nightly export ' || n, 'Sends the invoices of the day.', 'nightly export ' || n || ' sends the invoices of the day. kp_…' || substr(n, 4),
			{before} + (i + {keysPerUser} - 1) / {keysPerUser}, (SELECT u.search FROM users u WHERE u.id = {before} + (i + {keysPerUser} - 1) / {keysPerUser}), {admin}, 'clientadmin', {admin}, 'clientadmin', {now}, FALSE, FALSE, '', TRUE, 0, 1, {now}, {now} FROM {keys}`,
	`INSERT INTO key_api_sets (key_id, api_set_id) SELECT k.id, a.id FROM keys k CROSS JOIN api_sets a WHERE k.id > {before}`,
}

var bulkRest = []string{
	`INSERT INTO secrets (key_id, hash, masked, previous, created_at)
		SELECT k.id, {random}, 'kp_…' || substr(k.name, 19), FALSE, {now} FROM keys k
		WHERE k.id > {before} AND NOT EXISTS (SELECT 1 FROM secrets s WHERE s.key_id = k.id)`,
	`INSERT INTO revisions (id, at, actor_id, actor_name, key_id, key_name, impersonator_id, impersonator_name, address, organization_id, noun, noun_id, noun_name, user_id, action, changes, mac)
		SELECT {head} + k.id - {before}, {now} + k.id, {admin}, 'clientadmin', 0, '', 0, '', '192.0.2.7', {client}, 'key', k.id, k.name, k.user_id, 'generated',
			replace('{changes}', '{name}', k.name), {random} FROM keys k WHERE k.id > {before} ORDER BY k.id`,
}

// series gives the numbers from 1 as i, and with seven digits as n.
func series(to int) string {
	return fmt.Sprintf(`(WITH RECURSIVE s(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM s WHERE i < %d) SELECT i, substr(CAST(10000000 + i AS TEXT), 2) AS n FROM s) numbers`, to)
}

// keyName names a key as bulkKeys does.
func keyName(i int) string { return fmt.Sprintf("Nightly export %07d", i) }

// addKeys fills the database, with the store closed meanwhile: SQLite writes the
// fastest without a journal, which nobody else may need, and PostgreSQL without looking
// up what rows refer to, which not everybody may have it do.
func (p *prepared) addKeys(ctx context.Context) error {
	head, err := p.store.Head(ctx)
	if err != nil {
		return err
	}
	if err := p.store.Close(); err != nil {
		return err
	}
	p.store = nil
	db, err := p.engine.open(p.url, "journal_mode(OFF)", "synchronous(OFF)", "cache_size(-1000000)", "busy_timeout(5000)")
	if err != nil {
		return err
	}
	if p.engine == postgres {
		db.ExecContext(ctx, `SET session_replication_role = replica`)
	}
	if err = p.fillAtOnce(ctx, db, head.Revision); err == nil {
		err = p.settle(ctx, db)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	return p.openStore(ctx)
}

// fillAtOnce fills the database in one transaction, which takes the least time.
func (p *prepared) fillAtOnce(ctx context.Context, db *sql.DB, head int64) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := p.fill(ctx, tx, head); err != nil {
		return err
	}
	return tx.Commit()
}

func (p *prepared) fill(ctx context.Context, tx *sql.Tx, head int64) error {
	replacer, err := p.replacer(head)
	if err != nil {
		return err
	}
	put := func(statements []string) error {
		for _, statement := range statements {
			if _, err := tx.ExecContext(ctx, replacer.Replace(statement)); err != nil {
				return fmt.Errorf("%.30s…: %w", statement, err)
			}
		}
		return nil
	}
	if err := put(bulkKeys); err != nil {
		return err
	}
	if err := p.addKnownSecrets(ctx, tx); err != nil {
		return err
	}
	if err := put(bulkRest); err != nil {
		return err
	}
	return p.sealHead(ctx, tx, head+int64(p.size))
}

// replacer puts what stands in braces into the statements.
func (p *prepared) replacer(head int64) (*strings.Replacer, error) {
	changes, err := json.Marshal(portal.Diff(nil, portal.Key{
		Kind: portal.TokenKey, Name: "{name}", Description: "Sends the invoices of the day.", Username: "user", Enabled: true,
		APISets: []portal.APISet{{Name: "Billing"}, {Name: "Dunning"}},
	}.Record()))
	random := map[engine]string{sqlite: "randomblob(32)", postgres: "sha256(CAST('bench ' || k.id AS bytea))"}[p.engine]
	id := func(n int64) string { return strconv.FormatInt(n, 10) }
	return strings.NewReplacer(
		"{before}", id(before), "{keysPerUser}", id(keysPerUser), "{now}", id(time.Now().UnixMicro()), "{head}", id(head),
		"{client}", id(p.client.ID), "{admin}", id(p.admin.ID), "{role}", id(p.role.ID), "{random}", random, "{changes}", string(changes),
		"{keys}", series(p.size), "{users}", series((p.size+keysPerUser-1)/keysPerUser),
	), err
}

// addKnownSecrets makes the secrets that can be asked for, spread over the keys.
func (p *prepared) addKnownSecrets(ctx context.Context, tx *sql.Tx) error {
	known := min(p.size, mostKnown)
	for i := range known {
		n := i*(p.size/known) + 1
		p.keys = append(p.keys, knownKey{before + int64(n), keyName(n), secret.New("", secret.Token).Reveal()})
	}
	for some := range slices.Chunk(p.keys, 100) {
		rows, args := make([]string, len(some)), []any{time.Now().UnixMicro()}
		for i, key := range some {
			hash := secret.HashOf(key.secret)
			args = append(args, key.id, hash[:], secret.Mask(key.secret))
			rows[i] = fmt.Sprintf("($%d, $%d, $%d, FALSE, $1)", len(args)-2, len(args)-1, len(args))
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO secrets (key_id, hash, masked, previous, created_at) VALUES `+strings.Join(rows, ", "), args...); err != nil {
			return err
		}
	}
	return nil
}

// sealHead moves the head of the Revision History to the last line, so that the store
// goes on from there: it signs what it finds, in the form that the store gives it. The
// lines themselves are not signed, and an audit would tell so.
func (p *prepared) sealHead(ctx context.Context, tx *sql.Tx, last int64) error {
	var mac []byte
	if err := tx.QueryRowContext(ctx, `SELECT mac FROM revisions WHERE id = $1`, last).Scan(&mac); err != nil {
		return err
	}
	keys, err := keyset.Open(p.keyset)
	if err != nil {
		return err
	}
	seal, err := keys.MAC(fmt.Appendf(nil, "head %d %x", last, mac))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE revision_head SET revision_id = $1, mac = $2, seal = $3 WHERE id = 1`, last, mac, seal)
	return err
}

// settle brings what was written to the disk, so that this falls on nothing that is
// measured, and has PostgreSQL go on behind the IDs that were given and know what is in
// the tables, as it does by itself after a while.
func (p *prepared) settle(ctx context.Context, db *sql.DB) error {
	if p.engine == sqlite {
		file, err := os.Open(p.url)
		if err != nil {
			return err
		}
		return errors.Join(file.Sync(), file.Close())
	}
	for _, numbered := range []string{"users", "memberships", "keys"} {
		if _, err := db.ExecContext(ctx, fmt.Sprintf(`SELECT setval(pg_get_serial_sequence('%s', 'id'), max(id)) FROM %[1]s`, numbered)); err != nil {
			return err
		}
	}
	if _, err := db.ExecContext(ctx, `VACUUM ANALYZE`); err != nil {
		return err
	}
	db.ExecContext(ctx, `CHECKPOINT`) // which not everybody may have it do either
	return nil
}

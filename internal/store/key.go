package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
)

const keyColumns = `k.id, k.kind, k.organization_id, o.name, k.name, k.description, k.user_id, u.username, u.first_name, u.last_name,
	k.created_by, k.creator_name, k.mapped_by, k.mapper_name, k.mapped_at, k.mapping_told, k.license_id, l.number, l.domain, k.application_id, a.name, k.public_id, k.can_impersonate, k.data_loader, k.allowed_networks, k.rate_limit, k.rate_period, k.rate_burst,
	k.enabled, k.disabled_by, k.revoked_at, k.expires_at, s.masked, t.used_at, t.used_from, k.version, k.created_at, k.updated_at, ` + refusedAs

// refusedAs says what the check answers because of the key's user, organization
// and license, in the order in which the check decides.
const refusedAs = `CASE WHEN NOT u.enabled OR m.ended_at IS NOT NULL THEN 'USER_DISABLED' WHEN u.locked THEN 'USER_LOCKED' WHEN u.password_expired THEN 'USER_EXPIRED'
	WHEN o.suspended THEN 'ORG_SUSPENDED' WHEN NOT l.active THEN 'LICENSE_INACTIVE' ELSE '' END`

const (
	joinUser       = ` JOIN users u ON u.id = k.user_id`
	joinMembership = ` JOIN memberships m ON m.organization_id = k.organization_id AND m.user_id = k.user_id`
	// The use of a secret that was rotated out counts for its key too.
	joinUse = ` LEFT JOIN secret_uses t ON t.secret_id = (SELECT x.secret_id FROM secret_uses x WHERE x.key_id = k.id ORDER BY x.used_at DESC, x.secret_id DESC LIMIT 1)`

	keyTables = `keys k JOIN organizations o ON o.id = k.organization_id` + joinUser + joinMembership + `
	LEFT JOIN licenses l ON l.id = k.license_id
	LEFT JOIN applications a ON a.id = k.application_id
	LEFT JOIN secrets s ON s.key_id = k.id AND s.previous = FALSE AND s.retired_at IS NULL` + joinUse
)

func scanKey(r row) (k portal.Key, err error) {
	var publicID, masked, usedFrom, number, domain, application sql.NullString
	var user portal.User
	var networks string
	err = r.Scan(&k.ID, &k.Kind, &k.OrganizationID, &k.OrganizationName, &k.Name, &k.Description, &k.UserID, &user.Username, &user.FirstName, &user.LastName,
		&k.CreatedBy, &k.CreatorName, &k.MappedBy, &k.MapperName, instant{&k.MappedAt}, &k.MappingTold, referenced{&k.LicenseID}, &number, &domain, referenced{&k.ApplicationID}, &application, &publicID, &k.CanImpersonate, &k.DataLoader, &networks,
		&k.RateLimit.Requests, &k.RateLimit.Period, &k.RateLimit.Burst, &k.Enabled, &k.DisabledBy, instant{&k.RevokedAt}, instant{&k.ExpiresAt}, &masked, instant{&k.LastUsedAt}, &usedFrom, &k.Version, instant{&k.CreatedAt}, instant{&k.UpdatedAt}, &k.RefusedAs)
	k.Username, k.UserName = user.Username, user.Name()
	k.PublicID, k.Masked, k.LastUsedFrom = publicID.String, masked.String, usedFrom.String
	k.LicenseNumber, k.Domain, k.ApplicationName = number.String, domain.String, application.String
	k.AllowedNetworks = networksOf(networks)
	return k, err
}

// networksOf reads the networks of one text; nil for none.
func networksOf(text string) []string { return slices.Collect(strings.FieldsSeq(text)) }

// Key finds a key with its API sets.
func (q Queries) Key(ctx context.Context, id int64) (portal.Key, error) {
	key, err := one(ctx, q, portal.NounKey, scanKey, `/* key */ SELECT `+keyColumns+` FROM `+keyTables+` WHERE k.id = $1`, id)
	if err != nil {
		return key, err
	}
	keys := []portal.Key{key}
	err = q.addAPISets(ctx, keys)
	return keys[0], err
}

// Keys lists keys with their API sets by name, user, expires, created or
// last_used. The search looks at name, description, the ends of secrets and the
// mapped user. It finds the keys of the page first, and then what is to be told of
// these: to join the tables for that takes long even to plan.
func (q Queries) Keys(ctx context.Context, filter portal.KeyFilter) (portal.Page[portal.Key], error) {
	found, err := q.keyIDs(ctx, filter)
	if err != nil {
		return portal.Page[portal.Key]{}, err
	}
	keys, err := q.keysOf(ctx, found.Rows)
	return portal.Page[portal.Key]{Rows: keys, Next: found.Next}, err
}

// keysOf gives keys with their API sets in the order of their IDs in a list.
func (q Queries) keysOf(ctx context.Context, ids []int64) ([]portal.Key, error) {
	var keys []portal.Key
	for some := range slices.Chunk(ids, keysAtOnce) {
		args := make([]any, len(some))
		for i, id := range some {
			args[i] = id
		}
		these, err := all(ctx, q, scanKey, `/* keys of a page */ SELECT `+keyColumns+` FROM `+keyTables+` WHERE k.id IN (`+placeholders(len(some))+`)`, args...)
		if err != nil {
			return nil, err
		}
		place := func(k portal.Key) int { return slices.Index(some, k.ID) }
		slices.SortFunc(these, func(a, b portal.Key) int { return place(a) - place(b) })
		keys = append(keys, these...)
	}
	return keys, q.addAPISets(ctx, keys)
}

func (q Queries) keyIDs(ctx context.Context, filter portal.KeyFilter) (portal.Page[int64], error) {
	l := listing[int64]{
		name: "keys", columns: "k.id", from: "keys k", id: "k.id", scan: scalar[int64],
		sorts: map[string]string{
			"": "k.name_folded", "name": "k.name_folded", "user": "u.username_folded",
			"expires": sortable("k.expires_at"), "created": sortable("k.created_at"), "last_used": sortable("t.used_at"),
		},
	}
	switch filter.Sort.By {
	case "user":
		l.from += joinUser
	case "last_used":
		l.from += joinUse
	}
	if filter.OrganizationID != 0 {
		l.filter("k.organization_id = ?", filter.OrganizationID)
	}
	if filter.UserID != 0 {
		l.filter("k.user_id = ?", filter.UserID)
	}
	if filter.MembersOnly {
		l.from += joinMembership
		l.where = append(l.where, "m.ended_at IS NULL")
	}
	if filter.APISetID != 0 {
		l.filter("EXISTS (SELECT 1 FROM key_api_sets x WHERE x.key_id = k.id AND x.api_set_id = ?)", filter.APISetID)
	}
	if filter.LicenseID != 0 {
		l.filter("k.license_id = ?", filter.LicenseID)
	}
	if filter.Kind != "" {
		l.filter("k.kind = ?", filter.Kind)
	}
	if filter.DataLoader != nil {
		l.filter("k.data_loader = ?", *filter.DataLoader)
	}
	if filter.CanImpersonate {
		l.where = append(l.where, "k.can_impersonate")
	}
	if filter.Live {
		l.where = append(l.where, "k.revoked_at IS NULL")
	}
	if !filter.ExpiresBefore.IsZero() {
		l.filter("k.revoked_at IS NULL AND k.expires_at > ?", at(q.Now()))
		l.filter("k.expires_at <= ?", at(filter.ExpiresBefore))
	}
	l.state(filter.State, q.Now())
	if err := q.searchKeys(ctx, &l, filter.Search); err != nil {
		return portal.Page[int64]{}, err
	}
	return page(ctx, q, l, filter.List)
}

// sortable is an instant as text that sorts (sixteen digits from 2001 to 2286);
// what is not set comes last.
func sortable(column string) string { return "coalesce(CAST(" + column + " AS TEXT), 'never')" }

func (l *listing[T]) state(state portal.KeyState, now time.Time) {
	switch state {
	case portal.KeyRevoked:
		l.where = append(l.where, "k.revoked_at IS NOT NULL")
	case portal.KeyDisabled:
		l.where = append(l.where, "k.revoked_at IS NULL AND NOT k.enabled")
	case portal.KeyExpired:
		l.filter("k.revoked_at IS NULL AND k.enabled AND k.expires_at <= ?", at(now))
	case portal.KeyActive:
		l.filter("k.revoked_at IS NULL AND k.enabled AND (k.expires_at IS NULL OR k.expires_at > ?)", at(now))
	}
}

// LiveKeyNamed finds a user's key in an organization that is not revoked, by
// its name regardless of case, without its API sets.
func (q Queries) LiveKeyNamed(ctx context.Context, organization, user int64, name string) (portal.Key, error) {
	return one(ctx, q, portal.NounKey, scanKey, `/* live key by name */ SELECT `+keyColumns+` FROM `+keyTables+`
		WHERE k.organization_id = $1 AND k.user_id = $2 AND k.name_folded = $3 AND k.revoked_at IS NULL`, organization, user, portal.Fold(name))
}

// LiveKeyFor finds the key for an application and license that is not revoked,
// without its API sets.
func (q Queries) LiveKeyFor(ctx context.Context, application, license int64) (portal.Key, error) {
	return one(ctx, q, portal.NounKey, scanKey, `/* live key for an application */ SELECT `+keyColumns+` FROM `+keyTables+`
		WHERE k.application_id = $1 AND k.license_id = $2 AND k.revoked_at IS NULL`, application, license)
}

const untoldAtOnce = 100

// UntoldKeys lists the keys of a user that are not revoked and whose mapping the user
// was not told of, the latest first and of many a hundred, without their API sets.
func (q Queries) UntoldKeys(ctx context.Context, user int64) ([]portal.Key, error) {
	return all(ctx, q, scanKey, `/* untold keys of a user */ SELECT `+keyColumns+` FROM `+keyTables+`
		WHERE k.user_id = $1 AND NOT k.mapping_told AND k.revoked_at IS NULL ORDER BY k.mapped_at DESC, k.id DESC LIMIT $2`, user, untoldAtOnce)
}

// TellOfKey notes that a key's user knows that the key was mapped to them, if that is
// still as it was read. The key's version stays: nothing changes about the key itself.
func (u *Update) TellOfKey(ctx context.Context, k portal.Key) error {
	return u.exec(ctx, `/* tell of key */ UPDATE keys SET mapping_told = TRUE WHERE id = $1 AND user_id = $2 AND mapped_at = $3`, k.ID, k.UserID, at(k.MappedAt))
}

// OAuthKey finds a license's OAuth client that is not revoked, with its API sets.
func (q Queries) OAuthKey(ctx context.Context, license int64) (portal.Key, error) {
	id, err := one(ctx, q, portal.NounKey, scalar[int64], `/* OAuth client of a license */ SELECT id FROM keys WHERE license_id = $1 AND kind = 'oauth' AND revoked_at IS NULL`, license)
	if err != nil {
		return portal.Key{}, err
	}
	return q.Key(ctx, id)
}

// LicensedKeys lists the keys of an organization that are bound to a license and
// not revoked, without their API sets.
func (q Queries) LicensedKeys(ctx context.Context, organization int64) ([]portal.Key, error) {
	return all(ctx, q, scanKey, `/* keys of licenses */ SELECT `+keyColumns+` FROM `+keyTables+`
		WHERE k.license_id IN (SELECT x.id FROM licenses x WHERE x.organization_id = $1) AND k.revoked_at IS NULL ORDER BY k.name_folded, k.id`, organization)
}

// KeysFor counts the keys for an application that are not revoked.
func (q Queries) KeysFor(ctx context.Context, application int64) (int, error) {
	return one(ctx, q, portal.NounKey, scalar[int], `/* count of keys for an application */ SELECT count(*) FROM keys WHERE application_id = $1 AND revoked_at IS NULL`, application)
}

// KeysLosing lists the first keys that are not revoked and were granted an API
// set, without their API sets, and tells how many there are in all.
func (q Queries) KeysLosing(ctx context.Context, apiSet int64, most int) ([]portal.Key, int, error) {
	const condition = ` k.revoked_at IS NULL AND k.id IN (SELECT x.key_id FROM key_api_sets x WHERE x.api_set_id = $1)`
	count, err := one(ctx, q, portal.NounKey, scalar[int], `/* count of keys with an API set */ SELECT count(*) FROM keys k WHERE`+condition, apiSet)
	if err != nil {
		return nil, 0, err
	}
	keys, err := all(ctx, q, scanKey, `/* keys with an API set */ SELECT `+keyColumns+` FROM `+keyTables+` WHERE`+condition+` ORDER BY k.id LIMIT $2`, apiSet, most)
	return keys, count, err
}

// KeyCounts counts an organization's keys that are not revoked, and of these
// the ones that expire before an instant and after now; a user other than 0
// narrows both.
func (q Queries) KeyCounts(ctx context.Context, organization, user int64, until time.Time) (live, expiring int, err error) {
	const condition = ` WHERE organization_id = $1 AND ($2 = 0 OR user_id = $2) AND revoked_at IS NULL`
	live, err = one(ctx, q, portal.NounKey, scalar[int], `/* count of keys */ SELECT count(*) FROM keys`+condition, organization, user)
	if err != nil {
		return 0, 0, err
	}
	expiring, err = one(ctx, q, portal.NounKey, scalar[int], `/* count of keys that expire */ SELECT count(*) FROM keys`+condition+`
		AND expires_at > $3 AND expires_at <= $4`, organization, user, at(q.Now()), at(until))
	return live, expiring, err
}

// KeyByHash finds the key that a secret belongs to, by the secret's hash.
func (q Queries) KeyByHash(ctx context.Context, hash secret.Hash) (portal.Key, portal.Secret, error) {
	s, err := one(ctx, q, portal.NounKey, scanSecret, `/* secret by hash */ SELECT `+secretColumns+` FROM `+secretTables+` WHERE s.hash = $1`, hash[:])
	if err != nil {
		return portal.Key{}, s, err
	}
	key, err := q.Key(ctx, s.KeyID)
	return key, s, err
}

const keysAtOnce = 1000 // of a statement

// addAPISets gives the keys their API sets, in one query for many.
func (q Queries) addAPISets(ctx context.Context, keys []portal.Key) error {
	for some := range slices.Chunk(keys, keysAtOnce) {
		if err := q.addAPISetsTo(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

func (q Queries) addAPISetsTo(ctx context.Context, keys []portal.Key) error {
	index, args := map[int64]int{}, []any{}
	for i, key := range keys {
		index[key.ID], args = i, append(args, key.ID)
	}
	granted, err := all(ctx, q, scanGranted, `/* API sets of keys */ SELECT x.key_id, `+apiSetColumns+`
		FROM key_api_sets x JOIN api_sets s ON s.id = x.api_set_id WHERE x.key_id IN (`+placeholders(len(args))+`) ORDER BY `+apiSetOrder, args...)
	for _, g := range granted {
		key := &keys[index[g.key]]
		key.APISets = append(key.APISets, g.set)
	}
	return err
}

// granted is an API set of a key.
type granted struct {
	key int64
	set portal.APISet
}

func scanGranted(r row) (g granted, err error) {
	g.set, err = scanAPISet(behind{r, []any{&g.key}})
	return g, err
}

// InsertKey adds a key with its API sets and its first secret, and gives it
// with its ID, mapped to its user now. The zero Secret is none yet: the key is to be
// delivered.
func (c *Change) InsertKey(ctx context.Context, k portal.Key, s portal.Secret) (portal.Key, error) {
	id, err := c.AddKey(ctx, k, s)
	if err != nil {
		return k, err
	}
	return c.Key(ctx, id)
}

// AddKey is InsertKey for many keys: it gives the key's ID alone.
func (c *Change) AddKey(ctx context.Context, k portal.Key, s portal.Secret) (int64, error) {
	id, err := one(ctx, c.Queries, portal.NounKey, scalar[int64], `/* insert key */
		INSERT INTO keys (kind, organization_id, name, name_folded, description, search, user_id, user_search, created_by, creator_name, license_id, application_id,
			public_id, can_impersonate, data_loader, allowed_networks, enabled, disabled_by, revoked_at, expires_at, version, created_at, updated_at,
			mapped_by, mapper_name, mapped_at, mapping_told, rate_limit, rate_period, rate_burst)
		VALUES ($1, $2, $3, $4, $5, $6, $7, (SELECT u.search FROM users u WHERE u.id = $7), $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, 1, $20, $20, $21, $22, $20, $23, $24, $25, $26) RETURNING id`,
		k.Kind, k.OrganizationID, k.Name, portal.Fold(k.Name), k.Description, keySearchText(k, s.Masked), k.UserID, k.CreatedBy, k.CreatorName,
		ref(k.LicenseID), ref(k.ApplicationID), sql.NullString{String: k.PublicID, Valid: k.PublicID != ""}, k.CanImpersonate, k.DataLoader,
		strings.Join(k.AllowedNetworks, " "), k.Enabled, k.DisabledBy, at(k.RevokedAt), at(k.ExpiresAt), at(c.Now()),
		k.MappedBy, k.MapperName, k.MappingTold, k.RateLimit.Requests, k.RateLimit.Period, k.RateLimit.Burst)
	if err != nil {
		return 0, err
	}
	if err := c.addKeyAPISets(ctx, id, k.APISets); err != nil {
		return 0, err
	}
	if s.KeyID = id; s.Hash != nil {
		return id, c.insertSecret(ctx, s)
	}
	return id, nil
}

// UpdateKey writes what can change of a key, its API sets among it, if it still
// has the given version; else the error is Stale. A revoked key never changes.
func (c *Change) UpdateKey(ctx context.Context, k portal.Key) error {
	err := c.execVersion(ctx, portal.NounKey, `/* update key */
		UPDATE keys SET name = $3, name_folded = $4, description = $5, search = $6, user_id = $7, user_search = (SELECT u.search FROM users u WHERE u.id = $7), application_id = $8, can_impersonate = $9, allowed_networks = $10,
			enabled = $11, disabled_by = $12, revoked_at = $13, expires_at = $14, version = version + 1, updated_at = $15,
			mapped_by = $16, mapper_name = $17, mapped_at = $18, mapping_told = $19,
			rate_limit = $20, rate_period = $21, rate_burst = $22 WHERE id = $1 AND version = $2 AND revoked_at IS NULL`,
		k.ID, k.Version, k.Name, portal.Fold(k.Name), k.Description, keySearchText(k, k.Masked), k.UserID, ref(k.ApplicationID), k.CanImpersonate,
		strings.Join(k.AllowedNetworks, " "), k.Enabled, k.DisabledBy, at(k.RevokedAt), at(k.ExpiresAt), at(c.Now()),
		k.MappedBy, k.MapperName, at(k.MappedAt), k.MappingTold, k.RateLimit.Requests, k.RateLimit.Period, k.RateLimit.Burst)
	if err != nil {
		return err
	}
	return c.putKeyAPISets(ctx, k.ID, k.APISets)
}

func (c *Change) putKeyAPISets(ctx context.Context, key int64, sets []portal.APISet) error {
	if err := c.exec(ctx, `/* clear API sets of a key */ DELETE FROM key_api_sets WHERE key_id = $1`, key); err != nil {
		return err
	}
	return c.addKeyAPISets(ctx, key, sets)
}

func (c *Change) addKeyAPISets(ctx context.Context, key int64, sets []portal.APISet) error {
	return c.insertRows(ctx, `/* insert API sets of a key */ INSERT INTO key_api_sets (key_id, api_set_id) VALUES`, ``,
		rowsOf(sets, func(set portal.APISet) []any { return []any{key, set.ID} }))
}

// keySearchText holds the end of the secret behind its ellipsis, so that the
// last characters find the key.
func keySearchText(k portal.Key, masked string) string {
	return portal.Fold(k.Name + " " + k.Description + " " + masked + " " + k.PublicID)
}

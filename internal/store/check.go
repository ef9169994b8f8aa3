package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
)

// Subject finds what the check needs to know of a secret by the secret's hash,
// all of it at one instant. A secret that was retired is not found.
func (q Queries) Subject(ctx context.Context, hash secret.Hash) (portal.Subject, error) {
	return one(ctx, q, portal.NounKey, scanSubject, subjectQuery, hash[:])
}

// SubjectAs is Subject for a request that names a user to act as.
func (q Queries) SubjectAs(ctx context.Context, hash secret.Hash, user int64) (portal.Subject, error) {
	return one(ctx, q, portal.NounKey, scanImpersonating, subjectAsQuery, hash[:], user)
}

// TokenSubject is Subject for an access token: of its key, through the secret that
// it was exchanged for, within its scope. A token is not found once its secret was
// retired.
func (q Queries) TokenSubject(ctx context.Context, hash secret.Hash) (portal.Subject, error) {
	return one(ctx, q, portal.NounKey, scanSubject, tokenSubjectQuery, hash[:])
}

// TokenSubjectAs is TokenSubject for a request that names a user to act as.
func (q Queries) TokenSubjectAs(ctx context.Context, hash secret.Hash, user int64) (portal.Subject, error) {
	return one(ctx, q, portal.NounKey, scanImpersonating, tokenSubjectAsQuery, hash[:], user)
}

// ImportedSubject is Subject for a text that has not the form of our credentials: it
// finds a secret that was imported, and no other.
func (q Queries) ImportedSubject(ctx context.Context, hash secret.Hash) (portal.Subject, error) {
	return one(ctx, q, portal.NounKey, scanSubject, importedSubjectQuery, hash[:])
}

// credential is where the check finds what was sent.
type credential struct {
	tables, hash string
	token        string // the columns of an access token
	withinScope  string
}

// acting is whom a request acts as.
type acting struct {
	membership      string // by which it is decided what may be reached
	columns, tables string // beside those of the key's own user
}

var (
	ofKey   = credential{tables: `secrets s`, hash: `s.hash`, token: `CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)`}
	ofToken = credential{
		tables: `access_tokens t JOIN secrets s ON s.id = t.secret_id`, hash: `t.hash`, token: `t.created_at, t.expires_at, t.revoked_at`,
		withinScope: `AND ' ' || t.scope || ' ' LIKE '% ' || g.slug || ' %'`,
	}
	asItself  = acting{membership: `m`}
	asAnother = acting{
		membership: `im`,
		columns:    `, iu.id, iu.username, iu.enabled, iu.locked, iu.password_expired, iu.staff, im.ended_at IS NULL`,
		tables:     `LEFT JOIN memberships im ON im.organization_id = k.organization_id AND im.user_id = $2 LEFT JOIN users iu ON iu.id = im.user_id`,
	}

	subjectQuery, subjectAsQuery           = subjectOf(ofKey, asItself), subjectOf(ofKey, asAnother)
	tokenSubjectQuery, tokenSubjectAsQuery = subjectOf(ofToken, asItself), subjectOf(ofToken, asAnother)
	importedSubjectQuery                   = subjectQuery + ` AND s.imported`

	checkQueries = []string{subjectQuery, subjectAsQuery, tokenSubjectQuery, tokenSubjectAsQuery, importedSubjectQuery}
)

// subjectOf puts the statement together that reads a subject. It is one statement:
// with two, a change between them would show half of it, and the rights of one user
// with the API sets of another.
func subjectOf(sent credential, as acting) string {
	return `/* subject of the check */
	SELECT (SELECT r.revision_id FROM revision_head r WHERE r.id = 1), (SELECT r.number FROM token_revocations r WHERE r.id = 1), s.id, s.expires_at, k.id, k.name, k.kind, k.enabled, k.revoked_at, k.expires_at, k.can_impersonate, k.allowed_networks, k.rate_limit, k.rate_period, k.rate_burst,
		u.id, u.username, u.enabled, u.locked, u.password_expired, u.staff, m.ended_at IS NULL,
		o.id, o.name, o.suspended, l.id, l.number, l.active, l.domain, a.name, k.public_id, ` + sent.token + `,
		(SELECT string_agg(g.slug, ' ' ORDER BY g.slug) FROM key_api_sets ks JOIN api_sets g ON g.id = ks.api_set_id
			WHERE ks.key_id = k.id AND g.retired_at IS NULL ` + sent.withinScope + `
				AND (` + as.membership + `.all_access OR EXISTS (SELECT 1 FROM role_api_sets x WHERE x.api_set_id = g.id
					AND x.role_id IN (` + strings.ReplaceAll(rolesHeld, "$1", as.membership+".id") + `))))` + as.columns + `
	FROM ` + sent.tables + ` JOIN keys k ON k.id = s.key_id JOIN users u ON u.id = k.user_id
		JOIN memberships m ON m.organization_id = k.organization_id AND m.user_id = k.user_id
		JOIN organizations o ON o.id = k.organization_id
		LEFT JOIN licenses l ON l.id = k.license_id LEFT JOIN applications a ON a.id = k.application_id ` + as.tables + `
	WHERE ` + sent.hash + ` = $1 AND s.retired_at IS NULL`
}

func scanSubject(r row) (s portal.Subject, err error) {
	var networks string
	var number, domain, application, publicID, sets sql.NullString
	var active sql.NullBool
	err = r.Scan(&s.Revision, &s.Revocation, &s.SecretID, instant{&s.SecretExpiresAt}, &s.KeyID, &s.KeyName, &s.Kind, &s.KeyEnabled, instant{&s.KeyRevokedAt}, instant{&s.KeyExpiresAt}, &s.CanImpersonate, &networks, &s.RateLimit.Requests, &s.RateLimit.Period, &s.RateLimit.Burst,
		&s.UserID, &s.Username, &s.UserEnabled, &s.UserLocked, &s.UserExpired, &s.UserStaff, &s.Member,
		&s.OrganizationID, &s.OrganizationName, &s.Suspended, referenced{&s.LicenseID}, &number, &active, &domain, &application,
		&publicID, instant{&s.TokenIssuedAt}, instant{&s.TokenExpiresAt}, instant{&s.TokenRevokedAt}, &sets)
	s.AllowedNetworks, s.APISets = networksOf(networks), slices.Collect(strings.FieldsSeq(sets.String))
	s.LicenseNumber, s.LicenseActive, s.Domain, s.Application = number.String, active.Bool, domain.String, application.String
	s.PublicID = publicID.String
	return s, err
}

func scanImpersonating(r row) (portal.Subject, error) {
	var username, staff sql.NullString
	var enabled, locked, expired sql.NullBool
	var as portal.Impersonated
	s, err := scanSubject(followed{r, []any{referenced{&as.ID}, &username, &enabled, &locked, &expired, &staff, &as.Member}})
	if as.ID != 0 {
		as.Username, as.Enabled, as.Locked, as.Expired, as.Staff = username.String, enabled.Bool, locked.Bool, expired.Bool, portal.Staff(staff.String)
		s.Impersonated = as
	}
	return s, err
}

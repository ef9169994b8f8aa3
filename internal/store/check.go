package store

import (
	"context"
	"database/sql"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
)

// Subject finds what the check needs to know of a secret by the secret's hash.
// A secret that was retired is not found.
func (q Queries) Subject(ctx context.Context, hash secret.Hash) (portal.Subject, error) {
	found, err := one(ctx, q, portal.NounKey, scanSubject, `/* subject of the check */
		SELECT s.id, s.expires_at, k.id, k.name, k.kind, k.enabled, k.revoked_at, k.expires_at, k.can_impersonate, k.allowed_networks,
			u.id, u.username, u.enabled, u.locked, u.password_expired, u.staff, m.id, m.ended_at IS NULL, m.all_access,
			o.id, o.name, o.suspended, l.id, l.number, l.active, l.domain, a.name
		FROM secrets s JOIN keys k ON k.id = s.key_id JOIN users u ON u.id = k.user_id
			JOIN memberships m ON m.organization_id = k.organization_id AND m.user_id = k.user_id
			JOIN organizations o ON o.id = k.organization_id
			LEFT JOIN licenses l ON l.id = k.license_id LEFT JOIN applications a ON a.id = k.application_id
		WHERE s.hash = $1 AND s.retired_at IS NULL`, hash[:])
	if err != nil {
		return found.Subject, err
	}
	found.APISets, err = all(ctx, q, scalar[string], `/* API sets in effect */
		SELECT s.slug FROM key_api_sets k JOIN api_sets s ON s.id = k.api_set_id
		WHERE k.key_id = $2 AND s.retired_at IS NULL
			AND ($3 OR EXISTS (SELECT 1 FROM role_api_sets x WHERE x.api_set_id = s.id AND x.role_id IN (`+rolesHeld+`)))
		ORDER BY s.slug`, found.membership, found.KeyID, found.allAccess)
	return found.Subject, err
}

type subjectRow struct {
	portal.Subject
	membership int64
	allAccess  bool
}

func scanSubject(r row) (s subjectRow, err error) {
	var networks string
	var number, domain, application sql.NullString
	var active sql.NullBool
	err = r.Scan(&s.SecretID, instant{&s.SecretExpiresAt}, &s.KeyID, &s.KeyName, &s.Kind, &s.KeyEnabled, instant{&s.KeyRevokedAt}, instant{&s.KeyExpiresAt}, &s.CanImpersonate, &networks,
		&s.UserID, &s.Username, &s.UserEnabled, &s.UserLocked, &s.UserExpired, &s.UserStaff, &s.membership, &s.Member, &s.allAccess,
		&s.OrganizationID, &s.OrganizationName, &s.Suspended, referenced{&s.LicenseID}, &number, &active, &domain, &application)
	s.AllowedNetworks = networksOf(networks)
	s.LicenseNumber, s.LicenseActive, s.Domain, s.Application = number.String, active.Bool, domain.String, application.String
	return s, err
}

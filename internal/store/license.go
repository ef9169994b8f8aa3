package store

import (
	"context"

	"keyportal/internal/portal"
)

const licenseColumns = `l.id, l.organization_id, l.number, l.domain, l.database_label, l.active, l.version, l.created_at, l.updated_at`

func scanLicense(r row) (l portal.License, err error) {
	return l, r.Scan(&l.ID, &l.OrganizationID, &l.Number, &l.Domain, &l.Database, &l.Active, &l.Version, instant{&l.CreatedAt}, instant{&l.UpdatedAt})
}

const instanceColumns = `i.id, i.license_id, i.name, i.environment, i.created_at`

func scanInstance(r row) (i portal.Instance, err error) {
	return i, r.Scan(&i.ID, &i.LicenseID, &i.Name, &i.Environment, instant{&i.CreatedAt})
}

// License finds a license.
func (q Queries) License(ctx context.Context, id int64) (portal.License, error) {
	return one(ctx, q, portal.NounLicense, scanLicense, `/* license */ SELECT `+licenseColumns+` FROM licenses l WHERE l.id = $1`, id)
}

// LicenseByNumber finds a license by its number.
func (q Queries) LicenseByNumber(ctx context.Context, number string) (portal.License, error) {
	return one(ctx, q, portal.NounLicense, scanLicense, `/* license by number */ SELECT `+licenseColumns+` FROM licenses l WHERE l.number = $1`, number)
}

// LicenseByDomain finds a license by its domain's name, regardless of case.
func (q Queries) LicenseByDomain(ctx context.Context, domain string) (portal.License, error) {
	return one(ctx, q, portal.NounLicense, scanLicense, `/* license by domain */ SELECT `+licenseColumns+` FROM licenses l WHERE l.domain_folded = $1`, portal.Fold(domain))
}

// Licenses lists an organization's licenses by age.
func (q Queries) Licenses(ctx context.Context, organization int64) ([]portal.License, error) {
	return all(ctx, q, scanLicense, `/* licenses of an organization */ SELECT `+licenseColumns+` FROM licenses l WHERE l.organization_id = $1 ORDER BY l.id`, organization)
}

// LicenseUses counts what stands on a license.
func (q Queries) LicenseUses(ctx context.Context, l portal.License) (portal.LicenseUses, error) {
	scan := func(r row) (u portal.LicenseUses, err error) { return u, r.Scan(&u.Instances, &u.Keys, &u.Requests) }
	return one(ctx, q, portal.NounLicense, scan, `/* uses of a license */ SELECT (SELECT count(*) FROM instances i WHERE i.license_id = $1),
		(SELECT count(*) FROM keys k WHERE k.license_id = $1), (SELECT count(*) FROM requests x WHERE x.organization_id = $2 AND x.license_id = $1)`, l.ID, l.OrganizationID)
}

// Instance finds an instance.
func (q Queries) Instance(ctx context.Context, id int64) (portal.Instance, error) {
	return one(ctx, q, portal.NounInstance, scanInstance, `/* instance */ SELECT `+instanceColumns+` FROM instances i WHERE i.id = $1`, id)
}

// InstanceByName finds an instance by its name, regardless of case.
func (q Queries) InstanceByName(ctx context.Context, name string) (portal.Instance, error) {
	return one(ctx, q, portal.NounInstance, scanInstance, `/* instance by name */ SELECT `+instanceColumns+` FROM instances i WHERE i.name_folded = $1`, portal.Fold(name))
}

// Instances lists a license's instances by name.
func (q Queries) Instances(ctx context.Context, license int64) ([]portal.Instance, error) {
	return all(ctx, q, scanInstance, `/* instances of a license */ SELECT `+instanceColumns+` FROM instances i WHERE i.license_id = $1 ORDER BY i.name_folded`, license)
}

// InstancesOf lists the instances of all licenses of an organization by name.
func (q Queries) InstancesOf(ctx context.Context, organization int64) ([]portal.Instance, error) {
	return all(ctx, q, scanInstance, `/* instances of an organization */ SELECT `+instanceColumns+`
		FROM licenses l JOIN instances i ON i.license_id = l.id WHERE l.organization_id = $1 ORDER BY i.name_folded`, organization)
}

// InsertLicense adds a license and gives it with its ID.
func (c *Change) InsertLicense(ctx context.Context, l portal.License) (portal.License, error) {
	id, err := one(ctx, c.Queries, portal.NounLicense, scalar[int64], `/* insert license */
		INSERT INTO licenses (organization_id, number, domain, domain_folded, database_label, active, version, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7) RETURNING id`, l.OrganizationID, l.Number, l.Domain, portal.Fold(l.Domain), l.Database, l.Active, at(c.Now()))
	if err != nil {
		return l, err
	}
	return c.License(ctx, id)
}

// InsertInstance adds an instance and gives it with its ID.
func (c *Change) InsertInstance(ctx context.Context, i portal.Instance) (portal.Instance, error) {
	id, err := one(ctx, c.Queries, portal.NounInstance, scalar[int64], `/* insert instance */
		INSERT INTO instances (license_id, name, name_folded, environment, created_at) VALUES ($1, $2, $3, $4, $5) RETURNING id`,
		i.LicenseID, i.Name, portal.Fold(i.Name), i.Environment, at(c.Now()))
	if err != nil {
		return i, err
	}
	return c.Instance(ctx, id)
}

// UpdateLicense writes what can change of a license if it still has the given
// version; else the error is Stale. Its number and its organization stay.
func (c *Change) UpdateLicense(ctx context.Context, l portal.License) error {
	return c.execVersion(ctx, portal.NounLicense, `/* update license */
		UPDATE licenses SET domain = $3, domain_folded = $4, database_label = $5, active = $6, version = version + 1, updated_at = $7 WHERE id = $1 AND version = $2`,
		l.ID, l.Version, l.Domain, portal.Fold(l.Domain), l.Database, l.Active, at(c.Now()))
}

// DeleteLicense removes a license on which nothing stands; else the error is a
// conflict. The form that made it is forgotten: on SQLite the next license may get
// its ID.
func (c *Change) DeleteLicense(ctx context.Context, id int64) error {
	if err := c.exec(ctx, `/* forget the form of a license */ DELETE FROM submissions WHERE noun = $1 AND noun_id = $2`, portal.NounLicense, id); err != nil {
		return err
	}
	return c.execOne(ctx, portal.NounLicense, `/* delete license */ DELETE FROM licenses WHERE id = $1`, id)
}

// DeleteInstance removes an instance. Sessions that are there go on in the
// organization.
func (c *Change) DeleteInstance(ctx context.Context, id int64) error {
	if err := c.exec(ctx, `/* leave an instance */ UPDATE sessions SET instance_id = NULL WHERE instance_id = $1`, id); err != nil {
		return err
	}
	return c.execOne(ctx, portal.NounInstance, `/* delete instance */ DELETE FROM instances WHERE id = $1`, id)
}

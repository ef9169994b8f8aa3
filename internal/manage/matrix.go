package manage

import (
	"context"
	"slices"

	"keyportal/internal/portal"
)

// Matrix tells for each application and license of an organization whether there is
// a key, or a request for one.
type Matrix struct {
	Organization portal.Organization
	Licenses     []portal.License
	Applications []portal.Application // the catalogue's and the organization's; retired ones that have a key
	cells        map[cell]Cell
}

type cell struct{ application, license int64 }

// Cell is one application with one license. Of a key or a request that the actor may
// not see it has only what shownKey and shownRequest leave.
type Cell struct {
	Key     portal.Key     // zero: there is none
	Request portal.Request // that is still to be decided; zero: there is none
}

// Cell gives the cell of an application and a license.
func (m Matrix) Cell(application, license int64) Cell { return m.cells[cell{application, license}] }

// Matrix puts an organization's applications and licenses together. For who may see
// its licenses.
func (m *Manager) Matrix(ctx context.Context, organization int64) (Matrix, error) {
	matrix := Matrix{cells: map[cell]Cell{}}
	var err error
	if matrix.Organization, err = m.Organization(ctx, organization); err != nil {
		return matrix, err
	}
	if matrix.Licenses, err = m.Licenses(ctx, organization); err != nil {
		return matrix, err
	}
	if err := m.fillMatrix(ctx, matrix.cells, organization); err != nil {
		return matrix, err
	}
	applications, err := m.Applications(ctx, organization)
	matrix.Applications = slices.DeleteFunc(applications, func(a portal.Application) bool { return a.Retired() && !matrix.hasKey(a.ID) })
	return matrix, err
}

func (m *Manager) fillMatrix(ctx context.Context, cells map[cell]Cell, organization int64) error {
	actor := portal.ActorFrom(ctx)
	keys, err := m.Store.LicensedKeys(ctx, organization)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if key.ApplicationID != 0 {
			cells[cell{key.ApplicationID, key.LicenseID}] = Cell{Key: shownKey(actor, key)}
		}
	}
	requests, err := m.Store.PendingRequests(ctx, organization)
	for _, request := range requests {
		at := cell{request.ApplicationID, request.LicenseID}
		cells[at] = Cell{Key: cells[at].Key, Request: shownRequest(actor, request)}
	}
	return err
}

func (m Matrix) hasKey(application int64) bool {
	return slices.ContainsFunc(m.Licenses, func(license portal.License) bool { return m.Cell(application, license.ID).Key.ID != 0 })
}

package web

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/templates/page"
)

// showMatrix shows which application has a key for which domain of a client.
func (s *Server) showMatrix(c echo.Context) error {
	ctx := c.Request().Context()
	id, err := pathID(c, "id", portal.NounOrganization)
	if err != nil {
		return err
	}
	matrix, err := s.manage.Matrix(ctx, id)
	if err != nil {
		return err
	}
	actor := portal.ActorFrom(ctx)
	view := page.Matrix{
		Organization: matrix.Organization, Licenses: matrix.Licenses, Rows: matrixRows(actor, matrix),
		SeesLicenses: portal.Can(actor, portal.ViewLicenses, id) == nil, CanLicense: portal.Can(actor, portal.ManageLicenses, 0) == nil,
		CanManage: portal.CanManageApplications(actor, id) == nil, Now: s.manage.Now(),
	}
	if view.CanManage {
		if view.Retired, err = s.retiredApplications(c, id); err != nil {
			return err
		}
	}
	return s.render(c, http.StatusOK, "Applications", view.Render())
}

// matrixRows puts an organization's applications and licenses together, with what
// the actor can do where there is no key.
func matrixRows(actor portal.Actor, matrix manage.Matrix) []page.MatrixRow {
	rows := make([]page.MatrixRow, len(matrix.Applications))
	for i, application := range matrix.Applications {
		rows[i].Application = application
		for _, license := range matrix.Licenses {
			rows[i].Cells = append(rows[i].Cells, matrixCell(actor, application, license, matrix.Cell(application.ID, license.ID)))
		}
	}
	return rows
}

func matrixCell(actor portal.Actor, application portal.Application, license portal.License, cell manage.Cell) page.MatrixCell {
	issues := portal.Can(actor, portal.ManageAPIKeys, license.OrganizationID) == nil
	requests := portal.CanRequestKeys(actor, license.OrganizationID) == nil
	return page.MatrixCell{
		Application: application, License: license, Key: cell.Key, Request: cell.Request,
		SeesKey:     portal.CanUseKeysOf(actor, portal.SeeKey, license.OrganizationID, cell.Key.UserID) == nil,
		SeesRequest: portal.CanSeeRequest(actor, cell.Request) == nil,
		CanIssue:    issues && !application.Retired(), CanRequest: requests && !application.Retired() && license.Active,
	}
}

// retiredApplications lists an organization's own applications that were retired:
// they can be put back into use.
func (s *Server) retiredApplications(c echo.Context, organization int64) ([]portal.Application, error) {
	applications, err := s.manage.Applications(c.Request().Context(), organization)
	return slices.DeleteFunc(applications, func(a portal.Application) bool { return a.OrganizationID != organization || !a.Retired() }), err
}

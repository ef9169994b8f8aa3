package web

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"keyportal/internal/portal"
	"keyportal/templates/layout"
	"keyportal/templates/page"
	"keyportal/web/api"
)

// docsOf gives what Swagger Docs shows of the API.
func docsOf(a *api.API) []portal.DocsSection {
	document, err := a.Document("")
	if err != nil {
		panic(fmt.Sprint("web: the API's document is made of plain values: ", err))
	}
	sections, err := portal.ReadDocs(document)
	if err != nil {
		panic(fmt.Sprint("web: the API's document: ", err))
	}
	return sections
}

// listDocs lists the sections of the REST API, or what a search finds in them.
func (s *Server) listDocs(c echo.Context) error {
	view := page.Docs{Query: c.QueryParam("q"), Found: portal.FindDocs(s.docs(), c.QueryParam("q"))}
	return s.render(c, http.StatusOK, page.DocsTitle, view.Render())
}

// showDocs shows a section in Swagger UI. What is tried there is done as the viewer, in the
// organization that they are working in.
func (s *Server) showDocs(c echo.Context) error {
	sections := s.docs()
	at := slices.IndexFunc(sections, func(section portal.DocsSection) bool { return section.Slug == c.Param("section") })
	if at < 0 {
		return &portal.Error{Code: portal.CodeNotFound, Message: "The API has no such section. Find what you look for in Swagger Docs."}
	}
	chrome, err := s.chrome(c, sections[at].Name)
	if err != nil {
		return err
	}
	return write(c, http.StatusOK, layout.Swagger(chrome), page.SwaggerUI(sections[at]))
}

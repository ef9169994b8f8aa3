package web

import (
	"net/url"

	"github.com/labstack/echo/v4"

	"keyportal/internal/portal"
	"keyportal/templates/page"
)

// listOf reads from a list's address what part of it is wanted: q (search),
// sort (a column, with a minus in front for descending), after (the page).
func listOf(c echo.Context) portal.List {
	query := c.QueryParams()
	list := portal.List{Search: query.Get("q"), After: query.Get("after")}
	list.Sort.By = query.Get("sort")
	if len(list.Sort.By) > 0 && list.Sort.By[0] == '-' {
		list.Sort = portal.Sort{By: list.Sort.By[1:], Desc: true}
	}
	return list
}

// viewList makes the view of a list's address and pages.
func viewList(c echo.Context, list portal.List, next string) page.List {
	request := c.Request()
	query := url.Values{}
	for name, values := range c.QueryParams() {
		query[name] = values
	}
	query.Del("after")
	return page.List{Path: request.URL.Path, Query: query, Sort: list.Sort, First: list.After == "", Next: next}
}

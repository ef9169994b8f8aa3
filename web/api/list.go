package api

import (
	"cmp"
	"context"
	"strings"

	"keyportal/internal/portal"
)

// Paging is which part of a list is asked for.
type Paging struct {
	Cursor string `query:"cursor" maxLength:"2000" doc:"Where the page begins: the next of the page before. Without it, the first page."`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many things at the most."`
}

func (p Paging) list() portal.List { return portal.List{After: p.Cursor, Limit: p.Limit} }

// sorted puts a list into the order that was asked for: the name of a column, with a
// minus before it the other way round. names has the columns' names in the store.
func sorted(list portal.List, by string, names map[string]string) portal.List {
	by, list.Sort.Desc = strings.CutPrefix(by, "-")
	list.Sort.By = by
	if name, renamed := names[by]; renamed {
		list.Sort.By = name
	}
	return list
}

// inOrganization is whose things a list has.
type inOrganization struct {
	OrgID int64 `query:"orgId" minimum:"1" doc:"The organization; without it, the one that you work in."`
}

func (o inOrganization) of(ctx context.Context) int64 {
	return cmp.Or(o.OrgID, portal.ActorFrom(ctx).OrganizationID)
}

// List is a part of a list.
type List[T any] struct {
	Items []T    `json:"items" nullable:"false" doc:"In the order that was asked for."`
	Next  string `json:"next,omitempty" doc:"The cursor of the next page; not there when this is the last."`
}

type listed[T any] struct{ Body List[T] }

// listOf makes the answer with a page of a list.
func listOf[Row, T any](page portal.Page[Row], view func(Row) T) *listed[T] {
	out := allOf(page.Rows, view)
	out.Body.Next = page.Next
	return out
}

// allOf makes the answer with a list that has one page.
func allOf[Row, T any](rows []Row, view func(Row) T) *listed[T] {
	return &listed[T]{Body: List[T]{Items: each(rows, view)}}
}

// each gives what view makes of each; an empty list for none.
func each[Row, T any](rows []Row, view func(Row) T) []T {
	items := make([]T, len(rows))
	for i, row := range rows {
		items[i] = view(row)
	}
	return items
}

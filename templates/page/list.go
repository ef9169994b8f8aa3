package page

import (
	"net/url"

	"keyportal/internal/portal"
	"keyportal/templates/ui"
)

// List is where a list's page stands: its address with search, filters and sort,
// and whether there is more.
type List struct {
	Path  string
	Query url.Values // without the page
	Sort  portal.Sort
	First bool   // this is the first page
	Next  string // where the next page begins; empty when this is the last
}

// Get gives what the list is narrowed to by a part of its address.
func (l List) Get(name string) string { return l.Query.Get(name) }

// With gives the list's address with one part put in place of another; an empty
// value leaves the part out. It leads to the first page.
func (l List) With(name, value string) string {
	query := url.Values{}
	for key, values := range l.Query {
		query[key] = values
	}
	if query.Del(name); value != "" {
		query.Set(name, value)
	}
	if len(query) == 0 {
		return l.Path
	}
	return l.Path + "?" + query.Encode()
}

// SortBy gives the address that sorts by a column, the other way round when the
// list is sorted by it already.
func (l List) SortBy(column string) string {
	if l.Sort.By == column && !l.Sort.Desc {
		column = "-" + column
	}
	return l.With("sort", column)
}

// Order tells how the list is sorted by a column.
func (l List) Order(column string) ui.Order {
	switch {
	case l.Sort.By != column:
		return ui.Unsorted
	case l.Sort.Desc:
		return ui.Descending
	}
	return ui.Ascending
}

// Pager makes the list's foot; text says what is shown.
func (l List) Pager(text string) ui.PagerProps {
	return ui.PagerProps{Text: text, FirstHref: l.FirstPage(), NextHref: l.NextPage()}
}

// NextPage gives the address of the next page; empty when there is none.
func (l List) NextPage() string {
	if l.Next == "" {
		return ""
	}
	return l.With("after", l.Next)
}

// FirstPage gives the address of the first page; empty when this is it.
func (l List) FirstPage() string {
	if l.First {
		return ""
	}
	return l.With("after", "")
}

// Narrowed tells whether the list shows less than all.
func (l List) Narrowed() bool {
	for name, values := range l.Query {
		if name != "sort" && len(values) > 0 && values[0] != "" {
			return true
		}
	}
	return false
}

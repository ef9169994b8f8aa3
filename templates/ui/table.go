package ui

// Order is how a column is sorted, in the words of aria-sort.
type Order string

const (
	Unsorted   Order = ""
	Ascending  Order = "ascending"
	Descending Order = "descending"
)

func (o Order) icon() string {
	switch o {
	case Ascending:
		return "sort-up"
	case Descending:
		return "sort-down"
	}
	return "sort"
}

// PagerProps describes the foot of a list with keyset pages.
type PagerProps struct {
	Text      string // what is shown: "1–25 of 1,204"
	FirstHref string // empty on the first page
	NextHref  string // empty on the last page
}

package portal

// Sort is the order of a list.
type Sort struct {
	By   string // a column that the list offers; "" for its own order
	Desc bool
}

// List says which part of a list is wanted.
type List struct {
	Search string
	Sort   Sort
	After  string // the Next of the page before; "" for the first page
	Limit  int    // how many rows at the most; 0 for PageSize
}

// PageSize is how many rows a page of a list has.
const PageSize = 50

// Page is a part of a list.
type Page[T any] struct {
	Rows []T
	Next string // where the next page begins; "" when this is the last
}

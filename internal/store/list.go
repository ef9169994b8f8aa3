package store

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"keyportal/internal/portal"
)

// listing puts together the statement of a list: filters, an order and the
// place where the page begins (keyset paging, so that a page costs the same
// however far in it is).
type listing[T any] struct {
	name     string            // of the statement
	columns  string            // what scan reads
	from     string            // tables and joins
	id       string            // the column that makes the order total
	sorts    map[string]string // what may be sorted by → text expression, never NULL; "" is the list's own order. None: by id alone
	scan     func(row) (T, error)
	where    []string
	args     []any
	searched bool // for words, whose rarity tells what is the shortest way to them
}

// filter adds a condition; ? stands for its argument.
func (l *listing[T]) filter(condition string, arg any) {
	l.args = append(l.args, arg)
	l.where = append(l.where, strings.ReplaceAll(condition, "?", fmt.Sprintf("$%d", len(l.args))))
}

// placeholders gives "$1, $2, …".
func placeholders(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("$%d", i+1)
	}
	return strings.Join(list, ", ")
}

// keyed is a row with what the order needs of it.
type keyed[T any] struct {
	value T
	place place
}

// place is where a row stands in the list, which is in one order.
type place struct {
	Order portal.Sort
	Sort  string
	ID    int64
}

func (p place) String() string {
	text, _ := json.Marshal([]any{p.Order.By, p.Order.Desc, p.Sort, p.ID})
	return base64.RawURLEncoding.EncodeToString(text)
}

// parsePlace reads a place in a list of this order; in another one it stands elsewhere.
func parsePlace(text string, order portal.Sort) (p place, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &[]any{&p.Order.By, &p.Order.Desc, &p.Sort, &p.ID})
	}
	if err != nil || p.Order != order {
		return p, &portal.Error{Code: portal.CodeInvalid, Message: "The list's page is not known. Start from its first page.", Cause: err}
	}
	p.Sort = portal.Storable(p.Sort)
	return p, nil
}

// page runs the list's statement for one page.
func page[T any](ctx context.Context, q Queries, l listing[T], list portal.List) (portal.Page[T], error) {
	var result portal.Page[T]
	order, known := l.sorts[list.Sort.By]
	if !known {
		order = l.sorts[""]
	}
	direction, beyond := "ASC", ">"
	if list.Sort.Desc {
		direction, beyond = "DESC", "<"
	}
	if list.After != "" {
		after, err := parsePlace(list.After, list.Sort)
		if err != nil {
			return result, err
		}
		l.begin(order, beyond, after)
	}
	limit := list.Limit
	if limit <= 0 {
		limit = portal.PageSize
	}
	args := l.args
	if l.searched {
		args = q.engine.plannedFor(args)
	}
	rows, err := all(ctx, q, l.scanKeyed, l.statement(order, direction, limit+1), args...)
	if err != nil {
		return result, err
	}
	if len(rows) > limit {
		rows = rows[:limit]
		result.Next = place{list.Sort, rows[limit-1].place.Sort, rows[limit-1].place.ID}.String()
	}
	for _, row := range rows {
		result.Rows = append(result.Rows, row.value)
	}
	return result, nil
}

// begin has the list begin behind a place.
func (l *listing[T]) begin(order, beyond string, after place) {
	if order == "" {
		l.filter(l.id+" "+beyond+" ?", after.ID)
		return
	}
	l.args = append(l.args, after.Sort, after.ID)
	l.where = append(l.where, fmt.Sprintf("(%s, %s) %s ($%d, $%d)", order, l.id, beyond, len(l.args)-1, len(l.args)))
	// SQLite finds its place in an index of an expression by this alone.
	l.where = append(l.where, fmt.Sprintf("%s %s= $%d", order, beyond, len(l.args)-1))
}

// statement gives the text of the list's statement.
func (l *listing[T]) statement(order, direction string, limit int) string {
	first, sorted := order, order+" "+direction+", "
	if order == "" {
		first, sorted = "''", ""
	}
	text := fmt.Sprintf("/* %s */ SELECT %s, %s, %s FROM %s", l.name, first, l.id, l.columns, l.from)
	if len(l.where) > 0 {
		text += " WHERE " + strings.Join(l.where, " AND ")
	}
	return text + fmt.Sprintf(" ORDER BY %s%s %s LIMIT %d", sorted, l.id, direction, limit)
}

func (l *listing[T]) scanKeyed(r row) (k keyed[T], err error) {
	k.value, err = l.scan(behind{r, []any{&k.place.Sort, &k.place.ID}})
	return k, err
}

// behind is a row whose first columns go elsewhere.
type behind struct {
	row
	first []any
}

// Scan reads the first columns and then dest.
func (b behind) Scan(dest ...any) error {
	return b.row.Scan(append(b.first[:len(b.first):len(b.first)], dest...)...)
}

// followed is a row with more columns behind those that are asked for.
type followed struct {
	row
	last []any
}

// Scan reads dest and then the last columns.
func (f followed) Scan(dest ...any) error {
	return f.row.Scan(append(dest[:len(dest):len(dest)], f.last...)...)
}

package store

import (
	"context"
	"strconv"
	"strings"
)

const rowsAtOnce = 32 // of a statement: SQLite looks its parameters up by name, each among all

// insertRows runs an INSERT of many rows in statements of some rows each: what stands
// before the rows, and after them. The numbers of rows are powers of two, so that there
// are few texts to keep parsed.
func (q Queries) insertRows(ctx context.Context, before, after string, rows [][]any) error {
	for size := rowsAtOnce; len(rows) > 0; size /= 2 {
		for ; len(rows) >= size; rows = rows[size:] {
			places, args := placesOf(rows[:size])
			if err := q.exec(ctx, before+" "+places+" "+after, args...); err != nil {
				return err
			}
		}
	}
	return nil
}

// placesOf gives "($1, $2), ($3, $4), …" with what stands there.
func placesOf(rows [][]any) (places string, args []any) {
	lists := make([]string, len(rows))
	for i, row := range rows {
		marks := make([]string, len(row))
		for j := range row {
			marks[j] = "$" + strconv.Itoa(len(args)+j+1)
		}
		lists[i] = "(" + strings.Join(marks, ", ") + ")"
		args = append(args, row...)
	}
	return strings.Join(lists, ", "), args
}

// rowsOf gives the columns of each thing.
func rowsOf[T any](things []T, row func(T) []any) [][]any {
	rows := make([][]any, len(things))
	for i, thing := range things {
		rows[i] = row(thing)
	}
	return rows
}

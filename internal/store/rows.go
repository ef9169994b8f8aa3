package store

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

const rowsAtOnce = 32 // of a statement: SQLite looks its parameters up by name, each among all

// insertRows runs an INSERT of many rows in statements of some rows each: what stands
// before the rows, and after them.
func (q Queries) insertRows(ctx context.Context, before, after string, rows [][]any) error {
	for some := range slices.Chunk(rows, rowsAtOnce) {
		var args []any
		places := make([]string, len(some))
		for i, row := range some {
			marks := make([]string, len(row))
			for j := range row {
				marks[j] = "$" + strconv.Itoa(len(args)+j+1)
			}
			places[i] = "(" + strings.Join(marks, ", ") + ")"
			args = append(args, row...)
		}
		if err := q.exec(ctx, before+" "+strings.Join(places, ", ")+" "+after, args...); err != nil {
			return err
		}
	}
	return nil
}

// rowsOf gives the columns of each thing.
func rowsOf[T any](things []T, row func(T) []any) [][]any {
	rows := make([][]any, len(things))
	for i, thing := range things {
		rows[i] = row(thing)
	}
	return rows
}

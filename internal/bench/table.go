package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// table is what is printed at the end: a line for each thing that was measured.
type table struct{ lines []line }

type line struct {
	what, engine, budget string
	ratios               []float64
}

func (t *table) add(what, engine, budget string, ratios []float64) {
	t.lines = append(t.lines, line{what, engine, budget, ratios})
}

func (t *table) print(w io.Writer) {
	columns := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(columns, "what\tengine\tbudget\tmedian\tleast\tmost")
	for _, l := range t.lines {
		sorted := slices.Sorted(slices.Values(l.ratios))
		fmt.Fprintf(columns, "%s\t%s\t%s\t%.3f\t%.3f\t%.3f\n", l.what, l.engine, l.budget, sorted[len(sorted)/2], sorted[0], sorted[len(sorted)-1])
	}
	columns.Flush()
}

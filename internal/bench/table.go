package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// table is what is printed at the end: a line for each thing that was measured.
type table struct{ lines []line }

// line is something that was measured, with its value in each round.
type line struct {
	what, engine string
	keys         int
	goal         goal
	unit         string
	values       []float64
}

// goal is a bound that the median of the rounds is held to. The zero goal is none:
// what was measured is for information.
type goal struct {
	most  bool // the bound is above, not below
	bound float64
}

func atLeast(bound float64) goal { return goal{false, bound} }

func atMost(bound float64) goal { return goal{true, bound} }

// missedBy tells by which part of the goal a value misses it; nothing when it does
// not.
func (g goal) missedBy(value float64) float64 {
	if g.bound == 0 {
		return 0
	}
	missed := (g.bound - value) / g.bound
	if g.most {
		missed = -missed
	}
	return max(missed, 0)
}

func (l line) goalText() string {
	switch {
	case l.goal.bound == 0:
		return "–"
	case l.goal.most:
		return "≤ " + l.measure(l.goal.bound)
	}
	return "≥ " + l.measure(l.goal.bound)
}

func (l line) metText() string {
	missed := l.goal.missedBy(median(l.values))
	switch {
	case l.goal.bound == 0:
		return "–"
	case missed > 0:
		return "missed by " + number(100*missed) + " %"
	}
	return "yes"
}

// measure writes a value with its unit.
func (l line) measure(value float64) string { return strings.TrimSpace(number(value) + " " + l.unit) }

func (l line) cells() []string {
	return []string{
		l.what, l.engine, thousands(l.keys), l.goalText(), l.measure(median(l.values)),
		number(slices.Min(l.values)) + "–" + number(slices.Max(l.values)), l.metText(),
	}
}

var columns = []string{"what", "engine", "keys", "goal", "median", "least–most", "met"}

func (t *table) add(l line) { t.lines = append(t.lines, l) }

// rows gives the columns of every line, first those of one thing, by engine and
// growing, whatever was measured first.
func (t *table) rows() [][]string {
	order := func(of func(line) string) func(line) int {
		return func(l line) int {
			return slices.IndexFunc(t.lines, func(other line) bool { return of(other) == of(l) })
		}
	}
	thing, engine := order(func(l line) string { return l.what }), order(func(l line) string { return l.engine })
	sorted := slices.SortedStableFunc(slices.Values(t.lines), func(a, b line) int {
		return cmp.Or(cmp.Compare(thing(a), thing(b)), cmp.Compare(engine(a), engine(b)), cmp.Compare(a.keys, b.keys))
	})
	rows := [][]string{columns}
	for _, l := range sorted {
		rows = append(rows, l.cells())
	}
	return rows
}

// print writes the table in aligned columns.
func (t *table) print(w io.Writer) {
	aligned := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, row := range t.rows() {
		fmt.Fprintln(aligned, strings.Join(row, "\t"))
	}
	aligned.Flush()
}

// printMarkdown writes the table as Markdown.
func (t *table) printMarkdown(w io.Writer) {
	for i, row := range t.rows() {
		fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintln(w, "|---|---|--:|---|--:|---|---|")
		}
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

// number writes a value with as many digits as say something.
func number(value float64) string {
	decimals := 3
	for bound := 1.0; value >= bound && decimals > 0; bound *= 10 {
		decimals--
	}
	text := strconv.FormatFloat(value, 'f', decimals, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// thousands writes a number in groups of three digits.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

package main

import (
	"slices"
	"strings"
	"testing"
)

func TestTheTableTellsByHowMuchAGoalIsMissed(t *testing.T) {
	for _, test := range []struct {
		line                             line
		goal, median, leastAndMost, told string
	}{
		{line{goal: atLeast(0.8), values: []float64{0.81, 0.7, 0.9}}, "≥ 0.8", "0.81", "0.7–0.9", "yes"},
		{line{goal: atLeast(0.8), values: []float64{0.8}}, "≥ 0.8", "0.8", "0.8–0.8", "yes"},
		{line{goal: atLeast(0.8), values: []float64{0.6, 0.59, 0.61}}, "≥ 0.8", "0.6", "0.59–0.61", "missed by 25 %"},
		{line{goal: atMost(50), unit: "ms", values: []float64{75, 49}}, "≤ 50 ms", "62 ms", "49–75", "missed by 24 %"},
		{line{goal: atMost(50), unit: "ms", values: []float64{1.234, 30, 20}}, "≤ 50 ms", "20 ms", "1.23–30", "yes"},
		{line{unit: "MB", values: []float64{1234.5}}, "–", "1234 MB", "1234–1234", "–"},
	} {
		got := test.line.cells()[3:]
		if want := []string{test.goal, test.median, test.leastAndMost, test.told}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestTheTableShowsGrowth(t *testing.T) {
	var results table
	for _, l := range []line{
		{what: "one", engine: "SQLite", keys: 1000}, {what: "other", engine: "SQLite", keys: 1000},
		{what: "one", engine: "SQLite", keys: 1_000_000}, {what: "one", engine: "PostgreSQL", keys: 1000},
	} {
		l.values = []float64{1}
		results.add(l)
	}
	var text, markdown strings.Builder
	results.print(&text)
	results.printMarkdown(&markdown)
	want := []string{"what engine keys", "one SQLite 1,000", "one SQLite 1,000,000", "one PostgreSQL 1,000", "other SQLite 1,000"}
	var printed, marked []string
	for line := range strings.Lines(text.String()) {
		printed = append(printed, strings.Join(strings.Fields(line)[:3], " "))
	}
	for line := range strings.Lines(markdown.String()) {
		marked = append(marked, strings.Join(strings.Fields(strings.ReplaceAll(line, "|", " ")), " "))
	}
	if !slices.Equal(printed, want) {
		t.Errorf("printed:\n%s", text.String())
	}
	for i, line := range slices.Delete(marked, 1, 2) {
		if !strings.HasPrefix(line, want[i]) {
			t.Errorf("Markdown:\n%s", markdown.String())
		}
	}
}

func TestNumbersHaveThreeDigits(t *testing.T) {
	for value, want := range map[float64]string{0: "0", 0.12345: "0.123", 0.9996: "1", 1.2345: "1.23", 12.345: "12.3", 150: "150", 12345.6: "12346"} {
		if got := number(value); got != want {
			t.Errorf("%v: got %s, want %s", value, got, want)
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1_000_000: "1,000,000"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

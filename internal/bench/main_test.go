package main

import (
	"strings"
	"testing"
)

func TestABudgetIsPrintedWhereItHolds(t *testing.T) {
	for keys, want := range map[int]string{1000: "–", budgetKeys: "≥ 0.4"} {
		var results table
		results.add("creating", "SQLite", settings{keys: keys}.budget("≥ 0.4"), []float64{1})
		var printed strings.Builder
		results.print(&printed)
		if lines := strings.Split(printed.String(), "\n"); !strings.Contains(lines[0], "budget") || !strings.Contains(lines[1], want) {
			t.Errorf("with %d keys it prints %s", keys, printed.String())
		}
	}
}

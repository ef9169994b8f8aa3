// Command bench measures Key Portal against bare parts that do as little as can
// be done, in one run on one machine, and prints ratios: absolute times depend
// on the machine, ratios much less.
//
//	go run ./internal/bench [-rounds 5] [-seconds 2] [-keys 1000]
//
// The budgets are for a store of a million keys, and printed with -keys 1000000.
//
// It builds and starts the real program and a bare echo server, each a process
// of its own, and loads the two in turns with the same generator. With
// KEYPORTAL_TEST_POSTGRES set it measures on PostgreSQL too.
//
// check.go measures the check, create.go the creation of keys, load.go is the
// generator, program.go starts what is measured, table.go prints.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"time"
)

// settings say how much is measured.
type settings struct {
	rounds      int
	turn        time.Duration
	keys        int
	connections int
}

const budgetKeys = 1_000_000 // in the store, for which the budgets are set

// budget gives a ratio's budget, or a dash in a run for which there is none.
func (s settings) budget(ratio string) string {
	if s.keys != budgetKeys {
		return "–"
	}
	return ratio
}

func main() {
	bare := flag.Bool("bare", false, "be the bare server that the check is measured against")
	rounds := flag.Int("rounds", 5, "turns of each side")
	seconds := flag.Float64("seconds", 2, "length of a turn")
	keys := flag.Int("keys", 1000, "keys in the store")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *bare {
		if err := serveBare(); err != nil {
			fail(err)
		}
		return
	}
	s := settings{rounds: *rounds, turn: time.Duration(*seconds * float64(time.Second)), keys: *keys, connections: 16}
	if err := measure(ctx, s); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

func measure(ctx context.Context, s settings) error {
	folder, err := os.MkdirTemp("", "keyportal-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	program, err := build(ctx, folder)
	if err != nil {
		return err
	}
	fmt.Printf("%d cores, %s, %d rounds of %s, %d connections, %d keys\n\n", runtime.NumCPU(), runtime.Version(), s.rounds, s.turn, s.connections, s.keys)
	var results table
	for _, database := range databases(folder) {
		prepared, err := prepare(ctx, database, folder, s.keys)
		if err != nil {
			return fmt.Errorf("%s: %w", database.engine, err)
		}
		if err := measureChecks(ctx, s, program, prepared, &results); err != nil {
			return fmt.Errorf("%s: %w", database.engine, err)
		}
		if err := measureCreation(ctx, s, prepared, &results); err != nil {
			return fmt.Errorf("%s: %w", database.engine, err)
		}
		if err := prepared.close(); err != nil {
			return err
		}
	}
	results.print(os.Stdout)
	return nil
}

// Command bench measures Key Portal against bare parts that do as little as can
// be done, in one run on one machine, and prints one table: what was measured, the
// goal that it is held to, the median of some rounds and their spread. Most of it
// are ratios: absolute times depend on the machine, ratios much less.
//
//	go run ./internal/bench [-sizes 1000,100000,1000000] [-engines sqlite,postgres]
//		[-rounds 5] [-seconds 2] [-only REGEXP] [-markdown]
//
// It builds and starts the real program and a bare echo server, each a process
// of its own, and loads them in turns with the same generator. With
// KEYPORTAL_TEST_POSTGRES set it measures on PostgreSQL too. Databases lie in the
// folder for temporary files (TMPDIR), which must be on a disk for what is said of
// durable inserts to mean something.
//
// A file per measurement: check.go has the check, first.go the check of a key that
// was not asked for before, role.go checks during a change that concerns all keys,
// start.go the program's start and its memory, page.go the portal's pages, create.go the creation of keys, revoke.go how soon another process
// refuses a revoked key. Under them, program.go starts what is measured, database.go
// and bulk.go make databases with that many keys, load.go and connection.go are the
// generator, wire.go cuts a program off from what other ones announce, table.go and machine.go what is printed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings say how much is measured.
type settings struct {
	engines     []engine
	sizes       []int // keys in the store
	rounds      int   // besides the warm-up
	turn        time.Duration
	connections int
	creations   int // in a turn
	pages       int // the same, of one list
	only        *regexp.Regexp
}

// bench is a run.
type bench struct {
	settings
	folder    string   // for databases and the program
	program   string   // as it was built
	bare      *process // what the check is measured against
	databases int      // made until now
	results   table
}

// measurements are taken in this order. Creating and revoking keys come last, after
// what lists them.
var measurements = []struct {
	name string
	take func(*bench, context.Context, *prepared) error
}{
	{"auth", (*bench).measureAuth},
	{"verify", (*bench).measureVerify},
	{"checksum", (*bench).measureChecksum},
	{"first", (*bench).measureFirst},
	{"role", (*bench).measureRole},
	{"start", (*bench).measureStart},
	{"memory", (*bench).measureMemory},
	{"pages", (*bench).measurePages},
	{"create", (*bench).measureCreation},
	{"revoke", (*bench).measureRevocation},
}

func main() {
	if address := os.Getenv(bareAddress); address != "" {
		fail(serveBare(address))
	}
	b := &bench{settings: settings{connections: 32, creations: 200, pages: 50}}
	sizes := flag.String("sizes", "1000,100000,1000000", "keys in the store, growing")
	engines := flag.String("engines", "sqlite,postgres", "databases to measure on")
	only := flag.String("only", "", "measure only what this regular expression matches: "+strings.Join(names(), ", "))
	markdown := flag.Bool("markdown", false, "print the table as Markdown")
	seconds := flag.Float64("seconds", 2, "length of a turn")
	flag.IntVar(&b.rounds, "rounds", 5, "rounds that count, after one that does not")
	flag.Parse()
	b.turn = time.Duration(*seconds * float64(time.Second))
	if err := b.choose(*sizes, *engines, *only); err != nil {
		fail(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := b.run(ctx)
	fmt.Printf("%s\n%d rounds of %s, %d connections\n\n", machine(), b.rounds, b.turn, b.connections)
	if *markdown {
		b.results.printMarkdown(os.Stdout)
	} else {
		b.results.print(os.Stdout)
	}
	if err != nil { // what was measured until then stands above
		stop()
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

func names() []string {
	list := make([]string, len(measurements))
	for i, m := range measurements {
		list[i] = m.name
	}
	return list
}

// choose reads what is to be measured.
func (b *bench) choose(sizes, engines, only string) (err error) {
	for text := range strings.SplitSeq(sizes, ",") {
		size, err := strconv.Atoi(text)
		if err != nil || size < minSize || size > maxSize {
			return fmt.Errorf("-sizes: %q must be a number from %d to %d", text, minSize, maxSize)
		}
		b.sizes = append(b.sizes, size)
	}
	slices.Sort(b.sizes)
	for name := range strings.SplitSeq(engines, ",") {
		chosen, known := enginesByName[name]
		if !known {
			return fmt.Errorf("-engines: %q must be sqlite or postgres", name)
		}
		if chosen == postgres && os.Getenv(postgresURL) == "" {
			b.say("%s is not set: nothing is measured on PostgreSQL", postgresURL)
			continue
		}
		b.engines = append(b.engines, chosen)
	}
	if b.rounds < 1 || b.turn <= 0 {
		return errors.New("-rounds and -seconds must be more than 0")
	}
	b.only, err = regexp.Compile(only)
	return err
}

// say tells how far the run is.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format(time.TimeOnly)+" "+format+"\n", args...)
}

func (b *bench) run(ctx context.Context) (err error) {
	if b.folder, err = os.MkdirTemp("", "keyportal-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.folder)
	b.say("building the program")
	if err := b.build(ctx); err != nil {
		return err
	}
	if b.bare, err = startBare(ctx); err != nil {
		return err
	}
	defer b.bare.stop()
	for _, engine := range b.engines {
		for _, size := range b.sizes {
			if err := b.measure(ctx, engine, size); err != nil {
				return fmt.Errorf("%s, %s keys: %w", engine, thousands(size), err)
			}
		}
	}
	return nil
}

// measure takes the chosen measurements on a database of its own.
func (b *bench) measure(ctx context.Context, on engine, size int) (err error) {
	b.say("%s, %s keys: preparing", on, thousands(size))
	p, err := b.prepare(ctx, on, size)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	for _, m := range measurements {
		if !b.only.MatchString(m.name) {
			continue
		}
		b.say("%s, %s keys: %s", on, thousands(size), m.name)
		if err := m.take(b, ctx, p); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// largest tells whether no database of the run has more keys.
func (b *bench) largest(p *prepared) bool { return p.size == slices.Max(b.sizes) }

// report puts a line into the table.
func (b *bench) report(p *prepared, what string, to goal, unit string, values []float64) {
	b.results.add(line{what, string(p.engine), p.size, to, unit, values})
}

package store

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"keyportal/internal/portal"
)

// Backup is what a backup was found to hold when it was read back.
type Backup struct {
	Rows   []Rows              // of the tables that are counted
	Broken *portal.BrokenChain // nil unless the Revision History was tampered with
}

// Rows tells how many rows a table has.
type Rows struct {
	Table string
	Count int64
}

// counted are the tables whose rows are never deleted: a copy has at least as
// many as there were before it was made.
var counted = []string{"goose_db_version", "organizations", "users", "api_sets", "keys", "secrets", "revisions"}

// Backup writes the database, as it is at one instant, to a new file that only
// its owner may read, while others go on using it: an SQLite file, or for
// PostgreSQL an archive of pg_dump, which must be installed beside pg_restore.
// It then reads the file back. There is a file only when it is complete.
func (s *Store) Backup(ctx context.Context, file string) (Backup, error) {
	before, err := s.countRows(ctx)
	if err != nil {
		return Backup{}, err
	}
	temporary, err := createTemporary(file)
	if err != nil {
		return Backup{}, err
	}
	defer os.Remove(temporary)
	save := s.vacuumInto
	if s.engine == enginePostgres {
		save = s.dump
	}
	made, err := save(ctx, temporary)
	if err != nil {
		return Backup{}, err
	}
	for i, rows := range made.Rows {
		if rows.Count < before[i].Count {
			return Backup{}, fmt.Errorf("the backup is not complete: it holds %d of %d rows of %s", rows.Count, before[i].Count, rows.Table)
		}
	}
	return made, publish(temporary, file)
}

func (q Queries) countRows(ctx context.Context) ([]Rows, error) {
	var counts []Rows
	for _, table := range counted {
		count, err := one(ctx, q, portal.NounInstallation, scalar[int64], `/* count rows */ SELECT count(*) FROM `+table)
		if err != nil {
			return nil, err
		}
		counts = append(counts, Rows{table, count})
	}
	return counts, nil
}

// brokenChain verifies the Revision History. What is wrong with it does not
// spoil a backup of it.
func (s *Store) brokenChain(ctx context.Context) (*portal.BrokenChain, error) {
	_, err := s.VerifyChain(ctx)
	if broken, ok := errors.AsType[*portal.BrokenChain](err); ok {
		return broken, nil
	}
	return nil, err
}

// vacuumInto writes an SQLite file and opens it to check it.
func (s *Store) vacuumInto(ctx context.Context, file string) (made Backup, err error) {
	if _, err := s.write.ExecContext(ctx, `/* backup */ VACUUM INTO $1`, file); err != nil {
		return made, fmt.Errorf("the backup can't be written: %w", err)
	}
	db, err := sql.Open("sqlite", sqliteDSN(file, url.Values{"mode": {"ro"}}))
	if err != nil {
		return made, err
	}
	copied := &Store{Queries: Queries{q: db, engine: s.engine, now: s.now}, read: db, write: db, mac: s.mac}
	defer copied.Close()
	verdict, err := one(ctx, copied.Queries, portal.NounInstallation, scalar[string], `/* check the copy */ PRAGMA integrity_check(1)`)
	if err != nil {
		return made, err
	}
	if verdict != "ok" {
		return made, fmt.Errorf("the backup is damaged: %s", verdict)
	}
	if err := copied.Ready(ctx); err != nil {
		return made, err
	}
	if made.Rows, err = copied.countRows(ctx); err != nil {
		return made, err
	}
	made.Broken, err = copied.brokenChain(ctx)
	return made, err
}

// dump writes an archive of pg_dump and has pg_restore read all of it. The
// chain is verified in the database itself.
func (s *Store) dump(ctx context.Context, file string) (made Backup, err error) {
	environment, err := s.libpqEnvironment(ctx)
	if err != nil {
		return made, err
	}
	dump := exec.CommandContext(ctx, "pg_dump", "--format=custom", "--no-password", "--file="+file)
	dump.Env = append(os.Environ(), environment...)
	if err := runTool(dump, func(io.Reader) error { return nil }); err != nil {
		return made, err
	}
	restore := exec.CommandContext(ctx, "pg_restore", "--file=-", file)
	err = runTool(restore, func(script io.Reader) (err error) {
		made.Rows, err = countCopied(script)
		return err
	})
	if err != nil {
		return made, err
	}
	made.Broken, err = s.brokenChain(ctx)
	return made, err
}

// libpqVariables are the environment variables that tell PostgreSQL's programs
// what a parameter of the database's URL says.
var libpqVariables = map[string]string{
	"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY",
	"sslnegotiation": "PGSSLNEGOTIATION", "channel_binding": "PGCHANNELBINDING", "connect_timeout": "PGCONNECT_TIMEOUT",
}

// libpqEnvironment says how to connect in variables: unlike arguments, other
// users of the machine can't see them.
func (s *Store) libpqEnvironment(ctx context.Context) ([]string, error) {
	config, err := s.pgxConfig(ctx)
	if err != nil {
		return nil, err
	}
	environment := []string{
		"PGHOST=" + config.Host, "PGPORT=" + strconv.Itoa(int(config.Port)),
		"PGDATABASE=" + config.Database, "PGUSER=" + config.User, "PGPASSWORD=" + config.Password,
	}
	address, err := url.Parse(config.ConnString())
	if err != nil {
		return nil, errors.New("the database's URL can't be read")
	}
	for parameter, values := range address.Query() {
		if variable := libpqVariables[parameter]; variable != "" {
			environment = append(environment, variable+"="+values[0])
		}
	}
	return environment, nil
}

func (s *Store) pgxConfig(ctx context.Context) (config *pgx.ConnConfig, err error) {
	conn, err := s.read.Conn(ctx)
	if err != nil {
		return nil, explain(err)
	}
	defer conn.Close()
	err = conn.Raw(func(driver any) error {
		config = driver.(*stdlib.Conn).Conn().Config()
		return nil
	})
	return config, err
}

// runTool runs a program of PostgreSQL's and has read take its output.
func runTool(tool *exec.Cmd, read func(io.Reader) error) error {
	name := tool.Args[0]
	var complaint bytes.Buffer
	tool.Stderr = &complaint
	output, err := tool.StdoutPipe()
	if err != nil {
		return err
	}
	if err := tool.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return fmt.Errorf("%s is not installed: install PostgreSQL's client programs (postgresql-client), of the server's version or newer", name)
		}
		return fmt.Errorf("%s: %w", name, err)
	}
	readErr := read(output)
	if readErr != nil {
		tool.Process.Kill()
	}
	if err := tool.Wait(); err != nil && readErr == nil {
		return fmt.Errorf("%s failed (%w): %s", name, err, strings.TrimSpace(complaint.String()))
	}
	return readErr
}

const longestRow = 64 << 20 // bytes

// countCopied counts the rows that a script of pg_restore brings back.
func countCopied(script io.Reader) ([]Rows, error) {
	counts := map[string]int64{}
	table := "" // whose rows follow
	lines := bufio.NewScanner(script)
	lines.Buffer(nil, longestRow)
	for lines.Scan() {
		switch line := lines.Text(); {
		case table == "":
			table = copiedTable(line)
		case line == `\.`:
			table = ""
		default:
			counts[table]++
		}
	}
	var rows []Rows
	for _, table := range counted {
		rows = append(rows, Rows{table, counts[table]})
	}
	return rows, lines.Err()
}

// copiedTable gives the table of a line such as "COPY public.users (id, …) FROM
// stdin;", and nothing for others.
func copiedTable(line string) string {
	name, found := strings.CutPrefix(line, "COPY ")
	if !found || !strings.HasSuffix(line, " FROM stdin;") {
		return ""
	}
	name, _, _ = strings.Cut(name, " (")
	return name[strings.LastIndexByte(name, '.')+1:]
}

// createTemporary makes an empty file beside the one that is to be made, which
// must not be there yet. Only its owner may read it.
func createTemporary(file string) (string, error) {
	if _, err := os.Lstat(file); err == nil {
		return "", existsError(file)
	}
	directory, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return "", err
	}
	temporary, err := os.CreateTemp(directory, ".backup-*")
	if err != nil {
		return "", fmt.Errorf("the backup can't be written: %w: name a file in a directory that can be written to", err)
	}
	return temporary.Name(), temporary.Close()
}

// publish brings a complete file to disk and gives it its name, which, unlike
// renaming, never replaces another.
func publish(temporary, file string) error {
	if err := fsync(temporary); err != nil {
		return err
	}
	if err := os.Link(temporary, file); errors.Is(err, fs.ErrExist) {
		return existsError(file)
	} else if err != nil {
		return fmt.Errorf("the backup can't be given its name: %w", err)
	}
	return fsync(filepath.Dir(file))
}

func existsError(file string) error {
	return fmt.Errorf("%s is there already: name a file that is not", file)
}

// fsync brings a file or directory to disk.
func fsync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

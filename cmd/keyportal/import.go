package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"

	"keyportal/internal/config"
	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

type importKeysCommand struct {
	config.Data

	File   string `arg:"" help:"File with a key on each line; - for standard input. CSV begins with a line of these column names; JSON lines are objects with these fields: owner (username), name, sha256 (of the key's text, in hexadecimal digits), api_sets (slugs), expires (2027-01-31 or 2027-01-31T12:00:00Z; empty: never), and where they are wanted organization (its name; else the owner's first) and description."`
	Format string `placeholder:"csv|jsonl" help:"What the file is. By default its name tells (.csv, .jsonl, .ndjson), or else its first character."`
	Apply  bool   `help:"Import the keys: all of them, or none when a line is refused."`
}

// Validate refuses formats that are not known.
func (c importKeysCommand) Validate() error {
	if c.Format != "" && c.Format != csvFormat && c.Format != jsonlFormat {
		return fmt.Errorf("--format %s: name %s or %s", c.Format, csvFormat, jsonlFormat)
	}
	return nil
}

// Run imports keys, or tells without --apply what would come of it.
func (c importKeysCommand) Run(ctx context.Context, env environment) error {
	manager, err := openInstallation(ctx, c.Data)
	if err != nil {
		return err
	}
	defer manager.Store.Close()
	lines, err := c.read(env.stdin)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	keys, refused := sorted(lines)
	outcome, err := manager.ImportKeys(ctx, keys, c.Apply && len(refused) == 0)
	if err != nil {
		return err
	}
	refused = append(refused, outcome.Refused...)
	printRefused(env.stdout, refused)
	c.summarize(env.stdout, outcome, len(lines))
	if len(refused) > 0 {
		return fmt.Errorf("%s refused: correct what the report names and try again", are(len(refused), "line"))
	}
	return nil
}

func (c importKeysCommand) read(stdin io.Reader) ([]keyLine, error) {
	if c.File == "-" {
		return readKeyFile(stdin, c.Format)
	}
	file, err := os.Open(c.File)
	if err != nil {
		return nil, fmt.Errorf("it can't be read: %w", err)
	}
	defer file.Close()
	return readKeyFile(file, formatOf(c.Format, c.File))
}

// sorted parts the lines that have a key from those that can't be read as one.
func sorted(lines []keyLine) (keys []manage.ImportedKey, refused []manage.RefusedLine) {
	for _, line := range lines {
		if err := line.wrong.Err(); err != nil {
			refused = append(refused, manage.RefusedLine{Line: line.Line, Err: err})
		} else {
			keys = append(keys, line.ImportedKey)
		}
	}
	return keys, refused
}

// printRefused tells in the order of the file why lines are refused.
func printRefused(w io.Writer, refused []manage.RefusedLine) {
	slices.SortStableFunc(refused, func(a, b manage.RefusedLine) int { return a.Line - b.Line })
	for _, line := range refused {
		for _, field := range portal.FieldsOf(line.Err) {
			text := field.Message
			if field.Field != "" {
				text = field.Field + ": " + text
			}
			fmt.Fprintf(w, "line %d: %s\n", line.Line, printable(text))
		}
	}
}

// printable replaces what a terminal could take for a command; texts of the file are
// in what is told of it.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

func (c importKeysCommand) summarize(w io.Writer, outcome manage.KeyImport, lines int) {
	switch {
	case outcome.Taken < lines:
		fmt.Fprintf(w, "%d of %s could be imported, %d refused. Nothing was imported.\n", outcome.Taken, portal.Counted(lines, "API key"), lines-outcome.Taken)
	case c.Apply:
		fmt.Fprintf(w, "%s imported. A running server accepts them within a second.\n", were(outcome.Taken, "API key"))
	default:
		fmt.Fprintf(w, "%s would be imported. Nothing was changed: this was a dry run. To import them, add --apply.\n", portal.Counted(outcome.Taken, "API key"))
	}
	if outcome.Reachless > 0 {
		fmt.Fprintf(w, "%d of them reach no API set yet: name some in api_sets, or add them in the portal.\n", outcome.Reachless)
	}
}

func are(number int, word string) string { return withVerb(number, word, "is", "are") }

func were(number int, word string) string { return withVerb(number, word, "was", "were") }

func withVerb(number int, word, one, many string) string {
	if number == 1 {
		many = one
	}
	return portal.Counted(number, word) + " " + many
}

package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

// The formats of files with keys.
const (
	csvFormat   = "csv"
	jsonlFormat = "jsonl"
)

const (
	longestKeyLine = 64 << 10 // bytes
	longestKeyFile = 64 << 20
	beginning      = 512 // in which the first character is looked for
)

// formatOf gives the format that was named, or that a file's name tells; "" for
// neither.
func formatOf(named, file string) string {
	if named != "" {
		return named
	}
	switch strings.ToLower(filepath.Ext(file)) {
	case ".csv":
		return csvFormat
	case ".jsonl", ".ndjson":
		return jsonlFormat
	}
	return ""
}

// keyLine is a line of a file with keys: a key, unless something is wrong.
type keyLine struct {
	manage.ImportedKey
	expires string
	wrong   portal.Invalid
}

// keyTexts has the columns of one text by their names; beside them is apiSetsColumn.
var keyTexts = map[string]func(*keyLine) *string{
	"owner":        func(l *keyLine) *string { return &l.Owner },
	"name":         func(l *keyLine) *string { return &l.Name },
	"sha256":       func(l *keyLine) *string { return &l.SHA256 },
	"expires":      func(l *keyLine) *string { return &l.expires },
	"organization": func(l *keyLine) *string { return &l.Organization },
	"description":  func(l *keyLine) *string { return &l.Description },
}

const apiSetsColumn = "api_sets"

var neededColumns = []string{"owner", "name", "sha256", apiSetsColumn, "expires"}

const knownColumns = "owner, name, sha256, api_sets, expires, organization and description"

func isColumn(name string) bool { return keyTexts[name] != nil || name == apiSetsColumn }

// readKeyFile reads the keys of a file line by line. An error means that the file
// as a whole can't be taken.
func readKeyFile(from io.Reader, format string) ([]keyLine, error) {
	source := &boundedLines{from: from, line: longestKeyLine, whole: longestKeyFile + 1}
	in := bufio.NewReader(source)
	if begin, _ := in.Peek(3); string(begin) == "\ufeff" {
		in.Discard(len(begin))
	}
	begin, _ := in.Peek(beginning)
	switch begin = bytes.TrimSpace(begin); {
	case bytes.HasPrefix(begin, []byte("[")):
		return nil, errors.New("it is a JSON array: write each of its objects on a line of its own, without [ ] and commas between them")
	case format == "" && bytes.HasPrefix(begin, []byte("{")):
		format = jsonlFormat
	}
	read := readCSV
	if format == jsonlFormat {
		read = readJSONLines
	}
	lines, err := read(in, source)
	if err == nil && len(lines) == 0 {
		err = errors.New("there are no keys in it")
	}
	return lines, err
}

// boundedLines reads a file of which neither a line nor the whole may go on without
// an end.
type boundedLines struct {
	from        io.Reader
	line, whole int // bytes that are left of each
}

// Read reads what the bounds leave.
func (b *boundedLines) Read(p []byte) (int, error) {
	switch {
	case b.line <= 0:
		return 0, fmt.Errorf("a line has more than %d kB", longestKeyLine>>10)
	case b.whole <= 0:
		return 0, fmt.Errorf("it has more than %d MB: split it", longestKeyFile>>20)
	}
	n, err := b.from.Read(p[:min(len(p), b.line, b.whole)])
	b.line, b.whole = b.line-n, b.whole-n
	return n, err
}

func (b *boundedLines) nextLine() { b.line = longestKeyLine }

func readCSV(in *bufio.Reader, source *boundedLines) ([]keyLine, error) {
	rows := csv.NewReader(in)
	rows.FieldsPerRecord = -1
	header, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := checkColumns(header); err != nil {
		return nil, err
	}
	var lines []keyLine
	for {
		source.nextLine()
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
		number, _ := rows.FieldPos(0)
		lines = append(lines, csvLine(header, row, number))
	}
}

// checkColumns refuses a header with a column that is not known, is there twice or is
// missing. It leaves the names without the space around them.
func checkColumns(header []string) error {
	for i, name := range header {
		header[i] = strings.TrimSpace(name)
		switch {
		case !isColumn(header[i]):
			return fmt.Errorf("there is no column %q: the first line names columns of %s, separated by commas", header[i], knownColumns)
		case slices.Contains(header[:i], header[i]):
			return fmt.Errorf("the column %s is there twice: remove one", header[i])
		}
	}
	for _, name := range neededColumns {
		if !slices.Contains(header, name) {
			return fmt.Errorf("the column %s is missing: add it", name)
		}
	}
	return nil
}

func csvLine(header, row []string, number int) keyLine {
	line := newKeyLine(number)
	if len(row) != len(header) {
		line.wrong.Add("", fmt.Sprintf("This line has %s, the first line %d. Put texts that have commas in them in quotes.", portal.Counted(len(row), "cell"), len(header)))
		return line
	}
	for i, name := range header {
		if name == apiSetsColumn {
			line.APISets = strings.FieldsFunc(row[i], func(r rune) bool { return strings.ContainsRune(" \t\r\n,;", r) })
		} else {
			*keyTexts[name](&line) = row[i]
		}
	}
	line.finish()
	return line
}

func readJSONLines(in *bufio.Reader, source *boundedLines) (lines []keyLine, err error) {
	for number := 1; ; number++ {
		source.nextLine()
		text, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if text = bytes.TrimSpace(text); len(text) > 0 {
			lines = append(lines, jsonLine(text, number))
		}
		if err != nil {
			return lines, nil
		}
	}
}

// jsonLine reads an object field by field: decoding it into a struct would take Owner
// for owner, and the last of two fields of one name.
func jsonLine(text []byte, number int) keyLine {
	line := newKeyLine(number)
	fields := json.NewDecoder(bytes.NewReader(text))
	if start, err := fields.Token(); err != nil || start != json.Delim('{') {
		line.wrong.Add("", "This line is not a JSON object.")
		return line
	}
	seen := map[string]bool{}
	for fields.More() {
		token, err := fields.Token()
		name, _ := token.(string)
		switch {
		case err != nil:
		case !isColumn(name):
			line.wrong.Add(name, "There is no such field. The fields are "+knownColumns+".")
			err = fields.Decode(&json.RawMessage{})
		case seen[name]:
			line.wrong.Add(name, "The field is there twice. Remove one.")
			err = fields.Decode(&json.RawMessage{})
		case name == apiSetsColumn:
			err = line.read(fields, name, &line.APISets, "an array of slugs")
		default:
			err = line.read(fields, name, keyTexts[name](&line), "a text")
		}
		if err != nil {
			line.wrong.Add("", "This line is not valid JSON. Write one object on each line.")
			return line
		}
		seen[name] = true
	}
	if _, err := fields.Token(); err != nil { // the end of the object
		line.wrong.Add("", "This line is not valid JSON. Write one object on each line.")
	} else if _, err := fields.Token(); err != io.EOF {
		line.wrong.Add("", "There is something behind the object. Write one object on each line.")
	}
	line.finish()
	return line
}

// read reads the value of a field; null is a field that is left out.
func (l *keyLine) read(fields *json.Decoder, name string, to any, kind string) error {
	err := fields.Decode(to)
	if _, mismatch := errors.AsType[*json.UnmarshalTypeError](err); mismatch {
		l.wrong.Add(name, "The value must be "+kind+".")
		return nil
	}
	return err
}

func newKeyLine(number int) keyLine {
	return keyLine{ImportedKey: manage.ImportedKey{Line: number}}
}

// finish reads the expiry, when all else was read.
func (l *keyLine) finish() {
	l.Owner, l.Organization = strings.TrimSpace(l.Owner), strings.TrimSpace(l.Organization)
	l.expires = strings.TrimSpace(l.expires)
	if l.expires == "" {
		return
	}
	var day date
	if err := day.UnmarshalText([]byte(l.expires)); err == nil {
		l.ExpiresAt = day.Time
		return
	}
	at, err := time.Parse(time.RFC3339, l.expires)
	l.wrong.Check(err == nil && !at.IsZero(), "expires", "Give a day such as 2027-01-31, on whose end in UTC the key expires, or a time such as 2027-01-31T12:00:00Z.")
	l.ExpiresAt = at
}

package web_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// breakages are what can be wrong with a request.
var breakages = []func(w *world, op describedOperation, q *question){
	wrongField, wrongField, wrongField, missingField, extraField, wrongBody, wrongMediaType, oddPath, oddQuery, oddHeader, breakOff,
}

// junk is what no field wants, and some want in another place.
func (w *world) junk() any {
	all := []any{
		nil, true, false, 0, -1, 1.5, json.Number("9223372036854775807"), json.Number("9223372036854775808"), json.Number("-9223372036854775808"), json.Number("1e400"),
		json.Number("1e3"), json.Number("1.0"), "", " ", "1", "null", "\x00", "a\x00b", "\u202eevil\u202c", "\ufeff", "\u200b", "e\u0301", "\U0010ffff", "\ufffd", "a\nb\tc\x7f",
		strings.Repeat("x", 10_000), strings.Repeat("東", 10_000), []any{}, []any{nil}, []any{""}, []any{"\x00"}, []any{-1}, []any{0}, []any{1, 1}, []any{"billing", "billing"},
		[]any{json.Number("9223372036854775807")}, many(10_000), object{}, object{"id": 1}, nested(1000), "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-02-30T00:00:00Z",
		"2026-11-28T00:00:00+23:59", "-0001-01-01T00:00:00Z", "292277026596-01-01T00:00:00Z", "2026-11-28", "2026-12-31T23:59:60Z",
	}
	return all[w.random.IntN(len(all))]
}

func many(n int) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = i + 1
	}
	return list
}

func nested(depth int) any {
	var value any = 1
	for range depth {
		value = []any{value}
	}
	return value
}

// fieldOf picks a field that the body may have.
func (w *world) fieldOf(op describedOperation) string {
	properties := w.schemas[refName(op.body)].(object)["properties"].(object)
	names := slices.Sorted(maps.Keys(properties))
	return names[w.random.IntN(len(names))]
}

func refName(schema object) string {
	ref := schema["$ref"].(string)
	return ref[strings.LastIndexByte(ref, '/')+1:]
}

func wrongField(w *world, op describedOperation, q *question) {
	if op.body == nil {
		oddPath(w, op, q)
		return
	}
	if q.body != nil {
		q.body[w.fieldOf(op)] = w.junk()
	}
}

func missingField(w *world, op describedOperation, q *question) {
	if len(q.body) > 0 {
		names := slices.Sorted(maps.Keys(q.body))
		delete(q.body, names[w.random.IntN(len(names))])
	}
}

func extraField(w *world, op describedOperation, q *question) {
	if q.body != nil {
		q.body[w.pick("extra", "$schema", "id", "", "\x00", "NAME", "__proto__", strings.Repeat("k", 10_000))] = w.junk()
	}
}

func wrongBody(w *world, op describedOperation, q *question) {
	name := "name"
	if op.body != nil {
		name = w.fieldOf(op)
	}
	field := func(value string) string { return `{"` + name + `":` + value + `}` }
	bodies := []string{
		"", " ", "null", "[]", "{}", "1", `"text"`, "{", "}", `{"a"`, "{}{}", "{} {}", "\x00", "\xff\xfe{\x00}\x00", "\xef\xbb\xbf{}", field("\"\xff\xfe\""), field(`"\ud800"`), field(`"\u0000"`),
		field("1e999999"), field("-0"), field("00"), field("NaN"), field("1") + "garbage", `{"` + name + `":1,"` + name + `":"two","` + name + `":null}`,
		strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 20_000), field(strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000)), field(`"` + strings.Repeat("x", 1_100_000) + `"`), field(`"` + strings.Repeat("x", 1_020_000) + `"`),
		"<xml/>", "a=b&c=d", "{'a':1}", `{"` + name + `":tru}`, `{/**/}`,
	}
	q.raw = []byte(bodies[w.random.IntN(len(bodies))])
	if len(q.raw) == 0 {
		q.raw = []byte{}
	}
	q.body = nil
	if op.body != nil && w.random.IntN(3) == 0 { // the good body, with each thing twice
		if text, err := json.Marshal(w.valid(op.id, op.body)); err == nil && len(text) > 2 {
			q.raw = bytes.Join([][]byte{text[:len(text)-1], text[1:]}, []byte(","))
		}
	}
}

func breakOff(_ *world, _ describedOperation, q *question) { q.brokenOff = true }

func wrongMediaType(w *world, _ describedOperation, q *question) {
	q.header.Set("Content-Type", w.pick("", "text/plain", "application/xml", "application/json; charset=utf-16", "application/json;;;", "multipart/form-data", "multipart/form-data; boundary=x",
		"application/x-www-form-urlencoded", "application/cbor", "application/merge-patch+json", "application/problem+json", "json", "/", "application/json, text/plain", strings.Repeat("a", 5000)))
}

func oddPath(w *world, op describedOperation, q *question) {
	for _, name := range slices.Sorted(maps.Keys(q.path)) {
		q.path.Set(name, w.pick("0", "-1", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "abc", "me", "%00", "%FF", "1%2F2", "..", ".", "%2e%2e", "", "1e3", "0x10", "1.0", "+1", "%20", "1%20",
			"1;a=b", "%E2%80%AE1", "01", "1_000", "null", strings.Repeat("9", 3000), "999999"))
		q.lost = true
	}
}

func oddQuery(w *world, op describedOperation, q *question) {
	odd := w.pick("", " ", "0", "-1", "1.5", "9223372036854775807", "9223372036854775808", "true", "null", "\x00", "a\x00b", "\xff\xfe", "\u202e", "%", "_", "'", `"`, "\\", strings.Repeat("x", 499), strings.Repeat("x", 10_000),
		"eyJhIjoxfQ", "bnVsbA", "e30", "W10", "MQ", "W251bGxd", "WyIiLDFd", "WyJcdTAwMDAiLDFd", "-name", "name", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "292277026596-01-01T00:00:00Z")
	names := []string{"unknown", "cursor", "\x00", "", "limit[]", "cursor", "q"}
	for _, parameter := range op.parameters {
		if parameter["in"] == "query" {
			names = append(names, parameter["name"].(string), parameter["name"].(string))
		}
	}
	name := w.pick(names...)
	q.query.Set(name, odd)
	if w.random.IntN(4) == 0 {
		q.query.Add(name, strconv.Itoa(w.random.IntN(3)))
	}
}

func oddHeader(w *world, _ describedOperation, q *question) {
	name := w.pick("If-Match", "If-Match", "Idempotency-Key", "Idempotency-Key", "Impersonate-User-Id", "Impersonate-User-Id", "Accept", "If-None-Match", "Range", "Expect", "Content-Encoding",
		"X-HTTP-Method-Override", "Origin", "Sec-Fetch-Site", "X-Forwarded-For", "Cookie", "Prefer")
	q.header.Set(name, w.pick("", " ", "*", `"1"`, `W/"1"`, `"`, `""`, ",,,", "1", "0", "-1", strconv.FormatInt(w.Member.ID, 10), strconv.FormatInt(w.Colleague.ID, 10), strconv.FormatInt(w.SuperAdmin.ID, 10), "999999", "9223372036854775808", "abc",
		"\x00", "\xff\xfe", "\u202e", "a\x7fb", strings.Repeat("x", 190), strings.Repeat("x", 5000), strings.Repeat(`"1",`, 200), "bytes=0-1", "100-continue", "DELETE", "application/cbor", "text/html", "application/xml;q=1, */*;q=0", "cross-site", "same-origin", "https://evil.example"))
	if w.random.IntN(5) == 0 {
		q.header.Add(name, "1")
	}
}

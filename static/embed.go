// Package static holds the files that pages load: Tabler's stylesheet and htmx
// under vendor/ (see vendor/VENDORED.json), and the portal's own app.css,
// app.js, theme.js and favicon.svg. The page of Swagger UI loads docs.css and docs.js
// instead, beside Swagger UI itself: see swagger.go.
//
// A page names a file by [URL], whose address carries a hash of the content, so
// that browsers may keep it forever; [Handler] serves it, compressed if asked.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// Prefix is the path under which [Handler] must be mounted.
const Prefix = "/static/"

//go:embed *.css *.js *.svg vendor
var files embed.FS

// asset is one file, ready to be sent.
type asset struct {
	hash        string
	contentType string
	plain       func() []byte
	gzipped     func() []byte // made at the first request, then kept
}

var assets = load()

// URL is the address of a file, such as "app.css" or "vendor/htmx.min.js". It
// panics for a name that is not embedded, which is a mistake in a template.
func URL(name string) string {
	a, ok := assets[name]
	if !ok {
		panic(fmt.Sprintf("static: no file %q", name))
	}
	return Prefix + a.hash + "/" + name
}

// Handler serves the files below [Prefix] to anyone. The address that URL gives
// is cached for a year; one with the hash of another build gets the present
// content, to be asked for again each time.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
			return
		}
		hash, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, Prefix), "/")
		a, ok := assets[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		a.serve(w, r, hash == a.hash)
	})
}

// serve writes the file, or 304 if the browser has it.
func (a *asset) serve(w http.ResponseWriter, r *http.Request, current bool) {
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	if current {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("Vary", "Accept-Encoding")
	h.Set("X-Content-Type-Options", "nosniff")

	body, etag := a.plain, `"`+a.hash+`"`
	if acceptsGzip(r) {
		body, etag = a.gzipped, `"`+a.hash+`-gzip"`
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", a.contentType)
	content := body()
	h.Set("Content-Length", strconv.Itoa(len(content)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(content) // a failure means that the browser has gone
	}
}

// acceptsGzip reports whether the request names gzip and does not refuse it.
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			q, isQuality := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
			weight, err := strconv.ParseFloat(q, 64)
			return !isQuality || (err == nil && weight > 0)
		}
	}
	return false
}

// load reads the embedded files. It panics if one cannot be read, which the
// compiler's embedding rules out.
func load() map[string]*asset {
	found := map[string]*asset{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		found[name] = newAsset(name, content)
		return nil
	})
	if err != nil {
		panic(err)
	}
	addSwaggerUI(found)
	return found
}

func newAsset(name string, content []byte) *asset {
	sum := sha256.Sum256(content)
	return &asset{
		hash:        hex.EncodeToString(sum[:8]),
		contentType: contentType(name),
		plain:       func() []byte { return content },
		gzipped:     sync.OnceValue(func() []byte { return compress(content) }),
	}
}

// contentType does not ask the machine's MIME tables for our own kinds of file,
// which differ between machines.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".json":
		return "application/json"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

func compress(content []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a constant that gzip knows
	}
	if _, err := w.Write(content); err != nil {
		panic(err) // a bytes.Buffer takes everything
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

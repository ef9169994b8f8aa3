package static

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestVendored compares each vendored file with its recorded checksum, and
// finds a file that nobody recorded.
func TestVendored(t *testing.T) {
	list, err := files.ReadFile("vendor/VENDORED.json")
	if err != nil {
		t.Fatal(err)
	}
	var entries []struct {
		File, Package, Version, License, SHA256 string
		LicenseFile                             string `json:"license_file"`
	}
	if err := json.Unmarshal(list, &entries); err != nil {
		t.Fatal(err)
	}
	recorded := map[string]bool{"VENDORED.json": true}
	for _, e := range entries {
		recorded[e.File] = true
		content, err := files.ReadFile("vendor/" + e.File)
		if err != nil {
			t.Error(err)
			continue
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != e.SHA256 {
			t.Errorf("%s: sha256 is %x, recorded %s", e.File, sum, e.SHA256)
		}
		if _, err := files.ReadFile("vendor/" + e.LicenseFile); err != nil {
			t.Errorf("%s: license: %v", e.File, err)
		}
		if e.Package == "" || e.Version == "" || e.License == "" {
			t.Errorf("%s: package, version or license is not recorded", e.File)
		}
	}
	entriesOnDisk, err := files.ReadDir("vendor")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entriesOnDisk {
		if !recorded[e.Name()] {
			t.Errorf("vendor/%s is not in VENDORED.json", e.Name())
		}
	}
}

// TestWeight keeps all that a page loads, compressed, well under the 150 KB
// that a page may weigh with its HTML. Swagger UI has a page of its own.
func TestWeight(t *testing.T) {
	const limit = 120_000
	total := 0
	for name, a := range assets {
		if !strings.HasSuffix(name, ".txt") && !strings.HasSuffix(name, ".json") && !strings.HasPrefix(name, swaggerFolder) {
			total += len(a.gzipped())
		}
	}
	if total > limit {
		t.Errorf("the files weigh %d bytes compressed, more than %d", total, limit)
	}
}

func TestHandler(t *testing.T) {
	address := URL("app.css")
	for _, tc := range []struct {
		name, method, path, encoding, etag string
		status                             int
		cache, contentEncoding             string
	}{
		{"plain", "GET", address, "", "", 200, "public, max-age=31536000, immutable", ""},
		{"gzip", "GET", address, "br, gzip;q=0.8", "", 200, "public, max-age=31536000, immutable", "gzip"},
		{"gzip refused", "GET", address, "gzip;q=0", "", 200, "public, max-age=31536000, immutable", ""},
		{"head", "HEAD", address, "gzip", "", 200, "public, max-age=31536000, immutable", "gzip"},
		{"unchanged", "GET", address, "", `"` + assets["app.css"].hash + `"`, 304, "public, max-age=31536000, immutable", ""},
		{"another build", "GET", "/static/0000000000000000/app.css", "", "", 200, "no-cache", ""},
		{"unknown", "GET", "/static/0000000000000000/nothing.css", "", "", 404, "", ""},
		{"source", "GET", "/static/0000000000000000/embed.go", "", "", 404, "", ""},
		{"post", "POST", address, "", "", 405, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest(tc.method, tc.path, nil)
			r.Header.Set("Accept-Encoding", tc.encoding)
			r.Header.Set("If-None-Match", tc.etag)
			rec := httptest.NewRecorder()
			Handler().ServeHTTP(rec, r)
			if rec.Code != tc.status {
				t.Fatalf("status %d, want %d", rec.Code, tc.status)
			}
			if got := rec.Header().Get("Cache-Control"); got != tc.cache {
				t.Errorf("Cache-Control %q, want %q", got, tc.cache)
			}
			if got := rec.Header().Get("Content-Encoding"); got != tc.contentEncoding {
				t.Errorf("Content-Encoding %q, want %q", got, tc.contentEncoding)
			}
			if tc.status == http.StatusOK && tc.method == http.MethodGet {
				checkBody(t, rec, assets["app.css"].plain())
			}
		})
	}
}

// checkBody compares the response, uncompressed, with the file.
func checkBody(t *testing.T, rec *httptest.ResponseRecorder, want []byte) {
	t.Helper()
	var body io.Reader = rec.Body
	if rec.Header().Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			t.Fatal(err)
		}
		body = unzipped
	}
	got, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("body has %d bytes, the file %d", len(got), len(want))
	}
}

func TestURLPanicsForUnknownFile(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	URL("nothing.css")
}

package gateway_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	yaml "github.com/oasdiff/yaml3"

	"keyportal/internal/portal"
	"keyportal/web/gateway"
)

// question is what a gateway that does not run here asks: the bytes that it sends,
// with KEY for the key of the house, which is bound to networks. It passes where
// there is no reason against it.
type question struct {
	name, text, reason string
}

// replay has a house behind a server of its own answer questions.
func replay(t *testing.T, questions []question) {
	t.Helper()
	h := newHouse(t, func(o *gateway.Options) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.5/32")}
	})
	h.editKey(t, func(k *portal.Key) { k.AllowedNetworks = []string{"198.51.100.0/24", "2001:db8::/32"} })
	checks := httptest.NewServer(h)
	t.Cleanup(checks.Close)
	for _, q := range questions {
		answer := exchange(t, checks.Listener.Addr().String(), strings.NewReplacer("\n", "\r\n", "KEY", h.key).Replace(q.text))
		status, listed := refusals[q.reason]
		switch {
		case q.reason == "":
			status = http.StatusOK
		case !listed:
			status = http.StatusForbidden
		}
		if answer.StatusCode != status || answer.Header.Get("X-Deny-Reason") != q.reason {
			t.Errorf("%s: got %s %s", q.name, answer.Status, answer.Header.Get("X-Deny-Reason"))
		}
		for name, want := range h.whose() {
			if q.reason != "" {
				want = ""
			}
			if got := answer.Header.Values(name); strings.Join(got, "") != want || len(got) > 1 || q.reason == "" && len(got) == 0 {
				t.Errorf("%s: %s is %q, want %q", q.name, name, got, want)
			}
		}
	}
}

func exchange(t *testing.T, address, text string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%.100s: %v", text, err)
	}
	answer.Body.Close()
	return answer
}

// parse reads a documented configuration in YAML.
func parse(t *testing.T, name string, configuration any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, configuration); err != nil {
		t.Fatal(err)
	}
}

// names checks that a list has exactly these headers.
func names(t *testing.T, what string, got, want []string) {
	t.Helper()
	canonical := func(list []string) []string {
		var headers []string
		for _, name := range list {
			headers = append(headers, http.CanonicalHeaderKey(name))
		}
		slices.Sort(headers)
		return headers
	}
	if !slices.Equal(canonical(got), canonical(want)) {
		t.Errorf("%s names %v, want %v", what, got, want)
	}
}

package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// serve starts a server that is asked, and gives its address.
func serve(t *testing.T, answer http.HandlerFunc) string {
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestAnswersAreReadToTheirEnd(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/long":
			w.Write(make([]byte, 100_000)) // is sent in chunks
		case "/flushed":
			for range 3 {
				fmt.Fprint(w, "some\r\n\r\n")
				w.(http.Flusher).Flush()
			}
		case "/short":
			fmt.Fprint(w, "HTTP/1.1 500 no, this is the body\r\n\r\n")
		case "/nothing":
			w.WriteHeader(http.StatusNoContent)
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	c, err := dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for range 2 {
		for path, want := range map[string]int{"/long": 200, "/flushed": 200, "/short": 200, "/nothing": 204, "/empty": 401} {
			if err := c.ask(get(address, path), want); err != nil {
				t.Error(err)
			}
		}
	}
	if err := c.ask(get(address, "/empty"), 200); err == nil || err.Error() != "GET /empty HTTP/1.1 was answered with 401, not 200" {
		t.Errorf("got %v", err)
	}
}

func TestAnswersThatCannotBeReadAreErrors(t *testing.T) {
	for _, answer := range []string{
		"", "\r\n", "HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 2xx\r\n\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n\r\nuntil the end",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfour", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfour\r\n0\r\n\r\n",
	} {
		if status, err := readAnswer(bufio.NewReader(strings.NewReader(answer))); err == nil {
			t.Errorf("%q: got %d", answer, status)
		}
	}
}

func TestLoadGoesThroughTheRotation(t *testing.T) {
	var mu sync.Mutex
	asked := map[string]int{}
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked[r.URL.Path]++
	})
	all := &target{address: address, want: 200}
	for i := range 50 {
		all.requests = append(all.requests, get(address, fmt.Sprintf("/%d", i)))
	}
	if err := askForAll(t.Context(), 4, all); err != nil {
		t.Fatal(err)
	}
	for path, times := range asked {
		if times != 1 || len(asked) != 50 {
			t.Fatalf("%s was asked %d times, of %d", path, times, len(asked))
		}
	}
	for range 2 { // the second turn goes on where the first one ended
		got, err := load(t.Context(), 4, 20*time.Millisecond, all)
		if err != nil || got.perSecond <= 0 || got.p99 <= 0 {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	least, most := 1<<30, 0
	for _, times := range asked {
		least, most = min(least, times), max(most, times)
	}
	if most-least > 1 {
		t.Errorf("some were asked %d times, others %d", least, most)
	}
}

func TestAWrongAnswerEndsTheLoad(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {})
	wrong := &target{address: address, want: 204, requests: [][]byte{get(address, "/auth")}}
	if _, err := load(t.Context(), 4, time.Minute, wrong); err == nil || !strings.Contains(err.Error(), "GET /auth HTTP/1.1 was answered with 200, not 204") {
		t.Errorf("got %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	wrong.want = 200
	if _, err := load(ended, 4, time.Minute, wrong); err == nil {
		t.Error("it does not end with its context")
	}
}

func TestPercentiles(t *testing.T) {
	var durations []time.Duration
	for i := range 200 {
		durations = append(durations, time.Duration(200-i))
	}
	for percent, want := range map[int]time.Duration{50: 100, 99: 198} {
		if got := percentile(durations, percent); got != want {
			t.Errorf("p%d: got %d, want %d", percent, got, want)
		}
	}
	if got := percentile(durations[:1], 99); got != 200 {
		t.Errorf("of one: got %d", got)
	}
}

func TestSidesTakeTurnsAfterAWarmUp(t *testing.T) {
	var order []string
	count := 0
	side := func(name string) func() (float64, error) {
		return func() (float64, error) {
			order = append(order, name)
			count++
			return float64(count), nil
		}
	}
	turns, err := inTurns(2, side("a"), side("b"))
	if want := []string{"a", "b", "a", "b", "a", "b"}; err != nil || !slices.Equal(order, want) {
		t.Fatalf("got %q, %v", order, err)
	}
	if got := ratios(turns[0], turns[1], func(n float64) float64 { return n }); !slices.Equal(got, []float64{3.0 / 4, 5.0 / 6}) {
		t.Errorf("got %v", got)
	}
}

package main

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"keyportal/internal/store/storetest"
)

// wire passes connections on to a server until it is cut.
type wire struct {
	t        *testing.T
	address  string
	server   string
	mu       sync.Mutex
	listener net.Listener
	open     map[net.Conn]bool
}

func newWire(t *testing.T, server string) *wire {
	t.Helper()
	w := &wire{t: t, address: "127.0.0.1:0", server: server}
	w.mend()
	t.Cleanup(w.cut)
	return w
}

func (w *wire) mend() {
	w.t.Helper()
	listener, err := net.Listen("tcp", w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.address, w.listener, w.open = listener.Addr().String(), listener, map[net.Conn]bool{}
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", w.server)
			if err != nil {
				from.Close()
				continue
			}
			w.mu.Lock()
			w.open[from], w.open[to] = true, true
			w.mu.Unlock()
			go func() { io.Copy(to, from); to.Close() }()
			go func() { io.Copy(from, to); from.Close() }()
		}
	}()
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listener.Close()
	for connection := range w.open {
		connection.Close()
	}
}

// behind gives the place as it is reached over a wire.
func (p place) behind(t *testing.T) (place, *wire) {
	t.Helper()
	address, err := url.Parse(p.db)
	if err != nil {
		t.Fatal(err)
	}
	w := newWire(t, address.Host)
	address.Host = w.address
	p.db = address.String()
	return p, w
}

// wantCheckWithin asks until the answer is the wanted one.
func wantCheckWithin(t *testing.T, while time.Duration, gateway, key string, want int) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		got, reason := check(t, gateway, key)
		if got == want {
			return
		}
		if time.Since(began) > while {
			t.Fatalf("after %s the check answers %d %s, want %d", while, got, reason, want)
		}
	}
}

// A replica that can't reach the database goes on with what it knows for as long as it may,
// then refuses; and what was revoked meanwhile is refused when it is back.
func TestAReplicaThatLosesTheDatabaseRefusesRatherThanGuesses(t *testing.T) {
	p, key := onPostgres(t)
	other := succeed(t, "", p.flags("key", "create", "--user=member", "--name=Other", "--api-set=billing")...)
	stays := strings.TrimSpace(other)
	far, wire := p.behind(t)
	replica := serve(t, far.flags("serve", "--offline-grace=2s")...)
	for _, key := range []string{key, stays} {
		wantCheck(t, replica.gateway, key, http.StatusOK)
	}
	number := keyID(t, p, key)
	wire.cut()
	cutAt := time.Now()
	succeed(t, "", p.flags("key", "revoke", number)...)
	accepted := 0
	for status := http.StatusOK; status == http.StatusOK && time.Since(cutAt) < 20*time.Second; time.Sleep(10 * time.Millisecond) {
		if status, _ = check(t, replica.gateway, stays); status == http.StatusOK {
			accepted++
		} else if status != http.StatusServiceUnavailable {
			t.Fatalf("without the database the check answers %d", status)
		}
	}
	if took := time.Since(cutAt); accepted == 0 || took < time.Second || took > 5*time.Second {
		t.Errorf("a known key is accepted %d times, for %s", accepted, took)
	}
	if status, reason := check(t, replica.gateway, key); status != http.StatusServiceUnavailable || reason != "UNDECIDED" {
		t.Errorf("the revoked key: %d %s", status, reason)
	}
	response, err := http.Get(replica.gateway + "/readyz")
	if status, _ := answer(t, response, err); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz answers %d", status)
	}
	wire.mend()
	wantCheckWithin(t, 10*time.Second, replica.gateway, stays, http.StatusOK)
	if status, reason := check(t, replica.gateway, key); status != http.StatusUnauthorized || reason != "REVOKED" {
		t.Errorf("the revoked key, afterwards: %d %s", status, reason)
	}
	response, err = http.Get(replica.gateway + "/readyz")
	if status, _ := answer(t, response, err); status != http.StatusOK {
		t.Errorf("/readyz answers %d afterwards", status)
	}
}

// server is a PostgreSQL server of a test's own, which can be stopped and started.
type server struct {
	t         *testing.T
	bin, data string
	port      string
}

// newServer makes and starts a server.
func newServer(t *testing.T) *server {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		t.Fatalf("there is no PostgreSQL: %v", err)
	}
	folder, err := os.MkdirTemp("", "server") // which another user can enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	_, port, _ := net.SplitHostPort(freeAddress(t))
	s := &server{t, found[len(found)-1], folder, port}
	if os.Getuid() == 0 {
		s.must(exec.Command("chown", "postgres", folder))
	}
	s.must(s.command("initdb", "--username=keyportal", "--auth=trust", "--no-sync"))
	s.start()
	t.Cleanup(func() { s.command("pg_ctl", "--mode=immediate", "stop").Run() })
	return s
}

// command runs a program of the server's, as the user whom it demands.
func (s *server) command(program string, args ...string) *exec.Cmd {
	command := append([]string{filepath.Join(s.bin, program), "--pgdata=" + s.data}, args...)
	if os.Getuid() == 0 {
		command = append([]string{"runuser", "--user=postgres", "--"}, command...)
	}
	made := exec.Command(command[0], command[1:]...)
	made.Dir = s.data
	return made
}

func (s *server) must(command *exec.Cmd) {
	s.t.Helper()
	if err := command.Run(); err != nil {
		s.t.Fatalf("%s: %v", command, err)
	}
}

func (s *server) start() {
	s.t.Helper()
	s.must(s.command("pg_ctl", "--wait", "--silent", "--log="+filepath.Join(s.data, "log"),
		"--options=-c listen_addresses=127.0.0.1 -c port="+s.port+" -c unix_socket_directories="+s.data+" -c fsync=off", "start"))
}

func (s *server) stop() {
	s.t.Helper()
	s.must(s.command("pg_ctl", "--wait", "--silent", "--mode=immediate", "stop"))
}

// With the database server stopped all replicas refuse after their grace, and once it is
// back they go on by themselves, with what was revoked before it stopped.
func TestReplicasOutliveTheDatabaseServer(t *testing.T) {
	s := newServer(t)
	p := place{storetest.PostgresEngine, "postgres://keyportal@127.0.0.1:" + s.port + "/postgres?sslmode=disable", filepath.Join(t.TempDir(), "keyset")}
	keys, err := makeSample(t.Context(), p.data())
	if err != nil {
		t.Fatal(err)
	}
	stays := strings.TrimSpace(succeed(t, "", p.flags("key", "create", "--user=member", "--name=Other", "--api-set=billing")...))
	ends := keys.member.Reveal()
	var replicas []*serving
	for range 3 {
		replica := serve(t, p.flags("serve", "--offline-grace=2s")...)
		wantCheck(t, replica.gateway, stays, http.StatusOK)
		wantCheck(t, replica.gateway, ends, http.StatusOK)
		replicas = append(replicas, replica)
	}
	succeed(t, "", p.flags("key", "revoke", keyID(t, p, ends))...)
	s.stop()
	stopped := time.Now()
	for _, replica := range replicas {
		wantCheckWithin(t, 10*time.Second, replica.gateway, stays, http.StatusServiceUnavailable)
	}
	if took := time.Since(stopped); took < time.Second {
		t.Errorf("what is remembered counts for %s only", took)
	}
	time.Sleep(2 * time.Second) // so that each tries more than once
	s.start()
	for _, replica := range replicas {
		wantCheckWithin(t, 10*time.Second, replica.gateway, stays, http.StatusOK)
		if status, reason := check(t, replica.gateway, ends); status != http.StatusUnauthorized || reason != "REVOKED" {
			t.Errorf("what was revoked before: %d %s", status, reason)
		}
	}
	succeed(t, "", p.flags("key", "revoke", keyID(t, p, stays))...)
	for _, replica := range replicas {
		wantCheckWithin(t, 5*time.Second, replica.gateway, stays, http.StatusUnauthorized)
	}
}

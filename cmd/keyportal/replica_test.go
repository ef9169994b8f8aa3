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
	"syscall"
	"testing"
	"time"

	"keyportal/internal/keyset"
	"keyportal/internal/store/storetest"
)

// onPostgres gives a place on a PostgreSQL database with the sample, and a key that
// passes for billing.
func onPostgres(t *testing.T) (p place, key string) {
	t.Helper()
	p = emptyPostgres(t)
	keys, err := makeSample(t.Context(), p.data())
	if err != nil {
		t.Fatal(err)
	}
	return p, keys.member.Reveal()
}

func emptyPostgres(t *testing.T) place {
	t.Helper()
	return place{storetest.PostgresEngine, storetest.Databases(t)[storetest.PostgresEngine], filepath.Join(t.TempDir(), "keyset")}
}

func TestThreeReplicasThatStartTogetherBringTheSchemaUpToDateOnce(t *testing.T) {
	p := emptyPostgres(t)
	if _, err := keyset.Open(p.keyset); err != nil { // replicas share one
		t.Fatal(err)
	}
	var starting sync.WaitGroup
	replicas := make([]*serving, 3)
	for i := range replicas {
		starting.Go(func() { replicas[i] = serve(t, p.flags("serve")...) })
	}
	starting.Wait()
	for i, s := range replicas {
		response, err := http.Get(s.gateway + "/readyz")
		if status, body := answer(t, response, err); status != http.StatusOK {
			t.Errorf("replica %d answers %d %s", i, status, body)
		}
	}
	used := 0 // the link of whichever replica made the last one, at another replica
	for i, s := range replicas {
		link, other := s.stdout.await(t, setUpLine), replicas[(i+1)%len(replicas)]
		response, err := browse(t).PostForm(strings.Replace(link, s.portal, other.portal, 1), url.Values{
			"username": {"root"}, "email": {"root@example.com"}, "password": {"long enough for all"}, "repeat": {"long enough for all"},
		})
		if status, _ := answer(t, response, err); status == http.StatusOK {
			used++
		}
		response, err = http.Get(link)
		if status, _ := answer(t, response, err); status == http.StatusOK && used > 0 {
			t.Error("a link works after one was used")
		}
	}
	if used != 1 {
		t.Errorf("%d links are good for a super admin", used)
	}
	var versions, distinct int
	if err := rawSQL(t, p).QueryRow(`SELECT count(*), count(DISTINCT version_id) FROM goose_db_version`).Scan(&versions, &distinct); err != nil || versions != distinct {
		t.Errorf("%d steps were taken, of which %d differ: %v", versions, distinct, err)
	}
}

func TestWhateverReplicaAnswersSessionsThrottlingAndLinksAreTheSame(t *testing.T) {
	p, key := onPostgres(t)
	first, second := serve(t, p.flags("serve")...), serve(t, p.flags("serve")...)

	// A cookie belongs to the host, whatever its port.
	client := browse(t)
	response, err := client.PostForm(first.portal+"/login", url.Values{"username": {"superadmin"}, "password": {samplePassword}})
	if status, body := answer(t, response, err); status != http.StatusSeeOther {
		t.Fatalf("logging in: %d %s", status, body)
	}
	response, err = client.Get(second.portal + "/")
	if status, _ := answer(t, response, err); status != http.StatusOK {
		t.Errorf("the other replica does not know the session: %d", status)
	}
	response, err = client.PostForm(second.portal+"/logout", nil)
	answer(t, response, err)
	response, err = client.Get(first.portal + "/")
	if status, _ := answer(t, response, err); status != http.StatusSeeOther {
		t.Errorf("who logged out at one replica is logged in at the other: %d", status)
	}

	for range 6 { // wrong passwords, in turns
		for _, s := range []*serving{first, second} {
			response, err := browse(t).PostForm(s.portal+"/login", url.Values{"username": {"member"}, "password": {"wrong"}})
			answer(t, response, err)
		}
	}
	response, err = browse(t).PostForm(first.portal+"/login", url.Values{"username": {"member"}, "password": {"wrong"}})
	if status, body := answer(t, response, err); status != http.StatusTooManyRequests {
		t.Errorf("after 12 wrong passwords at two replicas: %d %s", status, body)
	}

	wantCheck(t, second.gateway, key, http.StatusOK)
	succeed(t, "", p.flags("key", "revoke", keyID(t, p, key))...)
	wantCheck(t, first.gateway, key, http.StatusUnauthorized)
	wantCheck(t, second.gateway, key, http.StatusUnauthorized)
}

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

// pooled starts PgBouncer in front of a place's database.
func (p place) pooled(t *testing.T, mode string, size string) place {
	t.Helper()
	address, err := url.Parse(p.db)
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(address.Host)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	own := listener.Addr().String()
	listener.Close()
	_, ownPort, _ := net.SplitHostPort(own)
	password, _ := address.User.Password()
	folder, err := os.MkdirTemp("", "pooler") // which another user can enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	os.Chmod(folder, 0o755)
	users := filepath.Join(folder, "users")
	settings := filepath.Join(folder, "pgbouncer.ini")
	for file, content := range map[string]string{
		users: `"` + address.User.Username() + `" "` + password + "\"\n",
		settings: strings.Join([]string{
			"[databases]", "* = host=" + host + " port=" + port,
			"[pgbouncer]", "listen_addr = 127.0.0.1", "listen_port = " + ownPort, "unix_socket_dir =",
			"auth_type = plain", "auth_file = " + users, "pool_mode = " + mode, "default_pool_size = " + size, "ignore_startup_parameters = extra_float_digits", "",
		}, "\n"),
	} {
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{settings}
	if os.Getuid() == 0 {
		args = []string{"-u", "nobody", settings}
	}
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer"
	}
	pooler := exec.Command(program, args...)
	if err := pooler.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		pooler.Process.Signal(syscall.SIGKILL)
		pooler.Wait()
	})
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		connection, err := net.Dial("tcp", own)
		if err == nil {
			connection.Close()
			break
		}
		if time.Since(began) > 10*time.Second {
			t.Fatal(err)
		}
	}
	address.Host = own
	p.db = address.String()
	return p
}

func TestAPoolerInTransactionModeIsRefusedAtTheStart(t *testing.T) {
	p, key := onPostgres(t)
	for _, size := range []string{"1", "5"} {
		refuse(t, failed, "connection pooler in transaction mode", "", p.pooled(t, "transaction", size).flags("serve", "--addr=127.0.0.1:0", "--gateway-addr=127.0.0.1:0")...)
	}
	s := serve(t, p.pooled(t, "session", "50").flags("serve")...)
	wantCheck(t, s.gateway, key, http.StatusOK)
}

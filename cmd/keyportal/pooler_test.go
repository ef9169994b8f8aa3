package main

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// freeAddress finds a port of the loopback interface that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	return listener.Addr().String()
}

// pooled starts PgBouncer in front of a place's database.
func (p place) pooled(t *testing.T, mode, size string) place {
	t.Helper()
	address, err := url.Parse(p.db)
	if err != nil {
		t.Fatal(err)
	}
	own := freeAddress(t)
	startPooler(t, own, poolerSettings(t, address, own, mode, size))
	address.Host = own
	p.db = address.String()
	return p
}

// poolerSettings writes PgBouncer's files for a database and gives the main one.
func poolerSettings(t *testing.T, database *url.URL, own, mode, size string) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "pooler") // which another user can enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	os.Chmod(folder, 0o755)
	_, port, _ := net.SplitHostPort(own)
	password, _ := database.User.Password()
	users, settings := filepath.Join(folder, "users"), filepath.Join(folder, "pgbouncer.ini")
	for file, content := range map[string]string{
		users: `"` + database.User.Username() + `" "` + password + "\"\n",
		settings: strings.Join([]string{
			"[databases]", "* = host=" + database.Hostname() + " port=" + database.Port(),
			"[pgbouncer]", "listen_addr = 127.0.0.1", "listen_port = " + port, "unix_socket_dir =",
			"auth_type = plain", "auth_file = " + users, "pool_mode = " + mode, "default_pool_size = " + size, "ignore_startup_parameters = extra_float_digits", "",
		}, "\n"),
	} {
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return settings
}

// startPooler starts PgBouncer and waits until it can be reached.
func startPooler(t *testing.T, own, settings string) {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer"
	}
	pooler := exec.Command(program, settings)
	if os.Getuid() == 0 {
		pooler.Args = []string{program, "-u", "nobody", settings}
	}
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
			return
		}
		if time.Since(began) > 10*time.Second {
			t.Fatal(err)
		}
	}
}

func TestAPoolerInTransactionModeIsRefusedAtTheStart(t *testing.T) {
	p, key := onPostgres(t)
	for _, size := range []string{"1", "5"} {
		refuse(t, failed, "connection pooler in transaction mode", "", p.pooled(t, "transaction", size).flags("serve", "--addr=127.0.0.1:0", "--gateway-addr=127.0.0.1:0")...)
	}
	s := serve(t, p.pooled(t, "session", "50").flags("serve")...)
	wantCheck(t, s.gateway, key, http.StatusOK)
}

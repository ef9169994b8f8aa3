package main

import (
	"bufio"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"keyportal/internal/store/storetest"
)

func TestTheFirstStartPrintsALinkThatMakesTheFirstSuperAdmin(t *testing.T) {
	eachEmpty(t, func(t *testing.T, p place) {
		first := serve(t, p.flags("serve")...)
		link := first.stdout.await(t, setUpLine)
		if !strings.HasPrefix(link, first.portal+"/setup/kpl_") {
			t.Fatalf("the link is %s, the portal %s", link, first.portal)
		}
		client := browse(t)
		response, err := client.Get(link)
		if status, _ := answer(t, response, err); status != http.StatusOK {
			t.Errorf("the link answers %d", status)
		}
		account := url.Values{
			"username": {"root"}, "email": {"root@example.com"}, "password": {"long enough for all"}, "repeat": {"long enough for all"},
		}
		response, err = client.PostForm(link, account)
		if status, body := answer(t, response, err); status != http.StatusOK {
			t.Fatalf("setting up answers %d %s", status, body)
		}
		wantLogIn(t, first.portal, "root", "long enough for all")
		response, err = client.Get(link)
		if status, _ := answer(t, response, err); status != http.StatusNotFound {
			t.Errorf("the used link answers %d", status)
		}
		wantPrivate(t, p)
		token := link[strings.LastIndexByte(link, '/')+1:]
		if strings.Contains(first.stderr.String(), token) {
			t.Error("the link's token is in the log")
		}
		if status := first.end(); status != done {
			t.Errorf("ended with status %d: %s", status, first.stderr)
		}
		second := serve(t, p.flags()...)
		if second.end(); strings.Contains(second.stdout.String(), "/setup/") {
			t.Errorf("the second start prints %q", second.stdout)
		}
	})
}

// wantPrivate checks that nobody else on the machine can read what is stored.
func wantPrivate(t *testing.T, p place) {
	t.Helper()
	files := []string{p.keyset}
	if p.engine == storetest.SQLiteEngine {
		files = append(files, p.db, p.db+"-wal", p.db+"-shm")
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
}

func TestWithABaseURLBothAddressesAreTold(t *testing.T) {
	s := serve(t, emptySQLite(t).flags("serve", "--base-url=https://keys.example.com")...)
	s.stdout.await(t, `^Public: +(https://keys.example.com)$`)
	s.stdout.await(t, `^ +(https://keys.example.com/setup/kpl_\w+)$`)
	response, err := http.Get(s.portal + "/login")
	if status, _ := answer(t, response, err); status != http.StatusOK {
		t.Errorf("the Log In page answers %d", status)
	}
}

func TestWithoutACommandTheProgramServes(t *testing.T) {
	s := serve(t, emptySQLite(t).flags()...)
	response, err := http.Get(s.portal + "/login")
	if status, _ := answer(t, response, err); status != http.StatusOK {
		t.Errorf("the Log In page answers %d", status)
	}
}

func TestTheGatewayListenerTellsHowTheProgramIs(t *testing.T) {
	s := serve(t, emptySQLite(t).flags("serve")...)
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		response, err := http.Get(s.gateway + path)
		if status, body := answer(t, response, err); status != http.StatusOK {
			t.Errorf("%s answers %d %s", path, status, body)
		}
	}
}

func TestADatabaseOfAnotherSchemaIsNotReady(t *testing.T) {
	eachEmpty(t, func(t *testing.T, p place) {
		s := serve(t, p.flags("serve")...)
		if _, err := rawSQL(t, p).Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, $1)`, true); err != nil {
			t.Fatal(err)
		}
		response, err := http.Get(s.gateway + "/readyz")
		if status, body := answer(t, response, err); status != http.StatusServiceUnavailable {
			t.Errorf("answers %d %s", status, body)
		}
	})
}

func TestTheCheckTakesLargeHeaders(t *testing.T) {
	eachSample(t, func(t *testing.T, p place, key string) {
		s := serve(t, p.flags("serve")...)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.gateway+"/auth?api_set=billing", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Api-Key", key)
		request.Header.Set("Cookie", strings.Repeat("x", 64<<10))
		response, err := http.DefaultClient.Do(request)
		if status, body := answer(t, response, err); status != http.StatusOK {
			t.Errorf("answers %d %s", status, body)
		}
	})
}

func TestARequestUnderWayIsAnsweredBeforeTheProgramEnds(t *testing.T) {
	s := serve(t, emptySQLite(t).flags("serve")...)
	host := strings.TrimPrefix(s.portal, "http://")
	connection, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	const form = "username=nobody&password=nothing"
	fmt.Fprintf(connection, "POST /login HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", host, len(form))
	answers := bufio.NewReader(connection)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("got %q, %v", line, err)
	}
	ended := make(chan int, 1)
	go func() { ended <- s.end() }()
	for refused := false; !refused; {
		probe, err := net.Dial("tcp", host)
		if refused = err != nil; !refused {
			probe.Close()
		}
	}
	io.WriteString(connection, form)
	answers.ReadString('\n') // the empty line after 100 Continue
	response, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := answer(t, response, err); status != http.StatusUnauthorized {
		t.Errorf("answers %d", status)
	}
	if status := <-ended; status != done {
		t.Errorf("ended with status %d: %s", status, s.stderr)
	}
}

func TestTheUseOfAKeyIsWrittenDownAtTheEnd(t *testing.T) {
	eachSample(t, func(t *testing.T, p place, key string) {
		s := serve(t, p.flags("serve")...)
		wantCheck(t, s.gateway, key, http.StatusOK)
		s.end()
		var used int
		if err := rawSQL(t, p).QueryRow(`SELECT count(*) FROM secret_uses u JOIN keys k ON k.id = u.key_id WHERE k.name = $1 AND u.used_from = '127.0.0.1'`, memberKey).Scan(&used); err != nil || used != 1 {
			t.Errorf("%d uses are written down, %v", used, err)
		}
	})
}

func TestTwoProcessesServeOneSQLiteFile(t *testing.T) {
	p := emptySQLite(t)
	keys, err := makeSample(t.Context(), p.data())
	if err != nil {
		t.Fatal(err)
	}
	key := keys.member.Reveal()
	here, there := serve(t, p.flags("serve")...), serveElsewhere(t, p.flags("serve")...)
	wantCheck(t, here.gateway, key, http.StatusOK)
	wantCheck(t, there.gateway, key, http.StatusOK)
	for i := range 10 {
		made := strings.TrimSpace(succeed(t, "", p.flags("key", "create", "--user=member", "--name", fmt.Sprint("Pair ", i), "--api-set=billing")...))
		wantCheck(t, here.gateway, made, http.StatusOK)
		wantCheck(t, there.gateway, made, http.StatusOK)
		succeed(t, "", p.flags("key", "revoke", keyID(t, p, made))...)
		wantCheck(t, here.gateway, made, http.StatusUnauthorized)
		wantCheck(t, there.gateway, made, http.StatusUnauthorized)
	}
	wantLogIn(t, here.portal, "member", samplePassword)
	wantLogIn(t, there.portal, "member", samplePassword)
	succeed(t, "", p.flags("audit", "verify")...)
}

func TestASignalEndsTheProgramWell(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		s := serveElsewhere(t, emptySQLite(t).flags("serve")...)
		if err := s.process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if status := s.end(); status != done {
			t.Errorf("%v: ended with status %d: %s", signal, status, s.stderr)
		}
	}
}

// elsewhere is a program that runs in a process of its own.
type elsewhere struct {
	serving
	process *os.Process
}

func serveElsewhere(t *testing.T, args ...string) *elsewhere {
	t.Helper()
	s := &elsewhere{serving: serving{stdout: &transcript{}, stderr: &transcript{}}}
	program := exec.Command(os.Args[0], append(args, "--addr=127.0.0.1:0", "--gateway-addr=127.0.0.1:0")...)
	program.Env = append(os.Environ(), asProgram+"=1")
	program.Stdout, program.Stderr = s.stdout, s.stderr
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	s.process = program.Process
	ended := false
	s.end = func() int {
		if ended = true; program.Wait() != nil {
			return program.ProcessState.ExitCode()
		}
		return done
	}
	t.Cleanup(func() {
		if !ended {
			s.process.Signal(syscall.SIGTERM)
			s.end()
		}
	})
	s.portal, s.gateway = s.stdout.await(t, portalLine), s.stdout.await(t, gatewayLine)
	return s
}

func TestAnAddressInUseIsRefused(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	p := emptySQLite(t)
	refuse(t, failed, "choose another address with --addr", "", p.flags("serve", "--addr="+taken.Addr().String(), "--gateway-addr=127.0.0.1:0")...)
	refuse(t, failed, "choose another address with --gateway-addr", "", p.flags("serve", "--addr=127.0.0.1:0", "--gateway-addr="+taken.Addr().String())...)
}

func TestADatabaseInUseIsNotGivenAnotherKeyset(t *testing.T) {
	eachSample(t, func(t *testing.T, p place, _ string) {
		if err := os.Remove(p.keyset); err != nil {
			t.Fatal(err)
		}
		refuse(t, failed, "restore the keyset from its backup", "", p.flags("serve")...)
		refuse(t, failed, "restore the keyset from its backup", "long enough for all", p.flags("admin", "create", "--username=a", "--email=a@example.com", "--password-stdin")...)
		if _, err := os.Stat(p.keyset); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a keyset was made: %v", err)
		}
	})
}

// rawSQL opens a way into a database around the program.
func rawSQL(t *testing.T, p place) *sql.DB {
	t.Helper()
	driver, source := "pgx", p.db
	if p.engine == storetest.SQLiteEngine {
		driver, source = "sqlite", "file:"+p.db+"?_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// While the program ends, load balancers are told so, and whoever asks meanwhile is answered
// and told to come elsewhere next time: no request is dropped.
func TestNoRequestIsDroppedWhileTheProgramEnds(t *testing.T) {
	eachSample(t, func(t *testing.T, p place, key string) {
		s := serve(t, p.flags("serve", "--drain-delay=500ms")...)
		ask := func(client *http.Client, path string) (*http.Response, error) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.gateway+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("X-Api-Key", key)
			response, err := client.Do(request)
			if err == nil {
				io.Copy(io.Discard, response.Body)
				response.Body.Close()
			}
			return response, err
		}
		var answered, elsewhere atomic.Int64
		var clients sync.WaitGroup
		told := make(chan struct{})
		for range 8 {
			clients.Go(func() { // each on a connection of its own, until that is closed with an answer
				client := &http.Client{Transport: &http.Transport{}}
				defer client.CloseIdleConnections()
				for {
					response, err := ask(client, "/auth?api_set=billing")
					if err != nil || response.StatusCode != http.StatusOK {
						t.Errorf("while it ends a check gets %v, %v", response, err)
						return
					}
					answered.Add(1)
					if response.Close {
						elsewhere.Add(1)
						return
					}
				}
			})
		}
		time.Sleep(100 * time.Millisecond)
		go func() { s.end(); close(told) }()
		unready := false
		for began := time.Now(); !unready && time.Since(began) < 400*time.Millisecond; {
			response, err := ask(http.DefaultClient, "/readyz")
			unready = err == nil && response.StatusCode == http.StatusServiceUnavailable
		}
		clients.Wait()
		<-told
		if !unready || answered.Load() < 8 || elsewhere.Load() != 8 {
			t.Errorf("unready: %t; %d checks were answered, and %d clients went elsewhere", unready, answered.Load(), elsewhere.Load())
		}
	})
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/labstack/echo/v4"
)

// build builds the real program, linked as make build does.
func (b *bench) build(ctx context.Context) error {
	b.program = filepath.Join(b.folder, "keyportal")
	command := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", b.program, "keyportal/cmd/keyportal")
	command.Stderr = os.Stderr
	return command.Run()
}

// process is a server that was started.
type process struct {
	command *exec.Cmd
	address string // where it is measured: host and port
	portal  string // where the program's pages are
}

// startProgram starts the real program on a database and waits until it is ready.
func (b *bench) startProgram(ctx context.Context, p *prepared) (*process, error) {
	return b.startProgramOn(ctx, p, p.url)
}

// startProgramOn starts it on the database at a URL, by which that is reached in another
// way.
func (b *bench) startProgramOn(ctx context.Context, p *prepared, database string) (*process, error) {
	portal, err := freeAddress()
	if err != nil {
		return nil, err
	}
	gateway, err := freeAddress()
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, b.program, "serve", "--db", database, "--keyset", p.keyset, "--addr", portal, "--gateway-addr", gateway, "--log-level", "warn")
	return start(ctx, &process{command, gateway, portal})
}

// startBare starts this program as the bare server.
func startBare(ctx context.Context) (*process, error) {
	own, err := os.Executable()
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, own)
	command.Env = append(os.Environ(), bareAddress+"="+address)
	return start(ctx, &process{command: command, address: address})
}

const (
	longestStart = 30 * time.Second
	pollEvery    = 2 * time.Millisecond
)

// start starts a server and waits until it answers that it is ready.
func start(ctx context.Context, p *process) (*process, error) {
	p.command.Stderr = os.Stderr
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	for began := time.Now(); time.Since(began) < longestStart && ctx.Err() == nil; time.Sleep(pollEvery) {
		if p.ready(ctx) {
			return p, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("%s is not ready", filepath.Base(p.command.Path)), ctx.Err(), p.stop())
}

func (p *process) ready(ctx context.Context) bool {
	c, err := dial(ctx, p.address)
	if err != nil {
		return false
	}
	defer c.close()
	return c.ask(get(p.address, "/readyz"), http.StatusOK) == nil
}

func (p *process) stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	err := p.command.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && !exit.Exited() {
		return nil // ended by the signal
	}
	return err
}

const tick = 10 * time.Millisecond // of the clock by which Linux counts work, wherever Go runs

// worked tells how long cores have worked for a process; 0 where the system doesn't tell.
func (p *process) worked() time.Duration {
	content, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	fields := strings.Fields(string(content[bytes.LastIndexByte(content, ')')+1:])) // behind the name
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick
}

// get makes a request as it is sent, with headers as they are sent.
func get(host, path string, headers ...string) []byte {
	return request(http.MethodGet, host, path, "", headers...)
}

func request(method, host, path, body string, headers ...string) []byte {
	text := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, host)
	for _, header := range headers {
		text = fmt.Appendf(text, "%s\r\n", header)
	}
	if method == http.MethodPost {
		text = fmt.Appendf(text, "Content-Length: %d\r\n", len(body))
	}
	return fmt.Appendf(text, "\r\n%s", body)
}

// bareAddress is the variable that makes this program the bare server.
const bareAddress = "KEYPORTAL_BENCH_BARE_ADDR"

// serveBare is the server that the check is measured against: echo that answers with
// nothing, or to a body, once it is read, with a small JSON. It waits as long for a slow
// client as the program does.
func serveBare(address string) error {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.GET("/readyz", func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	e.Any("/auth", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	e.POST("/v1/verify", func(c echo.Context) error {
		if _, err := io.Copy(io.Discard, c.Request().Body); err != nil {
			return err
		}
		return c.JSON(http.StatusOK, map[string]any{"valid": true, "code": "VALID"})
	})
	e.Server.ReadTimeout, e.Server.IdleTimeout = 10*time.Second, 2*time.Minute
	return e.Start(address)
}

// freeAddress finds a port of the loopback interface that nobody listens on.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

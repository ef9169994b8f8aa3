package mail_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// certificate is what the test's servers show. The process trusts it.
var certificate tls.Certificate

func TestMain(m *testing.M) {
	os.Exit(runTrusting(m))
}

// runTrusting makes the certificate the only one that the process trusts.
func runTrusting(m *testing.M) int {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4zero},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	certificate = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}

	directory, err := os.MkdirTemp("", "mail")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(directory)
	file := filepath.Join(directory, "roots.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		panic(err)
	}
	os.Setenv("SSL_CERT_FILE", file)
	os.Setenv("SSL_CERT_DIR", directory)
	return m.Run()
}

// server is a mail server that notes what it is told.
type server struct {
	port      int
	extension []string // what it offers after EHLO
	tls       *tls.Config
	reject    string // its answer to the message, when it takes none

	mu       sync.Mutex
	commands []string // "RCPT TO:<…>", those over TLS with "TLS " in front
	messages []string
}

// start has the server listen until the test ends.
func (s *server) start(t *testing.T) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = listener.Addr().(*net.TCPAddr).Port
	if s.tls != nil {
		listener = tls.NewListener(listener, s.tls)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go s.serve(connection)
		}
	}()
	return s
}

func (s *server) url(scheme, userHost string) string {
	return fmt.Sprintf("%s://%s:%d", scheme, userHost, s.port)
}

// serve holds one conversation.
func (s *server) serve(connection net.Conn) {
	defer func() { connection.Close() }()
	connection.SetDeadline(time.Now().Add(5 * time.Second))
	encrypted, lines := "", bufio.NewReader(connection)
	reply := func(text string) { fmt.Fprint(connection, text+"\r\n") }
	if s.tls != nil {
		encrypted = "TLS "
	}
	reply("220 test")
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		s.note(encrypted + line)
		switch verb, _, _ := strings.Cut(line, " "); verb {
		case "EHLO":
			reply("250-test")
			for _, extension := range s.extension {
				reply("250-" + extension)
			}
			reply("250 8BITMIME")
		case "STARTTLS":
			reply("220 go ahead")
			secure := tls.Server(connection, &tls.Config{Certificates: []tls.Certificate{certificate}})
			encrypted, connection, lines = "TLS ", secure, bufio.NewReader(secure)
		case "AUTH":
			reply("235 welcome")
		case "DATA":
			reply("354 go ahead")
			s.message(lines)
			if s.reject != "" {
				reply(s.reject)
				continue
			}
			reply("250 taken")
		case "QUIT":
			reply("221 bye")
			return
		default:
			reply("250 ok")
		}
	}
}

func (s *server) note(command string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands = append(s.commands, command)
}

// message notes the lines up to the one that is a dot.
func (s *server) message(lines *bufio.Reader) {
	var text strings.Builder
	for {
		line, err := lines.ReadString('\n')
		if err != nil || line == ".\r\n" {
			break
		}
		text.WriteString(line)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, text.String())
}

// heard returns all commands, a line each, and all messages.
func (s *server) heard() (commands string, messages []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.commands, "\n"), s.messages
}

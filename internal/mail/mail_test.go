package mail_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"keyportal/internal/mail"
)

const (
	from = "Key Portal <keys@example.com>"
	link = "https://keys.example.com/password/kpl_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefgABCDEF"
	text = "Hello Ana,\n\nset your password within 24 hours:\n" + link + "\n"

	// elsewhere reaches this machine, but is not taken for a loopback address.
	elsewhere = "0.0.0.0"
)

func newSender(t *testing.T, smtpURL string) *mail.Sender {
	t.Helper()
	sender, err := mail.New(smtpURL, from)
	if err != nil {
		t.Fatal(err)
	}
	return sender
}

// onlyMessage returns the one message that the server took, and its text.
func onlyMessage(t *testing.T, s *server) (*netmail.Message, string) {
	t.Helper()
	_, messages := s.heard()
	if len(messages) != 1 {
		t.Fatalf("the server took %d messages", len(messages))
	}
	message, err := netmail.ReadMessage(strings.NewReader(messages[0]))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(message.Body))
	if err != nil {
		t.Fatal(err)
	}
	return message, strings.ReplaceAll(string(body), "\r\n", "\n")
}

func TestALinkArrivesWhole(t *testing.T) {
	s := new(server).start(t)
	err := newSender(t, s.url("smtp", "127.0.0.1")).Send(t.Context(), "ana@example.org", "Ihr Paßwort", text)
	if err != nil {
		t.Fatal(err)
	}
	message, body := onlyMessage(t, s)
	if strings.TrimRight(body, "\n") != strings.TrimRight(text, "\n") {
		t.Errorf("the text arrives as %q", body)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	if err != nil || subject != "Ihr Paßwort" {
		t.Errorf("the subject arrives as %q, %v", subject, err)
	}
	for name, want := range map[string]string{
		"From":           `"Key Portal" <keys@example.com>`,
		"To":             "<ana@example.org>",
		"Auto-Submitted": "auto-generated",
	} {
		if got := message.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"Date", "Message-ID"} {
		if message.Header.Get(name) == "" {
			t.Errorf("there is no %s", name)
		}
	}
	if commands, _ := s.heard(); strings.Contains(commands, "AUTH") {
		t.Errorf("signs in without a password:\n%s", commands)
	}
}

func TestALineBreakInASubjectAddsNoHeader(t *testing.T) {
	for _, lineBreak := range []string{"\r\n", "\n", "\r"} {
		s := new(server).start(t)
		subject := "Password for Eve" + lineBreak + "Bcc: eve@example.net" + lineBreak + lineBreak + "Another text"
		if err := newSender(t, s.url("smtp", "127.0.0.1")).Send(t.Context(), "ana@example.org", subject, text); err != nil {
			t.Fatal(err)
		}
		message, body := onlyMessage(t, s)
		if message.Header.Get("Bcc") != "" || strings.Contains(body, "Another") {
			t.Errorf("%q: the subject became headers or text: %v\n%s", lineBreak, message.Header, body)
		}
		if commands, _ := s.heard(); strings.Contains(commands, "eve@") {
			t.Errorf("%q: the message went to another:\n%s", lineBreak, commands)
		}
	}
}

func TestOnlyOneAddressIsARecipient(t *testing.T) {
	s := new(server).start(t)
	sender := newSender(t, s.url("smtp", "127.0.0.1"))
	for _, to := range []string{
		"", "ana", "ana@example.org, eve@example.net", "ana@example.org\r\nBcc: eve@example.net",
		"ana@example.org>\r\nRCPT TO:<eve@example.net", "Ana\r\nBcc: eve@example.net <ana@example.org>",
	} {
		if err := sender.Send(t.Context(), to, "Subject", text); err == nil {
			t.Errorf("%q: accepted", to)
		}
	}
	if commands, _ := s.heard(); commands != "" {
		t.Errorf("the server was told\n%s", commands)
	}
}

func TestALineThatIsADotDoesNotEndTheMessage(t *testing.T) {
	s := new(server).start(t)
	if err := newSender(t, s.url("smtp", "127.0.0.1")).Send(t.Context(), "ana@example.org", "Subject", "one\n.\nRCPT TO:<eve@example.net>\n"); err != nil {
		t.Fatal(err)
	}
	if _, messages := s.heard(); len(messages) != 1 || !strings.Contains(messages[0], "eve@example.net") {
		t.Errorf("got %q", messages)
	}
	if commands, _ := s.heard(); strings.Contains(commands, "eve@") {
		t.Errorf("the text became commands:\n%s", commands)
	}
}

func TestSMTPEncryptsBeforeThePasswordAndTheMessage(t *testing.T) {
	s := (&server{extension: []string{"STARTTLS", "AUTH PLAIN"}}).start(t)
	if err := newSender(t, s.url("smtp", "portal:hunter2@"+elsewhere)).Send(t.Context(), "ana@example.org", "Subject", text); err != nil {
		t.Fatal(err)
	}
	onlyMessage(t, s)
	commands, _ := s.heard()
	for line := range strings.SplitSeq(commands, "\n") {
		if !strings.HasPrefix(line, "TLS ") && !strings.HasPrefix(line, "EHLO") && line != "STARTTLS" {
			t.Errorf("sent in clear: %s", line)
		}
	}
	if want := "TLS AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00portal\x00hunter2")); !strings.Contains(commands, want) {
		t.Errorf("%q is not in\n%s", want, commands)
	}
}

func TestSMTPSendsNothingToAServerThatCanNotEncrypt(t *testing.T) {
	s := (&server{extension: []string{"AUTH PLAIN LOGIN"}}).start(t)
	err := newSender(t, s.url("smtp", "portal:hunter2@"+elsewhere)).Send(t.Context(), "ana@example.org", "Subject", text)
	if err == nil || !strings.Contains(err.Error(), "STARTTLS") {
		t.Errorf("got %v", err)
	}
	commands, messages := s.heard()
	if len(messages) > 0 || strings.Contains(commands, "AUTH") || strings.Contains(commands, "MAIL") {
		t.Errorf("the server was told\n%s\n%q", commands, messages)
	}
}

func TestSMTPSEncryptsFromTheStart(t *testing.T) {
	s := (&server{extension: []string{"AUTH PLAIN"}, tls: &tls.Config{Certificates: []tls.Certificate{certificate}}}).start(t)
	if err := newSender(t, s.url("smtps", "portal:hunter2@127.0.0.1")).Send(t.Context(), "ana@example.org", "Subject", text); err != nil {
		t.Fatal(err)
	}
	onlyMessage(t, s)
}

func TestACertificateForAnotherNameIsRefused(t *testing.T) {
	s := (&server{tls: &tls.Config{Certificates: []tls.Certificate{certificate}}}).start(t)
	err := newSender(t, s.url("smtps", "127.0.0.2")).Send(t.Context(), "ana@example.org", "Subject", text)
	if err == nil {
		t.Error("the server's certificate is not checked")
	}
	if _, messages := s.heard(); len(messages) > 0 {
		t.Errorf("the server took %q", messages)
	}
}

func TestAServerOnLoopbackTakesAPasswordInClear(t *testing.T) {
	s := (&server{extension: []string{"AUTH PLAIN"}}).start(t)
	if err := newSender(t, s.url("smtp", "portal:hunter2@127.0.0.1")).Send(t.Context(), "ana@example.org", "Subject", text); err != nil {
		t.Fatal(err)
	}
	onlyMessage(t, s)
	if commands, _ := s.heard(); !strings.Contains(commands, "AUTH PLAIN") {
		t.Errorf("does not sign in:\n%s", commands)
	}
}

func TestARefusalNamesRecipientAndServerButNotTheLink(t *testing.T) {
	s := (&server{reject: "554 5.7.1 no thanks"}).start(t)
	err := newSender(t, s.url("smtp", "portal@127.0.0.1")).Send(t.Context(), "ana@example.org", "Subject", text)
	if err == nil {
		t.Fatal("a refused message counts as sent")
	}
	for _, want := range []string{"ana@example.org", "127.0.0.1", "no thanks"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %s", want, err)
		}
	}
	if strings.Contains(err.Error(), "kpl_") {
		t.Errorf("the error repeats the link: %s", err)
	}
}

func TestAServerThatIsNotThereIsAnErrorAtOnce(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	start := time.Now()
	if err := newSender(t, "smtp://"+address).Send(t.Context(), "ana@example.org", "Subject", text); err == nil || !strings.Contains(err.Error(), address) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestACanceledContextSendsNothing(t *testing.T) {
	s := new(server).start(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := newSender(t, s.url("smtp", "127.0.0.1")).Send(ctx, "ana@example.org", "Subject", text); err == nil {
		t.Error("sent all the same")
	}
	if _, messages := s.heard(); len(messages) > 0 {
		t.Errorf("the server took %q", messages)
	}
}

func TestAWrongSettingIsRefusedAtTheStart(t *testing.T) {
	for _, test := range []struct{ url, from, want string }{
		{"", from, "names no host"},
		{"mail.example.com:587", from, "names no host"},
		{"smtp://", from, "names no host"},
		{"http://portal:hunter2@mail.example.com", from, "smtp:// or smtps://"},
		{"smtp://portal:hunter2%@mail.example.com", from, "percent-encode"},
		{"smtp://portal:hunter2@mail.example.com:70000", from, "invalid port"},
		{"smtp://mail.example.com", "", "must be an address"},
		{"smtp://mail.example.com", "Key Portal", "must be an address"},
		{"smtp://mail.example.com", "keys@example.com\r\nBcc: eve@example.net", "must be an address"},
	} {
		_, err := mail.New(test.url, test.from)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s, %q: got %v, want %s", test.url, test.from, err, test.want)
		}
	}
}

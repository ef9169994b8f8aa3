// Package mail sends the portal's messages, such as a one-time password link,
// through a mail server.
package mail

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// timeout bounds the conversation with the mail server.
const timeout = 10 * time.Second

// Sender sends messages from one address through one mail server, with a
// connection for each message. It is safe for concurrent use.
type Sender struct {
	client *gomail.Client
	from   *mail.Address
}

// New returns a sender that uses the mail server at smtpURL and writes from in
// the From line. It does not connect.
//
// The URL is smtp://user:password@host:port (port 587 by default), which asks
// for encryption by STARTTLS and sends nothing when the server can't, or
// smtps:// (port 465), which encrypts from the start. User and password may be
// left out. Only smtp:// to a loopback address (port 25 by default) goes
// unencrypted.
//
// An error says in one line what to do, and does not repeat the password.
func New(smtpURL, from string) (*Sender, error) {
	sender, err := mail.ParseAddress(from)
	if err != nil {
		return nil, fmt.Errorf("mail sender %q must be an address, such as keys@example.com or Key Portal <keys@example.com>", from)
	}
	server, err := url.Parse(smtpURL)
	if err != nil {
		return nil, errors.New("mail server is not a valid URL: percent-encode the special characters of its password")
	}
	options, err := clientOptions(server)
	if err != nil {
		return nil, err
	}
	client, err := gomail.NewClient(server.Hostname(), options...)
	if err != nil {
		return nil, fmt.Errorf("mail server %s: %w", server.Host, err)
	}
	return &Sender{client: client, from: sender}, nil
}

// Send hands a plain-text message for one recipient to the mail server. It
// returns an error when the recipient is not exactly one address, or when the
// server can't be reached or does not take the message; the message is then
// not sent, and the error does not repeat its text.
func (s *Sender) Send(ctx context.Context, to, subject, text string) error {
	recipient, err := mail.ParseAddress(to)
	if err != nil {
		return fmt.Errorf("mail: %q is not an address", to)
	}
	message := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	message.FromMailAddress(s.from)
	message.ToMailAddress(recipient)
	message.Subject(subject)
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.SetBodyString(gomail.TypeTextPlain, text)
	if err := s.client.DialAndSendWithContext(ctx, message); err != nil {
		return fmt.Errorf("mail to %s through %s: %w", recipient.Address, s.client.ServerAddr(), err)
	}
	return nil
}

// clientOptions translates the URL of a mail server.
func clientOptions(server *url.URL) ([]gomail.Option, error) {
	if server.Hostname() == "" {
		return nil, errors.New("mail server names no host: write it as smtp://user:password@mail.example.com:587")
	}
	options := []gomail.Option{gomail.WithTimeout(timeout)}
	authentication := gomail.SMTPAuthAutoDiscover
	switch {
	case server.Scheme == "smtps":
		options = append(options, gomail.WithSSLPort(false))
	case server.Scheme != "smtp":
		return nil, errors.New("mail server must start with smtp:// or smtps://")
	case isLoopback(server.Hostname()):
		options = append(options, gomail.WithTLSPortPolicy(gomail.NoTLS))
		authentication = gomail.SMTPAuthPlainNoEnc
	default:
		options = append(options, gomail.WithTLSPortPolicy(gomail.TLSMandatory))
	}
	if server.Port() != "" {
		port, err := strconv.Atoi(server.Port())
		if err != nil {
			return nil, fmt.Errorf("mail server has no port %q", server.Port())
		}
		options = append(options, gomail.WithPort(port))
	}
	if password, has := server.User.Password(); has {
		options = append(options, gomail.WithSMTPAuth(authentication),
			gomail.WithUsername(server.User.Username()), gomail.WithPassword(password))
	}
	return options, nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

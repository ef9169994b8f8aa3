package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"keyportal/internal/config"
	"keyportal/internal/manage"
)

type adminCreateCommand struct {
	config.Data

	Username      string `required:"" help:"User ID to log in with."`
	Email         string `required:"" help:"E-mail address."`
	FirstName     string `help:"First name."`
	LastName      string `help:"Last name."`
	PasswordStdin bool   `required:"" help:"Read the password from the first line of standard input."`
}

// Run makes a super admin.
func (c adminCreateCommand) Run(ctx context.Context, env environment) error {
	password, err := readLine(linesOf(env.stdin))
	if err != nil {
		return fmt.Errorf("no password: give it on standard input: %w", err)
	}
	opened, _, err := prepareStore(ctx, c.Data)
	if err != nil {
		return err
	}
	defer opened.Close()
	user, err := manage.New(manage.Options{Store: opened}).CreateSuperAdmin(ctx, manage.FirstAdmin{
		Username: c.Username, FirstName: c.FirstName, LastName: c.LastName, Email: c.Email, Password: password,
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "The super admin %s (user %d) can log in.\n", user.Username, user.ID)
	return nil
}

const longestInput = 64 << 10 // bytes

// linesOf reads standard input line by line, and no more of it than a command needs.
func linesOf(r io.Reader) *bufio.Reader { return bufio.NewReader(io.LimitReader(r, longestInput)) }

// readLine reads a next line that is not empty, without its end.
func readLine(lines *bufio.Reader) (string, error) {
	line, err := lines.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.New("it is empty")
	}
	return line, nil
}

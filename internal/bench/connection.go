package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
)

// connection is one that is kept open, for one request after the other. What HTTP
// offers besides is left out, so that asking takes less of the machine than what is
// asked.
type connection struct {
	net.Conn
	answers *bufio.Reader
	release func() bool
}

// dial opens a connection that ends with the context.
func dial(ctx context.Context, address string) (*connection, error) {
	var dialer net.Dialer
	opened, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	release := context.AfterFunc(ctx, func() { opened.Close() })
	return &connection{opened, bufio.NewReaderSize(opened, 16<<10), release}, nil
}

func (c *connection) close() {
	c.release()
	c.Close()
}

// ask sends a request and reads its answer, which must have the wanted status.
func (c *connection) ask(request []byte, want int) error {
	status, err := c.statusOf(request)
	if err == nil && status != want {
		line, _, _ := bytes.Cut(request, []byte("\r\n"))
		err = fmt.Errorf("%s was answered with %d, not %d", line, status, want)
	}
	return err
}

func (c *connection) statusOf(request []byte) (int, error) {
	if _, err := c.Write(request); err != nil {
		return 0, err
	}
	return readAnswer(c.answers)
}

var errAnswer = errors.New("the answer is none of HTTP/1.1, or its length is not told")

// readAnswer reads an answer to its end and gives its status.
func readAnswer(r *bufio.Reader) (status int, err error) {
	line, err := readLine(r)
	if err != nil {
		return 0, err
	}
	if len(line) < len("HTTP/1.1 200") || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, errAnswer
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, errAnswer
	}
	length, err := readHeader(r)
	switch {
	case err != nil:
		return status, err
	case status == 204 || status == 304: // have no body
		return status, nil
	case length == chunked:
		return status, skipChunks(r)
	case length < 0:
		return status, errAnswer
	}
	_, err = r.Discard(length)
	return status, err
}

// Lengths of bodies that are told in another way, or not at all.
const (
	chunked = -1
	unknown = -2
)

// readHeader reads the header and gives the length of the body that follows.
func readHeader(r *bufio.Reader) (length int, err error) {
	length = unknown
	for {
		line, err := readLine(r)
		if err != nil || len(line) == 0 {
			return length, err
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil || length < 0 {
				return 0, errAnswer
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			length = chunked
		}
	}
}

func skipChunks(r *bufio.Reader) error {
	for {
		line, err := readLine(r)
		if err != nil {
			return err
		}
		size, err := strconv.ParseUint(string(line), 16, 31)
		if err != nil {
			return errAnswer
		}
		if _, err := r.Discard(int(size)); err != nil {
			return err
		}
		if line, err = readLine(r); err != nil || len(line) > 0 {
			return errors.Join(err, errAnswer)
		}
		if size == 0 {
			return nil
		}
	}
}

// readLine reads a line and gives it without its end; it is good until the next one.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	return bytes.TrimRight(line, "\r\n"), err
}

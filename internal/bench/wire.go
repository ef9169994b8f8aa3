package main

import (
	"bytes"
	"io"
	"net"
	"net/url"
)

// wire passes connections on to PostgreSQL, but for those on which somebody wants to
// hear what others announce: they are cut.
type wire struct {
	net.Listener
	server string
}

// deafTo gives the URL of a database on which no announcements are heard, and what
// ends the way there.
func deafTo(database string) (string, io.Closer, error) {
	address, err := url.Parse(database)
	if err != nil {
		return "", nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	w := wire{listener, address.Host}
	go w.serve()
	address.Host = listener.Addr().String()
	return address.String(), w, nil
}

func (w wire) serve() {
	for {
		from, err := w.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", w.server)
		if err != nil {
			from.Close()
			continue
		}
		go func() {
			defer from.Close()
			io.Copy(from, to)
		}()
		go func() {
			defer to.Close()
			io.Copy(to, io.TeeReader(from, deaf{}))
		}()
	}
}

// deaf is an error as soon as somebody wants to listen.
type deaf struct{}

// Write looks at what is sent.
func (deaf) Write(sent []byte) (int, error) {
	if bytes.Contains(sent, []byte("LISTEN ")) {
		return 0, net.ErrClosed
	}
	return len(sent), nil
}

package gateway_test

import "testing"

var haproxy = server{
	name: "HAProxy", documented: []string{"haproxy.cfg", "keyportal.lua"}, command: []string{"haproxy", "-db", "-f", "main", "-f", "haproxy.cfg"},
	moved: []string{"/etc/haproxy/", ""},
	main: `
defaults
    timeout client 10s
    timeout connect 10s
    timeout server 10s
`,
}

func TestBehindHAProxy(t *testing.T) { behaves(t, haproxy) }

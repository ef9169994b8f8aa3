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

func TestBehindHAProxyAPlaceCanNeedACertainSet(t *testing.T) {
	needsACertainSet(t, newFronted(t, haproxy, "/auth\n", "/auth?api_set=billing\n"))
}

func TestBehindHAProxyNothingPassesWhenTheScriptFails(t *testing.T) {
	f := newFronted(t, haproxy, "local answer = ask(txn, url)", "local answer = nil")
	f.refused(t, "GET", "/billing/7", "X-Api-Key: "+f.key)
}

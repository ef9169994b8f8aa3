package gateway_test

import "testing"

var caddy = server{
	name: "Caddy", documented: []string{"Caddyfile"}, command: []string{"caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile"},
	moved: []string{"\tlog {\n", "\tadmin off\n\tlog {\n"},
}

func TestBehindCaddy(t *testing.T) { behaves(t, caddy) }

package gateway_test

import "testing"

var caddy = server{
	name: "Caddy", documented: []string{"Caddyfile"}, command: []string{"caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile"},
	moved: []string{"\tlog {\n", "\tadmin off\n\tlog {\n"},
}

func TestBehindCaddy(t *testing.T) { behaves(t, caddy) }

func TestBehindCaddyAPlaceCanNeedACertainSet(t *testing.T) {
	needsACertainSet(t, newFronted(t, caddy, "uri /auth?\n", "uri /auth?api_set=billing\n"))
}

// Caddy's own way, which the file avoids.
func TestBehindCaddyTheClientsQueryIsNoSetting(t *testing.T) {
	f := newFronted(t, caddy, "uri /auth?\n", "uri /auth\n")
	f.refused(t, "GET", "/dunning/7?api_set=billing", "X-Api-Key: "+f.key)
	f.refused(t, "GET", "/elsewhere?unmatched=allow", "X-Api-Key: "+f.key)
	f.right(t, f.reaches(t, "GET", "/billing/7", "X-Api-Key: "+f.key))
}

package gateway_test

import (
	"net/http"
	"testing"
)

// nginx keeps to its folder.
var nginx = server{
	name: "nginx", documented: []string{"nginx.conf"}, command: []string{"nginx", "-p", ".", "-c", "main", "-e", "stderr"}, denyAs403: true,
	main: `
daemon off;
user root;
worker_processes 2;
pid nginx.pid;
error_log stderr error;
events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    large_client_header_buffers 4 128k;
    include nginx.conf;
}
`,
}

func TestBehindNginx(t *testing.T) { behaves(t, nginx) }

func TestBehindNginxNoClientAsksTheQuestionItself(t *testing.T) {
	f := newFronted(t, nginx)
	if answer, _ := f.connect(t).send("GET", "/_keyportal", "", "X-Api-Key: "+f.key); answer.StatusCode != http.StatusNotFound {
		t.Errorf("got %s", answer.Status)
	}
}

func TestBehindNginxALocationCanNeedACertainSet(t *testing.T) {
	f := newFronted(t, nginx, "/auth?deny=403", "/auth?api_set=billing&license=12345678&deny=403")
	f.stopped(t, "GET", "/anything", "LICENSE_MISMATCH", "X-Api-Key: "+f.key)
	needsACertainSet(t, newFronted(t, nginx, "/auth?deny=403", "/auth?api_set=billing&deny=403"))
	f = newFronted(t, nginx, "/auth?deny=403", "/auth?apiset=billing&deny=403")
	answer, _ := f.connect(t).send("GET", "/billing/7", "", "X-Api-Key: "+f.key)
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("X-Deny-Reason") != "BAD_REQUEST" {
		t.Errorf("a wrong setting: got %s %v", answer.Status, answer.Header)
	}
	f.answering(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Deny-Reason", "UNDECIDED")
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	answer, _ = f.connect(t).send("GET", "/billing/7", "", "X-Api-Key: "+f.key)
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("X-Deny-Reason") != "UNDECIDED" || answer.Header.Get("Retry-After") != "1" {
		t.Errorf("nothing can be decided: got %s %v", answer.Status, answer.Header)
	}
	f.reachedNothing(t)
}

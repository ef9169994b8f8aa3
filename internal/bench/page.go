package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	longestTurn   = 5 * time.Second // after which no more are sent
	referenceSize = 1000            // rows that pages with more are compared with
)

// listing is a page that lists keys or lines.
type listing struct {
	what, path string
	shows      string // by which it is known to be the right one
}

// viewers are who looks at the pages, by username, with how they are called.
var viewers = []struct{ username, name, history string }{
	{superAdmin, "a super admin", "/history?organization=all"},
	{clientAdmin, "the client's admin", "/history"},
}

func listings(history string, p *prepared) []listing {
	sought := p.keys[len(p.keys)/2].name
	number := sought[strings.LastIndex(sought, " ")+1:]
	return []listing{
		{"API Keys", "/keys", keyName(1)},
		{"API Keys, a search", "/keys?q=" + number, sought},
		{"Revision History", history, "clientadmin"},
	}
}

// site is a program that runs on a prepared database.
type site struct {
	*process
	keys *prepared
}

// measurePages measures the lists of the portal for who is signed in, and where there
// are many rows, against the same lists with few.
func (b *bench) measurePages(ctx context.Context, p *prepared) error {
	program, err := b.startProgram(ctx, p)
	if err != nil {
		return err
	}
	defer program.stop()
	sites := []site{{program, p}}
	if p.size > referenceSize {
		reference, err := b.prepare(ctx, p.engine, referenceSize)
		if err != nil {
			return err
		}
		defer reference.close()
		small, err := b.startProgram(ctx, reference)
		if err != nil {
			return err
		}
		defer small.stop()
		sites = append(sites, site{small, reference})
	}
	for _, viewer := range viewers {
		if err := b.measureListings(ctx, sites, viewer.username, viewer.name, viewer.history); err != nil {
			return err
		}
	}
	return nil
}

// measureListings measures all lists for one viewer, who signs in once.
func (b *bench) measureListings(ctx context.Context, sites []site, username, name, history string) error {
	cookies := make([]string, len(sites))
	for i, s := range sites {
		var err error
		if cookies[i], err = s.signIn(ctx, username); err != nil {
			return err
		}
	}
	for n, list := range listings(history, sites[0].keys) {
		var sides []func() (time.Duration, error)
		for i, s := range sites {
			own := listings(history, s.keys)[n]
			if err := s.expect(ctx, cookies[i], own); err != nil {
				return err
			}
			sides = append(sides, func() (time.Duration, error) { return s.ask(ctx, cookies[i], own.path, b.pages) })
		}
		turns, err := inTurns(b.rounds, sides...)
		if err != nil {
			return err
		}
		what := list.what + ", for " + name
		b.report(sites[0].keys, what+": p99", atMost(50), "ms", each(turns[0], milliseconds))
		if len(turns) > 1 {
			b.report(sites[0].keys, fmt.Sprintf("%s: p99 ÷ with %s rows", what, thousands(referenceSize)), atMost(2), "", ratios(turns[0], turns[1], milliseconds))
		}
	}
	return nil
}

// signIn signs a user in and gives the session's cookie, as it is sent.
func (p *process) signIn(ctx context.Context, username string) (string, error) {
	form := url.Values{"username": {username}, "password": {password}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.portal+"/login", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if cookies := answer.Cookies(); answer.StatusCode == http.StatusSeeOther && len(cookies) == 1 {
		return "Cookie: " + cookies[0].Name + "=" + cookies[0].Value, nil
	}
	return "", fmt.Errorf("%s can't log in: %s", username, answer.Status)
}

// expect opens a page and looks whether it is the right one.
func (p *process) expect(ctx context.Context, cookie string, list listing) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.portal+list.path, nil)
	if err != nil {
		return err
	}
	name, value, _ := strings.Cut(cookie, ": ")
	r.Header.Set(name, value)
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && !strings.Contains(string(body), list.shows) {
		err = fmt.Errorf("%s was answered with %s, and without %q", list.path, answer.Status, list.shows)
	}
	return err
}

// ask opens a page several times as a browser does, and gives the p99.
func (p *process) ask(ctx context.Context, cookie, path string, times int) (time.Duration, error) {
	c, err := dial(ctx, p.portal)
	if err != nil {
		return 0, err
	}
	defer c.close()
	page := get(p.portal, path, cookie, "Accept-Encoding: gzip")
	var durations []time.Duration
	for began := time.Now(); len(durations) < times && (len(durations) == 0 || time.Since(began) < longestTurn); {
		took, err := timed(func() error { return c.ask(page, http.StatusOK) })
		if err != nil {
			return 0, errors.Join(fmt.Errorf("%s", path), err)
		}
		durations = append(durations, took)
	}
	return percentile(durations, 99), nil
}

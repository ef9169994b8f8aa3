package gateway

import (
	"errors"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"

	"keyportal/internal/verify"
)

// settings are what a gateway's configuration says about a place, in the query
// of /auth.
type settings struct {
	apiSet, license, domain, instance string
	allowUnmatched                    bool
	denyAs403                         bool // for gateways that know no refusal but 401 and 403
}

// parameters has the settings by their names. Each tells whether it can take a
// value.
var parameters = map[string]func(*settings, string) bool{
	"api_set":   func(s *settings, v string) bool { s.apiSet = v; return v != "" },
	"license":   func(s *settings, v string) bool { s.license = v; return v != "" },
	"domain":    func(s *settings, v string) bool { s.domain = v; return v != "" },
	"instance":  func(s *settings, v string) bool { s.instance = v; return v != "" },
	"unmatched": func(s *settings, v string) bool { s.allowUnmatched = true; return v == "allow" },
	"deny":      func(s *settings, v string) bool { s.denyAs403 = true; return v == "403" },
}

const takes = " It takes api_set=SLUG or unmatched=allow; one of license=NUMBER, domain=NAME and instance=NAME; deny=403."

// places keep the settings of the queries that gateways ask with, which are few: most
// checks find theirs read already.
type places struct {
	known sync.Map // settings by their query
	count atomic.Int64
}

const mostPlaces = 1000

func (p *places) read(query string) (settings, error) {
	if known, ok := p.known.Load(query); ok {
		return known.(settings), nil
	}
	if err := refuseCredential(query, verify.Request{}); err != nil {
		return settings{}, err
	}
	s, err := readSettings(query)
	if err == nil && p.count.Add(1) <= mostPlaces {
		p.known.Store(query, s)
	}
	return s, err
}

// readSettings reads the query of /auth. What is not known, not possible or
// contradictory is refused: a gateway that is set up wrongly must not let pass
// what it should not.
func readSettings(query string) (s settings, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return s, badRequest("The query of /auth can't be read." + takes)
	}
	for name, given := range values {
		set, known := parameters[name]
		switch {
		case !known:
			return s, badRequest("The query of /auth has a parameter that is not known." + takes)
		case len(given) > 1:
			return s, badRequest("The query of /auth has " + name + " more than once." + takes)
		case !set(&s, given[0]):
			return s, badRequest("The query of /auth has a value for " + name + " that is not possible." + takes)
		}
	}
	return s, s.contradiction()
}

func (s settings) contradiction() error {
	bonds := 0
	for _, bond := range []string{s.license, s.domain, s.instance} {
		if bond != "" {
			bonds++
		}
	}
	if bonds > 1 || s.apiSet != "" && s.allowUnmatched {
		return badRequest("The query of /auth contradicts itself." + takes)
	}
	return nil
}

// ask puts the settings into the question.
func (s settings) ask(r *verify.Request) {
	r.APISet, r.AllowUnmatched = s.apiSet, s.allowUnmatched
	r.License, r.Domain, r.Instance = s.license, s.domain, s.instance
}

// soften turns a refusal of the client's request into 403 where the gateway asks
// for that.
func (s settings) soften(err error) error {
	r, ok := errors.AsType[*refusal](err)
	if !s.denyAs403 || !ok || r.status == http.StatusUnauthorized || r.status >= http.StatusInternalServerError {
		return err
	}
	softened := *r
	softened.status = http.StatusForbidden
	return &softened
}

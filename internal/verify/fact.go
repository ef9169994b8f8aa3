package verify

import (
	"cmp"
	"context"
	"sync"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
)

// facts is all that the rules look at. newFacts and free have them used again, as a
// check needs next to nothing else of the heap.
type facts struct {
	Request
	portal.Subject
	known             *known
	prefix            secret.Prefix // of the credential
	now               time.Time
	maybeImported     bool   // the credential has not our form, and is looked up all the same
	instanceLicenseID int64  // the license of the instance that the place is bound to; 0: none has that name
	needed            string // the slug of the API set that is needed; "" when no set is, or none claims the request
	open              bool   // no API set is needed
}

var unused = sync.Pool{New: func() any { return new(facts) }}

func newFacts(r Request, now time.Time) *facts {
	f := unused.Get().(*facts)
	*f = facts{Request: r, known: nobody, prefix: prefixOf(r.Credential), now: now}
	return f
}

func (f *facts) free() {
	*f = facts{}
	unused.Put(f)
}

// isOver tells whether an end has come; the zero time never comes.
func (f *facts) isOver(end time.Time) bool { return !end.IsZero() && !f.now.Before(end) }

// decision gives the answer once the outcome is known.
func (f *facts) decision(code Code) Decision {
	return Decision{Code: code, Message: f.message(code), Subject: f.Subject, APISet: f.needed, known: f.known}
}

// message says the outcome to whoever sent the credential.
func (f *facts) message(code Code) string {
	said := ""
	switch {
	case f.isPair():
		said = pairMessages[code]
	case code == portal.CheckMalformed:
		said = f.misplaced()
	case f.prefix == secret.AccessToken:
		said = f.tokenMessage(code)
	}
	return cmp.Or(said, code.Message())
}

// lookUp finds what is known. Of an unknown secret nothing more is asked.
func lookUp(ctx context.Context, m *memory, f *facts) error {
	found, err := find(ctx, m, f.Request, f.prefix)
	if err != nil || found == nobody {
		return err
	}
	f.is(found)
	if f.Request.Instance != "" {
		found, err := m.instances.get(ctx, portal.Fold(f.Request.Instance))
		if err != nil {
			return err
		}
		f.instanceLicenseID = found.licenseID
	}
	f.needed, f.open, err = need(ctx, m, f.Request)
	return err
}

// is notes whose credential it is.
func (f *facts) is(found *known) { f.known, f.Subject = found, found.unpack() }

// find finds whose credential a request has; nobody when it is not known. The user whom
// it names to act as is looked for only when it can.
func find(ctx context.Context, m *memory, r Request, prefix secret.Prefix) (*known, error) {
	if r.isPair() && r.malformedHalves() > 0 {
		return nobody, nil // like any pair with a wrong half: no answer says which one it is
	}
	s := r.sent(prefix)
	found, err := m.subject(ctx, s)
	if as := r.impersonated(); err == nil && as != 0 && found.canImpersonate {
		s.as = as
		return m.subject(ctx, s)
	}
	return found, err
}

// sent tells what the subject of the request is found by.
func (r Request) sent(prefix secret.Prefix) sent {
	if r.isPair() {
		return sent{hash: secret.HashOfPair(r.AccessKey, r.SecurityKey)}
	}
	s := sent{hash: secret.HashOf(r.Credential)}
	switch prefix {
	case secret.AccessToken:
		s.form = accessToken
	case "":
		s.form = importedSecret
	}
	return s
}

// need tells which API set a request needs, or that it needs none (open). With
// neither, no key reaches it. A path that is not clean is refused even where the
// set is named: what chose the place and what serves the request may read such a
// path differently.
func need(ctx context.Context, m *memory, r Request) (slug string, open bool, err error) {
	path, clean := cleanPath(r.URI)
	switch {
	case r.URI == "":
		return r.APISet, r.APISet == "" && r.AllowUnmatched, nil
	case !clean:
		return "", false, nil
	case r.APISet != "":
		return r.APISet, false, nil
	}
	routes, err := m.routes.get(ctx, struct{}{})
	if err != nil {
		return "", false, err
	}
	slug, known := routes.claim(r.Method, path)
	return slug, !known && r.AllowUnmatched, nil
}

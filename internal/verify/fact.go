package verify

import (
	"cmp"
	"context"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
)

// facts is all that the rules look at.
type facts struct {
	Request
	portal.Subject
	now               time.Time
	maybeImported     bool   // the credential has not our form, and is looked up all the same
	instanceLicenseID int64  // the license of the instance that the place is bound to; 0: none has that name
	needed            string // the slug of the API set that is needed; "" when no set is, or none claims the request
	open              bool   // no API set is needed
}

// isOver tells whether an end has come; the zero time never comes.
func (f *facts) isOver(end time.Time) bool { return !end.IsZero() && !f.now.Before(end) }

// decision gives the answer once the outcome is known.
func (f *facts) decision(code Code) Decision {
	return Decision{Code: code, Message: f.message(code), Subject: f.Subject, APISet: f.needed}
}

// message says the outcome to whoever sent the credential.
func (f *facts) message(code Code) string {
	said := ""
	switch {
	case f.isPair():
		said = pairMessages[code]
	case code == portal.CheckMalformed:
		said = f.misplaced()
	case isAccessToken(f.Credential):
		said = f.tokenMessage(code)
	}
	return cmp.Or(said, code.Message())
}

// lookUp reads what the store knows. For an unknown secret nothing more is read.
func (c *Checker) lookUp(ctx context.Context, f *facts) (err error) {
	if f.Subject, err = c.subjectOf(ctx, f.Request); err != nil || f.SecretID == 0 {
		return err
	}
	if f.instanceLicenseID, err = c.licenseOfInstance(ctx, f.Instance); err != nil {
		return err
	}
	f.needed, f.open, err = c.need(ctx, f.Request)
	return err
}

// subjectOf finds whose credential a request has; the zero Subject when it is not
// known.
func (c *Checker) subjectOf(ctx context.Context, r Request) (portal.Subject, error) {
	hash := secret.HashOf(r.Credential)
	switch {
	case r.isPair() && r.malformedHalves() > 0:
		return portal.Subject{}, nil // like any pair with a wrong half: no answer says which one it is
	case r.isPair():
		hash = secret.HashOfPair(r.AccessKey, r.SecurityKey)
	}
	subject, err := c.find(ctx, r, hash)
	if portal.CodeOf(err) == portal.CodeNotFound {
		return portal.Subject{}, nil
	}
	return subject, err
}

func (c *Checker) find(ctx context.Context, r Request, hash secret.Hash) (portal.Subject, error) {
	as, token := r.impersonated(), isAccessToken(r.Credential)
	switch {
	case token && as != 0:
		return c.store.TokenSubjectAs(ctx, hash, as)
	case token:
		return c.store.TokenSubject(ctx, hash)
	case !r.isPair() && prefixOf(r.Credential) == "": // it can't impersonate
		return c.store.ImportedSubject(ctx, hash) // whatever else is stored by its hash is no API key to be sent like this
	case as != 0:
		return c.store.SubjectAs(ctx, hash, as)
	}
	return c.store.Subject(ctx, hash)
}

func (c *Checker) licenseOfInstance(ctx context.Context, name string) (int64, error) {
	if name == "" {
		return 0, nil
	}
	instance, err := c.store.InstanceByName(ctx, name)
	if portal.CodeOf(err) == portal.CodeNotFound {
		return 0, nil
	}
	return instance.LicenseID, err
}

// need tells which API set a request needs, or that it needs none (open). With
// neither, no key reaches it. A path that is not clean is refused even where the
// set is named: what chose the place and what serves the request may read such a
// path differently.
func (c *Checker) need(ctx context.Context, r Request) (slug string, open bool, err error) {
	path, clean := cleanPath(r.URI)
	switch {
	case r.URI == "":
		return r.APISet, r.APISet == "" && r.AllowUnmatched, nil
	case !clean:
		return "", false, nil
	case r.APISet != "":
		return r.APISet, false, nil
	}
	routes, err := c.routes.current(ctx, c.store)
	if err != nil {
		return "", false, err
	}
	slug, known := routes.claim(r.Method, path)
	return slug, !known && r.AllowUnmatched, nil
}

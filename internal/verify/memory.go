package verify

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store"
)

const (
	mostUnknown   = 20_000 // credentials of our form that nobody has
	mostInstances = 10_000
	mostSets      = 10_000 // lists of API sets that are kept once for all who have the same
)

// memory is what the checks know without asking the store, and when what they know has
// changed. Everything in it counts as long as the things that it hangs on bear no stamp
// that is newer than itself.
type memory struct {
	store   *store.Store
	changed stamps       // by lines of the Revision History
	revoked stamps       // by revocations of access tokens
	reached atomic.Int64 // the line up to which all stamps are there

	subjects  *cache[sent, known]
	unknown   *otter.Cache[secret.Hash, int64] // with the line up to which it was unknown
	instances *cache[string, instance]
	routes    *cache[struct{}, routes]
	imported  *cache[struct{}, importedKeys]
	sets      *otter.Cache[string, []string] // lists of API sets by their slugs
}

// sent is what the subject of a request is found by.
type sent struct {
	hash secret.Hash
	form form
	as   int64 // the user whom the request names to act as; 0: none
}

// form tells credentials apart that are looked for in different places.
type form uint8

const (
	ownSecret form = iota // of a key
	accessToken
	importedSecret
)

// unknownSince is the error for a credential that nobody had at a line.
type unknownSince struct{ number int64 }

// Error names the line.
func (u unknownSince) Error() string { return fmt.Sprintf("not known at revision %d", u.number) }

func newMemory(s *store.Store, mostKeys int, reached int64, metrics metrics) *memory {
	m := &memory{
		store:   s,
		unknown: otter.Must(&otter.Options[secret.Hash, int64]{MaximumSize: mostUnknown}),
		sets:    otter.Must(&otter.Options[string, []string]{MaximumSize: mostSets}),
	}
	m.reached.Store(reached)
	m.subjects = newCache(mostKeys, m.loadSubject, m.isCurrent, metrics.caches["keys"])
	m.instances = newCache(mostInstances, m.loadInstance, func(i *instance) bool {
		return !m.changed.changedSince(i.number, thing{kind: everything}, thing{kind: instances})
	}, metrics.caches["instances"])
	m.routes = newCache(1, m.loadRoutes, func(r *routes) bool { return !m.changed.changedSince(r.number, thing{kind: everything}) }, metrics.caches["routes"])
	m.imported = newCache(1, m.loadImported, func(i *importedKeys) bool { return i.there || !m.isNewSince(i.number) }, metrics.caches["imported"])
	return m
}

// note stamps what lines of the Revision History speak of, which follow each other.
func (m *memory) note(lines []portal.Revision) {
	for _, line := range lines {
		for _, t := range changedBy(line) {
			m.changed.stamp(line.ID, t)
		}
	}
	if len(lines) > 0 {
		m.reach(lines[0].ID-1, lines[len(lines)-1].ID)
	}
}

// reach notes that all stamps are there up to a line, if those were there that came
// before.
func (m *memory) reach(before, line int64) {
	for reached := m.reached.Load(); before <= reached && reached < line; reached = m.reached.Load() {
		if m.reached.CompareAndSwap(reached, line) {
			return
		}
	}
}

func (m *memory) noteRevoked(r store.TokenRevocation) { m.revoked.stamp(r.Number, theToken(r.Token)) }

// isCurrent tells whether nothing has changed of what a subject hangs on. One that is
// current is as if it had been read at the last line of which all stamps are there.
func (m *memory) isCurrent(k *known) bool {
	if k.token != 0 && m.revoked.changedSince(k.revocation, thing{aToken, k.token}) {
		return false
	}
	reached, revision := m.reached.Load(), k.revision.Load()
	if k.as != 0 && m.changed.changedSince(revision, thing{aUser, k.as}) {
		return false
	}
	if m.changed.changedSince(revision,
		thing{aKey, k.keyID}, thing{aUser, k.userID}, thing{anOrganization, k.organizationID},
		thing{rolesOf, k.organizationID}, thing{kind: rolesOf}, thing{aLicense, k.licenseID}, thing{kind: everything}) {
		return false
	}
	raise(&k.revision, reached)
	return true
}

// isNewSince tells whether there may be credentials that there were not at a line.
func (m *memory) isNewSince(number int64) bool {
	return m.changed.changedSince(number, thing{kind: newSecrets}, thing{kind: everything})
}

// subject finds whose credential was sent; nobody when it is not known.
func (m *memory) subject(ctx context.Context, s sent) (*known, error) {
	if found, ok := m.subjects.find(s); ok {
		return found, nil
	}
	if number, ok := m.unknown.GetIfPresent(s.hash); ok && !m.isNewSince(number) {
		m.subjects.metrics.unknown.Inc()
		return nobody, nil
	}
	found, err := m.subjects.get(ctx, s)
	if absent, ok := errors.AsType[unknownSince](err); ok && m.isNewSince(absent.number) {
		found, err = m.loadSubject(ctx, s) // it may have come while another one was looking for it
	}
	if _, ok := errors.AsType[unknownSince](err); ok {
		return nobody, nil
	}
	return found, err
}

func (m *memory) loadSubject(ctx context.Context, s sent) (*known, error) {
	number := m.reached.Load()
	subject, err := m.readSubject(ctx, s)
	switch {
	case portal.CodeOf(err) == portal.CodeNotFound:
		m.unknown.Set(s.hash, number)
		return nil, unknownSince{number}
	case err != nil:
		return nil, err
	}
	return pack(subject, s, m.sharedSets(subject.APISets)), nil
}

func (m *memory) readSubject(ctx context.Context, s sent) (portal.Subject, error) {
	switch {
	case s.form == accessToken && s.as != 0:
		return m.store.TokenSubjectAs(ctx, s.hash, s.as)
	case s.form == accessToken:
		return m.store.TokenSubject(ctx, s.hash)
	case s.form == importedSecret: // it can't impersonate
		return m.store.ImportedSubject(ctx, s.hash) // whatever else is stored by its hash is no API key to be sent like this
	case s.as != 0:
		return m.store.SubjectAs(ctx, s.hash, s.as)
	}
	return m.store.Subject(ctx, s.hash)
}

// mayVerify tells whether the user of a credential may Verify keys.
func (m *memory) mayVerify(ctx context.Context, k *known) (bool, error) {
	if asked := k.verifies.Load(); asked != notAsked && m.isCurrent(k) {
		return asked == mayVerify, nil
	}
	grants, err := m.store.Grants(ctx, k.userID)
	if err != nil {
		return false, err
	}
	caller := portal.Actor{UserID: k.userID, Staff: k.holder.Value().staff, Grants: grants}
	if portal.Can(caller, portal.VerifyKeys, k.organizationID) != nil {
		k.verifies.Store(mayNotVerify)
		return false, nil
	}
	k.verifies.Store(mayVerify)
	return true, nil
}

// instance is what a name of an instance stands for.
type instance struct {
	licenseID int64 // 0: no instance has the name
	number    int64 // the line at which it was read
}

func (m *memory) loadInstance(ctx context.Context, name string) (*instance, error) {
	number := m.reached.Load()
	found, err := m.store.InstanceByName(ctx, name)
	if err != nil && portal.CodeOf(err) != portal.CodeNotFound {
		return nil, err
	}
	return &instance{found.LicenseID, number}, nil
}

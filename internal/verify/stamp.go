package verify

import (
	"encoding/binary"
	"sync/atomic"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
)

// kind is that of a thing which what is remembered hangs on.
type kind uint64

const (
	everything kind = iota // the API sets and applications, and changes that are not told apart
	aKey
	newSecrets // that there are more credentials than before
	aUser      // with memberships
	anOrganization
	rolesOf // an organization's roles and groups; those of all organizations have no ID
	aLicense
	instances
	aToken
)

// thing is one that can change.
type thing struct {
	kind kind
	id   int64
}

func theToken(hash secret.Hash) thing {
	return thing{aToken, int64(binary.BigEndian.Uint64(hash[:]))}
}

// changedBy tells which things a line of the Revision History speaks of. What it
// doesn't tell apart is everything: too much is read anew then, and nothing too late.
func changedBy(line portal.Revision) []thing {
	switch line.Noun {
	case portal.NounKey:
		return named(line.NounID, thing{aKey, line.NounID}, thing{kind: newSecrets})
	case portal.NounUser:
		return named(line.NounID, thing{aUser, line.NounID})
	case portal.NounMembership:
		return named(line.UserID, thing{aUser, line.UserID})
	case portal.NounRole:
		return named(line.NounID, thing{rolesOf, line.OrganizationID})
	case portal.NounGroup:
		return named(line.NounID, thing{rolesOf, line.OrganizationID})
	case portal.NounOrganization:
		return named(line.NounID, thing{anOrganization, line.NounID})
	case portal.NounLicense:
		return named(line.NounID, thing{aLicense, line.NounID}, thing{kind: instances})
	case portal.NounRequest, portal.NounLevel:
		return nil // a key that is issued has a line of its own
	}
	return []thing{{}}
}

// named gives things whose ID is known.
func named(id int64, things ...thing) []thing {
	if id == 0 {
		return []thing{{}}
	}
	return things
}

const slots = 1 << 16

// stamps keep the number of each thing's last change, in a table of fixed size: things
// may share a slot, and then one seems to have changed with the other. Stamping a thing
// costs the same however much hangs on it, and takes no lock.
type stamps struct {
	last  atomic.Int64 // the highest number
	table [slots]atomic.Int64
}

func (s *stamps) slot(t thing) *atomic.Int64 {
	hash := (uint64(t.id) + uint64(t.kind)<<56) * 0x9e3779b97f4a7c15
	return &s.table[hash>>48]
}

// stamp notes a thing's change. Numbers may come in any order.
func (s *stamps) stamp(number int64, t thing) {
	raise(&s.last, number)
	raise(s.slot(t), number)
}

func raise(number *atomic.Int64, to int64) {
	for was := number.Load(); was < to && !number.CompareAndSwap(was, to); was = number.Load() {
	}
}

// changedSince tells whether one of the things has changed after a number.
func (s *stamps) changedSince(number int64, things ...thing) bool {
	if s.last.Load() <= number {
		return false
	}
	for _, t := range things {
		if s.slot(t).Load() > number {
			return true
		}
	}
	return false
}

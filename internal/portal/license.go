package portal

import (
	"regexp"
	"time"
)

// License is a master license of an organization. It gives access to exactly
// one domain.
type License struct {
	ID             int64
	OrganizationID int64
	Number         string // the Client ID, such as 12345678; unique
	Domain         string // the domain's name
	Database       string // the label of the domain's database, such as ACME_EU
	Active         bool
	Version        int64
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// Record gives the license's values for the Revision History.
func (l License) Record() Record {
	return Record{
		{"Number", l.Number},
		{"Domain", l.Domain},
		{"Database", l.Database},
		{"Active", yesNo(l.Active)},
	}
}

// LicenseUses is how much stands on a license.
type LicenseUses struct {
	Instances int
	Keys      int // revoked ones too
	Requests  int // decided ones too
}

// Environment tells what an instance is for.
type Environment string

// The environments of instances, told by the beginning of their names.
const (
	Production Environment = "production" // BE…
	Test       Environment = "test"       // TEBE…
)

// Instance is where people sign in to a license. Several instances share one.
type Instance struct {
	ID          int64
	LicenseID   int64
	Name        string // unique regardless of case: BE12345678, TEBE12345678A
	Environment Environment
	CreatedAt   time.Time
}

var instanceForm = regexp.MustCompile(`^(TE)?BE([0-9]+)[A-Z]?$`)

// ParseInstance reads an instance's environment and its license's number from
// its name. ok is false when the name is not of the form BE12345678 or
// TEBE12345678A.
func ParseInstance(name string) (environment Environment, number string, ok bool) {
	parts := instanceForm.FindStringSubmatch(name)
	if parts == nil {
		return "", "", false
	}
	if parts[1] == "" {
		return Production, parts[2], true
	}
	return Test, parts[2], true
}

package portal

import "time"

// DataLoader is the name of the catalogue's application that Data Loader keys are for.
const DataLoader = "Data Loader"

// Application is what a key is for: Workflow, Mobile App, ERP (XSS), Data
// Loader, or one that a client added.
type Application struct {
	ID             int64
	OrganizationID int64 // 0: the catalogue's
	Name           string
	Description    string
	RetiredAt      time.Time // zero: keys can be issued and requested for it
	Version        int64
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// Retired tells whether no more keys are issued for the application.
func (a Application) Retired() bool { return !a.RetiredAt.IsZero() }

// Record gives the application's values for the Revision History.
func (a Application) Record() Record {
	return Record{{"Name", a.Name}, {"Description", a.Description}, {"Retired", yesNo(a.Retired())}}
}

package portal

import "time"

// Application is what a key is for: Workflow, Mobile App, ERP (XSS), Data
// Loader, or one that a client added.
type Application struct {
	ID             int64
	OrganizationID int64 // 0: the catalogue's
	Name           string
	Description    string
	CreatedAt      time.Time
}

// Record gives the application's values for the Revision History.
func (a Application) Record() Record {
	return Record{{"Name", a.Name}, {"Description", a.Description}}
}

package page

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"keyportal/internal/portal"
	"keyportal/templates/ui"

	"github.com/a-h/templ"
)

// HistoryPath is the address of the Revision History.
const HistoryPath = "/history"

// HistoryOf gives the address of the history of one thing.
func HistoryOf(noun portal.Noun, id int64) string {
	return HistoryPath + "?" + url.Values{"noun": {string(noun)}, "id": {strconv.FormatInt(id, 10)}}.Encode()
}

// historyThrough gives the address of what came in through a key.
func historyThrough(key int64) string { return fmt.Sprintf("%s?key=%d", HistoryPath, key) }

// historyOfClient gives the address of the history of an organization that the viewer
// may work in another than.
func historyOfClient(organization int64) string {
	return fmt.Sprintf("%s?organization=%d", HistoryPath, organization)
}

// History puts revisions into words, for a Timeline about one thing.
func History(revisions []portal.Revision) []ui.Entry {
	entries := make([]ui.Entry, len(revisions))
	for i, revision := range revisions {
		entries[i] = entryOf(revision)
		entries[i].Action = done(revision)
	}
	return entries
}

// RevisionRow is a line of the Revision History.
type RevisionRow struct {
	portal.Revision
	Organization string // in which it was, where that is not the same for all lines
	Href         string // of what it is about; empty when the viewer may not open it
}

// entry puts a line into words that name what it is about.
func (r RevisionRow) entry() ui.Entry {
	entry := entryOf(r.Revision)
	entry.Action, entry.Target, entry.TargetHref = doneTo(r.Revision), r.NounName, r.Href
	if r.KeyID != 0 {
		entry.ViaHref = historyThrough(r.KeyID)
	}
	entry.Number, entry.Where, entry.Address, entry.Fold = r.ID, r.Organization, r.Address, true
	return entry
}

func entryOf(revision portal.Revision) ui.Entry {
	entry := ui.Entry{Actor: who(revision), Via: via(revision), At: revision.At}
	for _, change := range revision.Changes {
		entry.Changes = append(entry.Changes, ui.Change{Field: change.Name, Before: change.Before, After: change.After})
	}
	return entry
}

// who says who did something, and as whom.
func who(revision portal.Revision) string {
	if revision.ImpersonatorName != "" {
		return revision.ImpersonatorName + " impersonating " + revision.ActorName
	}
	return revision.ActorName
}

// via says through which key a line came in when its actor did not do it at a page.
func via(revision portal.Revision) string {
	if revision.KeyName == "" {
		return ""
	}
	return "via key “" + revision.KeyName + "”"
}

// done says what was done. An action of one word needs to be told to what.
func done(revision portal.Revision) string {
	if strings.Contains(revision.Action, " ") {
		return revision.Action
	}
	return revision.Action + " the " + revision.Noun.Label()
}

// doneTo says what was done, to be followed by the name of what it was done to.
func doneTo(revision portal.Revision) string {
	label := revision.Noun.Label()
	if revision.Noun == portal.NounMembership { // its name is the user's
		label = portal.NounUser.Label()
	}
	if strings.Contains(revision.Action, " ") {
		return revision.Action + ": " + label
	}
	return revision.Action + " the " + label
}

// Subject is what a history is of, when it is of one thing alone.
type Subject struct {
	Noun portal.Noun
	ID   int64
	Name string
	Href string // of its page
}

// Revisions is the Revision History, narrowed by what its address says.
type Revisions struct {
	Rows          []RevisionRow
	List          List
	Subject       Subject           // without a noun it is an organization's, or of all
	Organization  string            // whose history it is, for who can't choose
	Organizations []ui.Option       // to choose from, for who may see all
	Problem       portal.FieldError // with the address
	CanVerify     bool
	Now           time.Time
}

// Render gives the page's content.
func (r Revisions) Render() templ.Component { return revisions(r) }

// Title gives the page's title.
func (r Revisions) Title() string {
	if r.Subject.Noun != "" {
		return "Revision History of " + r.Subject.Name
	}
	return "Revision History"
}

func (r Revisions) subtitle() string {
	switch {
	case r.Subject.Noun == portal.NounUser:
		return "Who did what to the account and its memberships."
	case r.Subject.Noun != "":
		return "Who did what to this " + r.Subject.Noun.Label() + "."
	case len(r.Organizations) > 0: // which one is in the filter
		return "Who did what to what and when."
	}
	return "Who did what to what and when, in " + r.Organization + "."
}

// kept are the values that the filters leave as they are.
func (r Revisions) kept() []ui.Hidden {
	switch organization := r.List.Get("organization"); {
	case r.Subject.Noun == "" && organization != "" && len(r.Organizations) == 0:
		return []ui.Hidden{{Name: "organization", Value: organization}}
	case r.Subject.Noun == "":
		return nil
	}
	return []ui.Hidden{{Name: "noun", Value: string(r.Subject.Noun)}, {Name: "id", Value: strconv.FormatInt(r.Subject.ID, 10)}}
}

// cleared gives the address without filters.
func (r Revisions) cleared() string {
	if r.Subject.Noun != "" {
		return HistoryOf(r.Subject.Noun, r.Subject.ID)
	}
	return List{Path: r.List.Path}.With("organization", r.List.Get("organization"))
}

// narrowed tells whether filters leave lines out.
func (r Revisions) narrowed() bool {
	for _, name := range []string{"who", "from", "to", "key"} {
		if r.List.Get(name) != "" {
			return true
		}
	}
	return r.Subject.Noun == "" && r.List.Get("noun") != ""
}

// why says why nothing is found.
func (r Revisions) why() string {
	if who := r.List.Get("who"); who != "" {
		return "Nobody with the username “" + who + "” did anything that the filters above show. Check the username, or clear the filters. What their API keys did as other users is found by the key."
	}
	return "No line matches the filters above."
}

// nouns are what the history can be narrowed to.
var nouns = []ui.Option{
	{Value: "", Label: "Everything"},
	{Value: string(portal.NounKey), Label: "API keys"},
	{Value: string(portal.NounUser), Label: "Users"},
	{Value: string(portal.NounMembership), Label: "Memberships"},
	{Value: string(portal.NounGroup), Label: "Groups"},
	{Value: string(portal.NounRole), Label: "Roles"},
	{Value: string(portal.NounRequest), Label: "Requests"},
	{Value: string(portal.NounLicense), Label: "Licenses"},
	{Value: string(portal.NounApplication), Label: "Applications"},
	{Value: string(portal.NounOrganization), Label: "Organizations"},
	{Value: string(portal.NounAPISet), Label: "API sets"},
	{Value: string(portal.NounLevel), Label: "Client levels"},
}

// ways offers what came in in any way and what came in through the key of the
// address, to which its own page leads.
func (r Revisions) ways() []ui.Option {
	key := r.List.Get("key")
	label := "Via key " + key
	if len(r.Rows) > 0 {
		label = "Via key “" + r.Rows[0].KeyName + "”"
	}
	return []ui.Option{{Value: "", Label: "In any way"}, {Value: key, Label: label}}
}

// entries puts the lines into words.
func (r Revisions) entries() []ui.Entry {
	entries := make([]ui.Entry, len(r.Rows))
	for i, row := range r.Rows {
		entries[i] = row.entry()
	}
	return entries
}

// VerificationPath is the address of the page that verifies the Revision History.
const VerificationPath = HistoryPath + "/verify"

// Verification verifies the Revision History's chain.
type Verification struct {
	Form    Form
	Head    portal.Head // as it is recorded, or was verified
	Whole   bool        // it was verified, and is as it was written
	Broken  string      // how it was tampered with
	TooLong bool        // verifying was given up
}

// Render gives the page's content.
func (v Verification) Render() templ.Component { return verification(v) }

// lines says how many lines there are.
func (v Verification) lines() string { return portal.Counted(int(v.Head.Revision), "line") }

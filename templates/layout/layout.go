// Package layout draws what surrounds a page: the head, the navigation, the top
// bar and the message about what has just been done.
package layout

import (
	"strings"

	"keyportal/templates/ui"
)

// Nav is one entry of the navigation. Only what the viewer may open is in it.
type Nav struct {
	Label   string
	Href    string
	Icon    string // see ui.Icon; each entry has its own
	Current bool
	Badge   int // how many wait there; 0 for none
}

// NavGroup is some entries under a heading; the first group has none. A group
// without entries is left out.
type NavGroup struct {
	Heading string
	Items   []Nav
}

// Chrome is all that surrounds the page of someone who is signed in.
type Chrome struct {
	Title  string // of the browser's tab, before "· Key Portal"
	Groups []NavGroup
	Places []NavGroup // of the menu in the top bar

	Organization  string      // where one is; empty for staff that is in none
	Level         string      // its client level
	Instance      string      // the instance one is signed in to; may be empty
	Environment   string      // "production" or "test"; may be empty
	Organizations []ui.Option // to switch to, by ID

	MoreOrganizations bool // there are others in the list of organizations

	UserName string
	Path     string // of this page with its query, to return to after a switch
	Flash    *ui.Flash
}

// switches tells whether there is an organization to go to.
func (c Chrome) switches() bool {
	return len(c.Organizations) > 1 || len(c.Organizations) == 1 && c.Organization == ""
}

// environmentTone tells test from production at a glance.
func environmentTone(environment string) ui.Tone {
	if environment == "test" {
		return ui.Warn
	}
	return ui.OK
}

// levelTone colors the levels that the seeds name; others are neutral.
func levelTone(level string) ui.Tone {
	switch strings.ToLower(level) {
	case "gold":
		return ui.Warn
	case "blue":
		return ui.Info
	}
	return ui.Neutral
}

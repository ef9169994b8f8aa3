package page

import (
	"strings"

	"keyportal/internal/portal"
	"keyportal/templates/ui"
)

// History puts revisions into words, for a Timeline about one thing.
func History(revisions []portal.Revision) []ui.Entry {
	entries := make([]ui.Entry, len(revisions))
	for i, revision := range revisions {
		entry := ui.Entry{Actor: revision.ActorName, Action: done(revision), At: revision.At}
		if revision.KeyName != "" {
			entry.Via = "via key “" + revision.KeyName + "”"
		}
		for _, change := range revision.Changes {
			entry.Changes = append(entry.Changes, ui.Change{Field: change.Name, Before: change.Before, After: change.After})
		}
		entries[i] = entry
	}
	return entries
}

// done says what was done. An action of one word needs to be told to what.
func done(revision portal.Revision) string {
	if strings.Contains(revision.Action, " ") {
		return revision.Action
	}
	return revision.Action + " the " + revision.Noun.Label()
}

// Package ui holds the small components of which every page is made: pure
// functions of what they are given, on top of Tabler's stylesheet and
// static/app.css. All of them work without JavaScript; static/app.js only adds
// to what they render.
//
//   - text.templ: Head, Badge, State, Avatar, Mono, Notice, Empty, Time, Expiry, Ending
//   - card.templ: Card and its head, body and foot, Facts, Details
//   - button.templ: ButtonLink, Submit, PostButton, Menu
//   - field.templ, choice.templ: Field, TextArea, Select, Checkbox, CheckList, Group, ErrorSummary
//   - table.templ: Table, SortTh, Td, Pager
//   - chart.templ: UseChart, DayTable
//   - filter.templ: FilterBar, FilterSelect
//   - duallist.templ, steps.templ, tabs.templ, confirm.templ, savekey.templ, copy.templ, timeline.templ
//   - icon.go: Icon
package ui

// Tone says how something is, for color; a word always says it too.
type Tone string

const (
	OK      Tone = "ok"      // works, done
	Warn    Tone = "warn"    // will need attention
	Danger  Tone = "danger"  // does not work, cannot be undone
	Info    Tone = "info"    // under way, good to know
	Neutral Tone = "neutral" // switched off, no judgment
)

// icon is the icon of a notice of this tone.
func (t Tone) icon() string {
	switch t {
	case OK:
		return "circle-check"
	case Warn:
		return "alert-triangle"
	case Danger:
		return "alert-circle"
	}
	return "info"
}

// role makes screen readers speak a notice: at once if it is bad.
func (t Tone) role() string {
	if t == Danger || t == Warn {
		return "alert"
	}
	return "status"
}

// Flash is a message about what has just been done, shown once at the top of
// the next page. It never holds a secret.
type Flash struct {
	Tone Tone
	Text string
}

// Option is one choice of a select.
type Option struct {
	Value, Label string
}

// Hidden is a form value that the viewer does not see.
type Hidden struct {
	Name, Value string
}

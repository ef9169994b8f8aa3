package ui

import (
	"strconv"

	"github.com/a-h/templ"
)

// FieldProps describes one field of a form. Only Name and Label are needed.
type FieldProps struct {
	Name  string
	Label string
	Value string
	// ID is "field-"+Name if empty; set it where two forms of a page share a name.
	ID string
	// Type is an input type ("email", "password", "date" …); "text" if empty.
	Type string
	// Options are proposals for what to enter; anything else can be entered too.
	Options []string
	// Error is what is wrong with Value, as a sentence; empty if nothing is.
	Error string
	// Hint is what to know before filling the field in.
	Hint         string
	Placeholder  string
	Autocomplete string
	// InputMode chooses a phone's keyboard ("numeric", "email" …).
	InputMode string
	// MaxLength is in UTF-16 units; 0 for no limit. The server checks its own.
	MaxLength int
	// Rows is the height of a TextArea; 3 if 0.
	Rows      int
	Required  bool
	Autofocus bool
	ReadOnly  bool
	Disabled  bool
	// Mono is for what people copy or compare: numbers, slugs, patterns.
	Mono bool
}

// FieldError is one entry of an ErrorSummary.
type FieldError struct {
	Name string
	ID   string // only if the field has its own
	Text string
}

// FieldID is the id of the input of a field of this name, for a label or a link.
func FieldID(name string) string { return "field-" + name }

func (p FieldProps) id() string {
	if p.ID != "" {
		return p.ID
	}
	return FieldID(p.Name)
}

func (p FieldProps) inputType() string {
	if p.Type != "" {
		return p.Type
	}
	return "text"
}

func (p FieldProps) rows() int {
	if p.Rows > 0 {
		return p.Rows
	}
	return 3
}

// class is that of an input of the kind base, Tabler's form-control or form-select.
func (p FieldProps) class(base string) string {
	if p.Error != "" {
		base += " is-invalid"
	}
	if p.Mono {
		base += " kp-mono"
	}
	return base
}

// describedBy lists the ids of the hint and the error that the field has.
func describedBy(id, hint, problem string) string {
	switch {
	case hint != "" && problem != "":
		return id + "-error " + id + "-hint"
	case problem != "":
		return id + "-error"
	case hint != "":
		return id + "-hint"
	}
	return ""
}

// CheckProps describes one checkbox. Only Name and Label are needed.
type CheckProps struct {
	Name  string
	Label string
	// Value is what is sent if it is checked; "on" if empty.
	Value string
	// ID is "field-"+Name, with "-"+Value if there is one, if empty.
	ID       string
	Hint     string
	Checked  bool
	Disabled bool
}

func (p CheckProps) id() string {
	switch {
	case p.ID != "":
		return p.ID
	case p.Value != "":
		return FieldID(p.Name) + "-" + p.Value
	}
	return FieldID(p.Name)
}

func (p CheckProps) value() string {
	if p.Value != "" {
		return p.Value
	}
	return "on"
}

// target is the id that the entry links to.
func (e FieldError) target() string {
	if e.ID != "" {
		return e.ID
	}
	return FieldID(e.Name)
}

// fieldAttributes are the attributes that all kinds of field have in common.
func fieldAttributes(p FieldProps) templ.Attributes {
	a := templ.Attributes{
		"required":  p.Required,
		"autofocus": p.Autofocus,
		"readonly":  p.ReadOnly,
		"disabled":  p.Disabled,
	}
	if described := describedBy(p.id(), p.Hint, p.Error); described != "" {
		a["aria-describedby"] = described
	}
	if p.Error != "" {
		a["aria-invalid"] = "true"
	}
	if p.Placeholder != "" {
		a["placeholder"] = p.Placeholder
	}
	if p.Autocomplete != "" {
		a["autocomplete"] = p.Autocomplete
	}
	if p.MaxLength > 0 {
		a["maxlength"] = strconv.Itoa(p.MaxLength)
	}
	return a
}

// Package page holds the portal's pages, a file per noun with its view models.
// Each page is a pure function of its view model; the frame around it is package
// layout's, the parts it is made of are package ui's.
package page

import (
	"net/url"
	"slices"

	"keyportal/internal/portal"
	"keyportal/templates/ui"
)

// Form is what a form shows: what was entered, and what is wrong with it.
type Form struct {
	Values  url.Values
	Errors  []portal.FieldError
	Message string // what is wrong with the form as a whole
}

// Get gives what was entered in a field.
func (f Form) Get(name string) string { return f.Values.Get(name) }

// Has tells whether a value was chosen in a field of several values.
func (f Form) Has(name, value string) bool { return slices.Contains(f.Values[name], value) }

// Error gives what is wrong with a field; empty when nothing is.
func (f Form) Error(name string) string {
	for _, field := range f.Errors {
		if field.Field == name {
			return field.Message
		}
	}
	return ""
}

// Field fills in what was entered in a field and what is wrong with it.
func (f Form) Field(p ui.FieldProps) ui.FieldProps {
	p.Value, p.Error = f.Get(p.Name), f.Error(p.Name)
	return p
}

// Password is Field for a password, which is never filled in.
func (f Form) Password(p ui.FieldProps) ui.FieldProps {
	p.Type, p.Error, p.Required = "password", f.Error(p.Name), true
	return p
}

// Check ticks a checkbox that was ticked.
func (f Form) Check(p ui.CheckProps) ui.CheckProps {
	if p.Value == "" {
		p.Value = "on"
	}
	p.Checked = f.Has(p.Name, p.Value)
	return p
}

// Problems lists what is wrong, for the summary at the form's top.
func (f Form) Problems() []ui.FieldError {
	problems := make([]ui.FieldError, len(f.Errors))
	for i, field := range f.Errors {
		problems[i] = ui.FieldError{Name: field.Field, Text: field.Message}
	}
	return problems
}

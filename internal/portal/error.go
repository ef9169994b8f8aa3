package portal

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Code is the kind of an error. The set is closed; web maps each code to one
// HTTP status.
type Code string

// The codes of errors.
const (
	CodeInvalid         Code = "invalid"         // what was entered cannot be taken; Fields say where
	CodeUnauthenticated Code = "unauthenticated" // nobody is signed in
	CodeForbidden       Code = "forbidden"       // the actor may not
	CodeNotFound        Code = "not_found"       // no such thing, or none that the actor may see
	CodeConflict        Code = "conflict"        // the thing has changed, or its state does not allow this
	CodeTooMany         Code = "too_many"        // slow down; Retry says how long
	CodeUnavailable     Code = "unavailable"     // the database cannot take it now
	CodeTooLarge        Code = "too_large"       // more was sent than is read
	CodeInternal        Code = "internal"        // a fault of the program
)

// FieldError is what is wrong with one field of a form.
type FieldError struct {
	Field   string // the field's name in the form
	Message string // a sentence for the person who typed it
}

// Error is an error that a person may read: the message says what to do.
// The cause, if any, is for the log alone.
type Error struct {
	Code    Code
	Message string
	Fields  []FieldError
	Retry   time.Duration // with CodeTooMany: when to try again
	Cause   error
}

// Error gives the message with its cause, for the log.
func (e *Error) Error() string {
	text := e.Message
	for _, field := range e.Fields {
		text += fmt.Sprintf(" [%s: %s]", field.Field, field.Message)
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// CodeOf gives an error's code; CodeInternal for one that has none.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// FieldsOf gives an error's field errors, if it has any.
func FieldsOf(err error) []FieldError {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Fields
	}
	return nil
}

// Forbidden says that the actor lacks an authority, and names it.
func Forbidden(need Authority) error {
	if System.Includes(need) {
		return Denied(fmt.Sprintf("This needs the authority “%s”, which the staff of this portal hold alone: ask them.", need.Name()))
	}
	return &Error{Code: CodeForbidden, Message: fmt.Sprintf("This needs the authority “%s”. Ask an administrator for a role that includes it.", need.Name())}
}

// Denied says that a rule other than a missing authority forbids it.
func Denied(message string) error { return &Error{Code: CodeForbidden, Message: message} }

// NotFound says that there is no such thing ("user", "API key", …), or none
// that the actor may see: the two are not told apart.
func NotFound(noun Noun) error {
	return &Error{Code: CodeNotFound, Message: fmt.Sprintf("There is no such %s, or you may not see it.", noun.Label())}
}

// Conflict says that the thing's state does not allow what was asked for.
func Conflict(message string) error { return &Error{Code: CodeConflict, Message: message} }

// Stale says that the thing was changed by someone else since the form was
// opened.
func Stale(noun Noun) error {
	return Conflict(fmt.Sprintf("This %s was changed by someone else since you opened the form. Nothing was saved. Check what is there now, then try again.", noun.Label()))
}

// Unauthenticated says that nobody is signed in.
func Unauthenticated(message string) error {
	return &Error{Code: CodeUnauthenticated, Message: message}
}

// Unavailable says that the database cannot take the request now.
func Unavailable(message string, cause error) error {
	return &Error{Code: CodeUnavailable, Message: message, Cause: cause}
}

// Invalid collects what is wrong with the fields of a form.
type Invalid struct{ fields []FieldError }

// Add notes what is wrong with a field; the first message of a field stays.
func (v *Invalid) Add(field, message string) {
	for _, known := range v.fields {
		if known.Field == field {
			return
		}
	}
	v.fields = append(v.fields, FieldError{field, message})
}

// Check notes the message when the condition does not hold.
func (v *Invalid) Check(ok bool, field, message string) {
	if !ok {
		v.Add(field, message)
	}
}

// Include notes the field errors of an error, if it has any.
func (v *Invalid) Include(err error) {
	for _, field := range FieldsOf(err) {
		v.Add(field.Field, field.Message)
	}
}

// Err gives the error that carries all field errors, or nil when there is none.
func (v *Invalid) Err() error {
	if len(v.fields) == 0 {
		return nil
	}
	messages := make([]string, len(v.fields))
	for i, field := range v.fields {
		messages[i] = field.Message
	}
	return &Error{Code: CodeInvalid, Message: strings.Join(messages, " "), Fields: v.fields}
}

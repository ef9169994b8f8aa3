package portal_test

import (
	"reflect"
	"slices"
	"testing"

	"keyportal/internal/portal"
)

func wantEqual[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// wantCode fails when an error is not of a code; allowed stands for no error.
func wantCode(t *testing.T, what string, err error, code portal.Code) {
	t.Helper()
	if err == nil && code == allowed {
		return
	}
	if err == nil || portal.CodeOf(err) != code {
		t.Errorf("%s: the error is %v, want one of code %q", what, err, code)
	}
}

const allowed portal.Code = ""

// fieldsOf gives the fields in which something is wrong.
func fieldsOf(err error) []string {
	var fields []string
	for _, field := range portal.FieldsOf(err) {
		fields = append(fields, field.Field)
	}
	slices.Sort(fields)
	return fields
}

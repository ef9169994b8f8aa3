package portal_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"keyportal/internal/portal"
)

func TestAllFieldsThatAreWrongAreCollectedWithTheirFirstMessage(t *testing.T) {
	var invalid portal.Invalid
	invalid.Name("name", "name", "")
	invalid.Check(true, "staff", "Not this one.")
	invalid.Email("email", "nobody")
	invalid.Check(false, "name", "Nor this one: the field has a message.")
	err := invalid.Err()
	wantCode(t, "error", err, portal.CodeInvalid)
	wantEqual(t, "fields", portal.FieldsOf(err), []portal.FieldError{
		{Field: "name", Message: "Enter a name."},
		{Field: "email", Message: "Enter an e-mail address like name@example.com."},
	})
	wantEqual(t, "fields of a wrapped error", fieldsOf(fmt.Errorf("wrapped: %w", err)), []string{"email", "name"})
}

func TestNothingWrongIsNoError(t *testing.T) {
	var invalid portal.Invalid
	invalid.Check(true, "name", "All is well.")
	if err := invalid.Err(); err != nil {
		t.Errorf("the error is %v", err)
	}
}

func TestAnErrorKeepsItsCodeWhereverItIsWrapped(t *testing.T) {
	cause := errors.New("disk full")
	for what, test := range map[string]struct {
		err  error
		want portal.Code
	}{
		"nobody":      {portal.Unauthenticated("Log in."), portal.CodeUnauthenticated},
		"missing":     {portal.Forbidden(portal.ManageUsers), portal.CodeForbidden},
		"denied":      {portal.Denied("No."), portal.CodeForbidden},
		"not found":   {portal.NotFound(portal.NounKey), portal.CodeNotFound},
		"conflict":    {portal.Conflict("Again."), portal.CodeConflict},
		"stale":       {portal.Stale(portal.NounKey), portal.CodeConflict},
		"unavailable": {portal.Unavailable("Later.", cause), portal.CodeUnavailable},
		"any other":   {context.Canceled, portal.CodeInternal},
	} {
		wantEqual(t, what, portal.CodeOf(fmt.Errorf("wrapped: %w", test.err)), test.want)
	}
	if !errors.Is(portal.Unavailable("Later.", cause), cause) {
		t.Error("the cause is lost")
	}
}

func TestEveryOutcomeOfACheckHasASentence(t *testing.T) {
	seen := map[string]bool{}
	for _, code := range portal.CheckCodes {
		if message := code.Message(); message == "" || seen[message] {
			t.Errorf("%s says %q", code, message)
		}
		seen[code.Message()] = true
	}
}

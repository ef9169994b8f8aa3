package main

import (
	"context"
	"errors"
	"net/netip"
	"strconv"

	"keyportal/internal/manage"
	"keyportal/internal/verify"
)

// impersonatingKey is the sample's key that can impersonate.
const impersonatingKey = "Service desk"

// planImpersonation has support make a key that can impersonate, with which a program
// then acts as member.
func (s *sample) planImpersonation(printed *printedKeys) {
	s.plan(s.hoursAgo(1), "key "+impersonatingKey, func(ctx context.Context) error {
		acting, err := s.as(ctx, "support")
		if err != nil {
			return err
		}
		made, err := s.manager.CreateKey(acting, manage.NewKey{
			OrganizationID: s.organizations[gold], UserID: s.users["erp-xss"].ID, Name: impersonatingKey,
			Description: "Does in the name of users what they call the service desk about.", APISets: []string{"billing", "dunning"}, CanImpersonate: true,
		})
		printed.impersonating, printed.impersonated = made.Secret, s.users["member"].ID
		if err != nil {
			return err
		}
		decision, err := s.checker.Check(ctx, verify.Request{
			Credential: made.Secret.Reveal(), APISet: "billing", ClientIP: netip.MustParseAddr("198.51.100.20"),
			Impersonate: []string{strconv.FormatInt(printed.impersonated, 10)},
		})
		if err == nil && !decision.Valid() {
			err = errors.New(decision.Message)
		}
		return err
	})
}

package main

import (
	"context"
	"fmt"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

// addRequests has people request keys, and support work on the requests.
func (s *sample) addRequests(ctx context.Context) error {
	for _, request := range sampleRequests {
		if err := s.addRequest(ctx, request); err != nil {
			return fmt.Errorf("request of %s for %s: %w", request.requester, request.application, err)
		}
	}
	return nil
}

func (s *sample) addRequest(ctx context.Context, r sampleRequest) error {
	acting, err := s.as(ctx, r.requester)
	if err != nil {
		return err
	}
	license, err := s.manager.Store.LicenseByNumber(ctx, r.license)
	if err != nil {
		return err
	}
	s.clock.at = s.hoursAgo(r.hours)
	made, err := s.manager.CreateRequest(acting, manage.NewRequest{
		OrganizationID: license.OrganizationID, ApplicationID: s.applications[r.application], LicenseID: license.ID, Reason: r.reason,
	})
	if err != nil {
		return err
	}
	s.clock.at = s.clock.at.Add(20 * time.Minute)
	return s.decideRequest(ctx, r, made)
}

func (s *sample) decideRequest(ctx context.Context, r sampleRequest, made portal.Request) error {
	acting, err := s.as(ctx, "support")
	switch {
	case err != nil:
	case r.declined != "":
		err = s.manager.DeclineRequest(acting, made.ID, made.Version, r.declined)
	case r.question != "":
		err = s.manager.AskRequester(acting, made.ID, made.Version, r.question)
	case r.taken:
		err = s.manager.TakeRequest(acting, made.ID, made.Version)
	case r.approvedFor != nil:
		_, err = s.manager.ApproveRequest(acting, manage.Approval{
			ID: made.ID, Version: made.Version, Name: made.ApplicationName + " (" + made.Domain + ")", APISets: r.approvedFor, Note: "For the wholesale invoices alone.",
		})
	}
	return err
}

package main

import (
	"context"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

// planRequests has people request keys, and support work on the requests a little later.
func (s *sample) planRequests() {
	for _, request := range sampleRequests {
		what := "request of " + request.requester + " for " + request.application
		s.plan(s.hoursAgo(request.hours), what, func(ctx context.Context) error {
			made, err := s.addRequest(ctx, request)
			s.plan(s.clock.at.Add(20*time.Minute), what, func(ctx context.Context) error { return s.decideRequest(ctx, request, made) })
			return err
		})
	}
}

func (s *sample) addRequest(ctx context.Context, r sampleRequest) (portal.Request, error) {
	acting, err := s.as(ctx, r.requester)
	if err != nil {
		return portal.Request{}, err
	}
	license, err := s.manager.Store.LicenseByNumber(ctx, r.license)
	if err != nil {
		return portal.Request{}, err
	}
	return s.manager.CreateRequest(acting, manage.NewRequest{
		OrganizationID: license.OrganizationID, ApplicationID: s.applications[r.application], LicenseID: license.ID, Reason: r.reason,
	})
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

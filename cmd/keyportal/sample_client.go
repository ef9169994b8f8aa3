package main

import (
	"context"
	"errors"
	"net/netip"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/verify"
)

// planClients has clients' administrators make the OAuth clients of licenses.
func (s *sample) planClients(printed *printedKeys) {
	for _, client := range sampleClients {
		s.plan(s.daysOn(-client.made), "OAuth client of "+client.license, func(ctx context.Context) error {
			made, err := s.addClient(ctx, client)
			if client.license == printedClient {
				printed.client = made
			}
			return err
		})
	}
}

// addClient has a client's administrator make the OAuth client of a license, and
// programs get access tokens with it.
func (s *sample) addClient(ctx context.Context, client sampleClient) (manage.GeneratedKey, error) {
	acting, err := s.as(ctx, client.user)
	if err != nil {
		return manage.GeneratedKey{}, err
	}
	license, err := s.manager.Store.LicenseByNumber(ctx, client.license)
	if err != nil {
		return manage.GeneratedKey{}, err
	}
	made, err := s.manager.CreateKey(acting, manage.NewKey{
		Kind: portal.OAuthKey, OrganizationID: license.OrganizationID, LicenseID: license.ID, UserID: s.users[client.user].ID,
		Name: "OAuth client " + license.Number, APISets: client.sets,
	})
	if err != nil {
		return made, err
	}
	for _, use := range client.uses {
		s.clock.at = s.hoursAgo(use.hours)
		_, decision, err := s.checker.IssueToken(ctx, verify.TokenRequest{
			ClientRequest: verify.ClientRequest{ID: made.PublicID, Secret: made.Secret.Reveal(), ClientIP: netip.MustParseAddr(use.from)}, Agent: use.agent,
		})
		if err == nil && !decision.Valid() {
			err = errors.New(decision.Message)
		}
		if err != nil {
			return made, err
		}
	}
	if client.perDay == 0 {
		return made, nil
	}
	return made, s.keepBusy(ctx, made.ID, client.perDay, client.made, client.uses[len(client.uses)-1].hours)
}

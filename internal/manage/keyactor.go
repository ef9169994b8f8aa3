package manage

import (
	"context"
	"slices"

	"keyportal/internal/portal"
)

// KeyActor gives who acts through an API key, an access token or a key pair that the
// check has accepted for the API set Key Portal API: the key's mapped user or, where the
// request impersonates, that one. They act in the key's organization alone (staff in all,
// as ever), and reach no more than the key does. For who has checked the credential.
func (m *Manager) KeyActor(ctx context.Context, subject portal.Subject) (portal.Actor, error) {
	id := subject.UserID
	if subject.Impersonates() {
		id = subject.Impersonated.ID
	}
	user, err := m.Store.User(ctx, id)
	if err != nil {
		return portal.Actor{}, err
	}
	actor, err := m.actorOf(ctx, user)
	if err != nil {
		return portal.Actor{}, err
	}
	if subject.Impersonates() {
		own, err := m.Store.User(ctx, subject.UserID)
		if err != nil {
			return portal.Actor{}, err
		}
		actor.Impersonator = portal.Impersonator{UserID: own.ID, Name: own.Name()}
	}
	actor.OrganizationID, actor.KeyID, actor.KeyName = subject.OrganizationID, subject.KeyID, subject.KeyName
	actor.Bounds = portal.Bounds{
		APISets: map[string]bool{}, ExpiresAt: subject.ExpiresAt(), Passing: subject.Passing(), LicenseID: subject.LicenseID,
		Networks: slices.Clone(subject.AllowedNetworks), RateLimit: subject.RateLimit,
	}
	for _, slug := range subject.APISets {
		actor.Bounds.APISets[slug] = true
	}
	grant := portal.Grant{Authorities: actor.Grants[subject.OrganizationID].Authorities, APISets: actor.Bounds.APISets}
	actor.Grants = map[int64]portal.Grant{subject.OrganizationID: grant}
	return actor, nil
}

package manage

import (
	"context"

	"keyportal/internal/portal"
)

// OAuthClient is the OAuth client of a license: the Client ID (OAuth) and what
// people may know of its Client Secret.
type OAuthClient struct {
	License   portal.License
	Instances []portal.Instance // that share it
	Key       portal.Key        // zero: it was not made yet
	Secrets   []portal.Secret   // live, the current one first
	Uses      []portal.ClientUse
	Rotatable error // nil when the actor may give it a new secret; else why not
	Viewable  bool  // the actor can be shown the current secret again
}

// OAuthClient finds the OAuth client of a license. For who may Manage Client Secret
// in its organization; a license of another organization is not found.
func (m *Manager) OAuthClient(ctx context.Context, license int64) (OAuthClient, error) {
	var client OAuthClient
	var err error
	if client.License, err = m.visibleLicense(ctx, license); err != nil {
		return client, err
	}
	if err := portal.Can(portal.ActorFrom(ctx), portal.ViewClientSecret, client.License.OrganizationID); err != nil {
		return OAuthClient{}, err
	}
	if client.Instances, err = m.Store.Instances(ctx, license); err != nil {
		return client, err
	}
	if client.Key, err = m.Store.OAuthKey(ctx, license); portal.CodeOf(err) == portal.CodeNotFound {
		client.Key = portal.Key{}
		return client, nil
	}
	if err != nil {
		return client, err
	}
	if client.Rotatable, err = rotatable(ctx, m.Store.Queries, client.Key); err != nil {
		return client, err
	}
	sealed, err := sealedSecret(ctx, m.Store.Queries, client.Key)
	if err != nil {
		return client, err
	}
	client.Viewable = client.Rotatable == nil && sealed.ID != 0
	client.Secrets, client.Uses, err = m.secretsInUse(ctx, client.Key.ID)
	return client, err
}

const administratorsNamed = 20

// SecretKeepers lists those who may Manage Client Secret in an organization, whom
// others can ask. For its members and for staff.
func (m *Manager) SecretKeepers(ctx context.Context, organization int64) ([]portal.User, error) {
	if _, err := m.Organization(ctx, organization); err != nil {
		return nil, err
	}
	return m.Store.Holders(ctx, organization, []portal.Authority{portal.Administration, portal.Licensing, portal.ViewClientSecret}, administratorsNamed)
}

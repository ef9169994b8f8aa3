package manage

import (
	"context"

	"keyportal/internal/portal"
)

// Revisions lists lines of the Revision History, the newest first. Of one key and of
// one request: for who may see it. Of one license: for who may see it and View
// Revision History there. About one user: one's own lines, or, with View Revision
// History in the organization that the actor is working in, those of the installation
// and of this organization, unless the filter names other organizations where the
// actor holds the same. Everything else: with View Revision History in each
// organization that the filter names, and in the installation when it names none. The
// things of others are not found.
func (m *Manager) Revisions(ctx context.Context, filter portal.RevisionFilter) (portal.Page[portal.Revision], error) {
	filter, err := m.visibleHistory(ctx, filter)
	if err != nil {
		return portal.Page[portal.Revision]{}, err
	}
	return m.Store.Revisions(ctx, filter)
}

// visibleHistory gives the filter with no more left in it than the actor may see.
func (m *Manager) visibleHistory(ctx context.Context, filter portal.RevisionFilter) (portal.RevisionFilter, error) {
	actor := portal.ActorFrom(ctx)
	if err := signedIn(actor); err != nil {
		return filter, err
	}
	switch {
	case filter.UserID != 0:
		return m.historyAbout(ctx, filter)
	case filter.NounID != 0 && filter.Noun == portal.NounKey:
		_, err := m.visibleKey(ctx, filter.NounID)
		return filter, err
	case filter.NounID != 0 && filter.Noun == portal.NounRequest:
		_, err := m.visibleRequest(ctx, m.Store.Queries, filter.NounID)
		return filter, err
	case filter.NounID != 0 && filter.Noun == portal.NounLicense:
		license, err := m.visibleLicense(ctx, filter.NounID)
		if err == nil {
			err = portal.Can(actor, portal.ViewLicenses, license.OrganizationID)
		}
		if err == nil {
			err = portal.Can(actor, portal.ViewHistory, license.OrganizationID)
		}
		return filter, err
	}
	return filter, canSeeHistoryOf(actor, filter.Organizations)
}

// historyAbout answers for the lines about one user.
func (m *Manager) historyAbout(ctx context.Context, filter portal.RevisionFilter) (portal.RevisionFilter, error) {
	actor := portal.ActorFrom(ctx)
	if _, err := m.User(ctx, filter.UserID); err != nil {
		return filter, err
	}
	if actor.Holds(portal.ViewHistory, 0) || filter.UserID == actor.UserID && actor.KeyID == 0 {
		return filter, nil
	}
	if filter.UserID == actor.UserID {
		return ownHistory(actor, filter)
	}
	if err := portal.Can(actor, portal.ViewHistory, actor.OrganizationID); err != nil {
		return filter, err
	}
	if len(filter.Organizations) == 0 {
		filter.Organizations = []int64{0, actor.OrganizationID}
	}
	for _, organization := range filter.Organizations {
		if organization == 0 { // of who may be seen, the account may be too
			continue
		}
		if err := portal.Can(actor, portal.ViewHistory, organization); err != nil {
			return filter, err
		}
	}
	return filter, nil
}

// ownHistory answers for the lines about the user of a key: of the account, and of the
// key's organization.
func ownHistory(actor portal.Actor, filter portal.RevisionFilter) (portal.RevisionFilter, error) {
	if len(filter.Organizations) == 0 {
		filter.Organizations = []int64{0, actor.OrganizationID}
	}
	for _, organization := range filter.Organizations {
		if organization != 0 && !actor.Finds(organization) {
			return filter, portal.NotFound(portal.NounOrganization)
		}
	}
	return filter, nil
}

// canSeeHistoryOf answers whether the actor may see all lines of organizations; with
// none, of all and of the installation.
func canSeeHistoryOf(actor portal.Actor, organizations []int64) error {
	if len(organizations) == 0 {
		return portal.Can(actor, portal.ViewHistory, 0)
	}
	for _, organization := range organizations {
		if organization != 0 && !actor.CanSee(organization) {
			return portal.NotFound(portal.NounOrganization)
		}
		if err := portal.Can(actor, portal.ViewHistory, organization); err != nil {
			return err
		}
	}
	return nil
}

// newest lists the last lines of a thing that the actor may see.
func (m *Manager) newest(ctx context.Context, noun portal.Noun, id int64) ([]portal.Revision, error) {
	found, err := m.Store.Revisions(ctx, portal.RevisionFilter{Noun: noun, NounID: id})
	return found.Rows, err
}

// VerifyChain recomputes the Revision History's chain and gives its head. The error is
// a *portal.BrokenChain when it was tampered with, or does not lead to one of the heads
// that were kept elsewhere. For who holds System, and the command line.
func (m *Manager) VerifyChain(ctx context.Context, kept ...portal.Head) (portal.Head, error) {
	if err := portal.Can(portal.ActorFrom(ctx), portal.System, 0); err != nil {
		return portal.Head{}, err
	}
	return m.Store.VerifyChain(ctx, kept...)
}

// Head gives the end of the Revision History as it is recorded, without verifying
// anything. For who holds System, and the command line.
func (m *Manager) Head(ctx context.Context) (portal.Head, error) {
	if err := portal.Can(portal.ActorFrom(ctx), portal.System, 0); err != nil {
		return portal.Head{}, err
	}
	return m.Store.Head(ctx)
}

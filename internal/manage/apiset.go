package manage

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

// APISets lists all API sets, those in use first. For everybody who is signed
// in: names and descriptions are the vendor's public offer.
func (m *Manager) APISets(ctx context.Context) ([]portal.APISet, error) {
	if err := signedIn(portal.ActorFrom(ctx)); err != nil {
		return nil, err
	}
	return m.Store.APISets(ctx)
}

// APISetDetails is an API set with what stands on it.
type APISetDetails struct {
	portal.APISet
	Roles    []portal.Role // that allow it
	Keys     []portal.Key  // some of the keys that are not revoked and were granted it
	KeyCount int           // all of them
}

const keysShown = 20

// APISet finds an API set with the roles that allow it and the keys that would
// lose it. For who may Manage API Sets.
func (m *Manager) APISet(ctx context.Context, id int64) (APISetDetails, error) {
	var details APISetDetails
	if err := portal.Can(portal.ActorFrom(ctx), portal.ManageAPISets, 0); err != nil {
		return details, err
	}
	var err error
	if details.APISet, err = m.Store.APISet(ctx, id); err != nil {
		return details, err
	}
	if details.Roles, err = m.Store.RolesWithAPISet(ctx, id); err != nil {
		return details, err
	}
	details.Keys, details.KeyCount, err = m.Store.KeysLosing(ctx, id, keysShown)
	return details, err
}

// APISetInput is what an API set is made of.
type APISetInput struct {
	ID, Version int64 // of the set that is edited
	Submission  Submission
	Slug        string
	Name        string
	Description string
	Routes      string // a pattern a line
}

// CreateAPISet makes an API set. For who may Manage API Sets.
func (m *Manager) CreateAPISet(ctx context.Context, in APISetInput) (portal.APISet, error) {
	var made portal.APISet
	err := m.changeAPISets(ctx, func(c *store.Change) error {
		return once(ctx, c, in.Submission, portal.NounAPISet, &made, c.APISet, func() (int64, error) {
			set, err := checkAPISet(ctx, c, portal.APISet{}, in)
			if err != nil {
				return 0, err
			}
			if made, err = c.InsertAPISet(ctx, set); err != nil {
				return 0, err
			}
			return made.ID, c.Record(ctx, apiSetRevision(made, "created", portal.Diff(nil, made.Record())))
		})
	})
	return made, err
}

// EnsurePortalAPI makes the API set Key Portal API where there is none. For the
// program's start.
func (m *Manager) EnsurePortalAPI(ctx context.Context) error {
	if err := portal.Can(portal.ActorFrom(ctx), portal.ManageAPISets, 0); err != nil {
		return err
	}
	// A program whose database can't be written starts all the same.
	if sets, err := m.Store.APISets(ctx); err != nil || hasPortalAPI(sets) {
		return err
	}
	return m.changeAPISets(ctx, func(c *store.Change) error {
		sets, err := c.APISets(ctx)
		if err != nil {
			return err
		}
		if hasPortalAPI(sets) {
			return errUnchanged
		}
		in := PortalAPI
		for n := 2; slices.ContainsFunc(sets, func(set portal.APISet) bool { return portal.Fold(set.Name) == portal.Fold(in.Name) }); n++ {
			in.Name = fmt.Sprintf("%s %d", PortalAPI.Name, n)
		}
		set, err := checkAPISet(ctx, c, portal.APISet{}, in)
		if err != nil {
			return err
		}
		made, err := c.InsertAPISet(ctx, set)
		if err != nil {
			return err
		}
		return c.Record(ctx, apiSetRevision(made, "created", portal.Diff(nil, made.Record())))
	})
}

func hasPortalAPI(sets []portal.APISet) bool {
	return slices.ContainsFunc(sets, func(set portal.APISet) bool { return set.Slug == portal.PortalAPI })
}

// PortalAPI is the API set by which keys may use the portal's own API.
var PortalAPI = APISetInput{Slug: portal.PortalAPI, Name: "Key Portal API", Description: "Key Portal itself: users, keys, licenses and requests.", Routes: "/api/v1/"}

// UpdateAPISet edits an API set. For who may Manage API Sets.
func (m *Manager) UpdateAPISet(ctx context.Context, in APISetInput) error {
	return m.changeAPISets(ctx, func(c *store.Change) error {
		was, err := c.APISet(ctx, in.ID)
		if err != nil {
			return err
		}
		set, err := checkAPISet(ctx, c, was, in)
		if err != nil {
			return err
		}
		set.Version = in.Version
		return putAPISet(ctx, c, was, set, "edited")
	})
}

// RetireAPISet takes an API set away from all keys; it can be put back into
// use. Its name must be typed to confirm. For who may Manage API Sets.
func (m *Manager) RetireAPISet(ctx context.Context, id, version int64, typed string) error {
	return m.changeAPISets(ctx, func(c *store.Change) error {
		was, err := c.APISet(ctx, id)
		if err != nil {
			return err
		}
		if err := confirm(typed, was.Name); err != nil {
			return err
		}
		if was.Retired() {
			return errUnchanged
		}
		set := was
		set.Version, set.RetiredAt = version, c.Now()
		return putAPISet(ctx, c, was, set, "retired")
	})
}

// RestoreAPISet puts a retired API set back into use: keys that were granted it
// reach it again. For who may Manage API Sets.
func (m *Manager) RestoreAPISet(ctx context.Context, id, version int64) error {
	return m.changeAPISets(ctx, func(c *store.Change) error {
		was, err := c.APISet(ctx, id)
		if err != nil {
			return err
		}
		set := was
		set.Version = version
		set.RetiredAt = portal.APISet{}.RetiredAt
		if err := checkRoutes(ctx, c, set); err != nil {
			return portal.Conflict("This API set can't be put back into use: " + err.Error() + ". Edit its route patterns first.")
		}
		return putAPISet(ctx, c, was, set, "put back into use")
	})
}

func (m *Manager) changeAPISets(ctx context.Context, fn func(*store.Change) error) error {
	if err := portal.Can(portal.ActorFrom(ctx), portal.ManageAPISets, 0); err != nil {
		return err
	}
	return m.change(ctx, fn)
}

func putAPISet(ctx context.Context, c *store.Change, was, set portal.APISet, action string) error {
	changes := portal.Diff(was.Record(), set.Record())
	if len(changes) == 0 && set.Version == was.Version {
		return errUnchanged
	}
	if err := checkShape(ctx, c.Queries, was, set); err != nil {
		return err
	}
	if err := c.UpdateAPISet(ctx, set); err != nil {
		return err
	}
	return c.Record(ctx, apiSetRevision(set, action, changes))
}

// checkShape refuses through a key what would have that one reach something else.
func checkShape(ctx context.Context, q store.Queries, was, set portal.APISet) error {
	actor := portal.ActorFrom(ctx)
	same := was.Slug == set.Slug && slices.Equal(was.Routes, set.Routes) && (set.Retired() || !was.Retired())
	if same || actor.KeyID == 0 {
		return nil
	}
	key, err := q.Key(ctx, actor.KeyID)
	if err != nil {
		return err
	}
	return portal.CanReshape(actor, key.APISets, set)
}

// checkAPISet validates what was entered and gives the set as it would be.
func checkAPISet(ctx context.Context, c *store.Change, was portal.APISet, in APISetInput) (portal.APISet, error) {
	var invalid portal.Invalid
	set := was
	set.Slug = strings.TrimSpace(in.Slug)
	set.Name = invalid.Name("name", "name", in.Name)
	set.Description = invalid.Description("description", "description", in.Description)
	set.Routes = lines(in.Routes)
	invalid.Check(was.Slug != portal.PortalAPI || set.Slug == was.Slug, "slug", "The slug of the portal's own API stays “"+portal.PortalAPI+"”: by it the portal knows which keys may use the API. Retire the API set to close the API to keys.")
	invalid.Check(portal.ValidSlug(set.Slug), "slug", "The slug is made of lower-case letters, digits and single hyphens, 64 characters at most, like revenue-management.")
	others, err := c.APISets(ctx)
	if err != nil {
		return set, err
	}
	for _, other := range others {
		invalid.Check(other.ID == set.ID || other.Slug != set.Slug, "slug", "There is an API set with this slug already. Choose another.")
		invalid.Check(other.ID == set.ID || portal.Fold(other.Name) != portal.Fold(set.Name), "name", "There is an API set with this name already. Choose another.")
	}
	if err := checkRoutes(ctx, c, set); err != nil {
		invalid.Add("routes", "This route pattern can't be used: "+err.Error()+".")
	}
	return set, invalid.Err()
}

// checkRoutes finds a pattern that is malformed, or overlaps one of another set.
func checkRoutes(ctx context.Context, c *store.Change, set portal.APISet) error {
	others, err := c.APISets(ctx)
	if err != nil {
		return err
	}
	others = slices.DeleteFunc(others, func(other portal.APISet) bool { return other.ID == set.ID })
	_, err = portal.NewRouter(append(others, set))
	return err
}

// chooseAPISets finds the API sets of slugs. A retired one can stay where it is
// but not be added.
func chooseAPISets(ctx context.Context, q store.Queries, invalid *portal.Invalid, slugs []string, held []portal.APISet) ([]portal.APISet, error) {
	all, err := q.APISets(ctx)
	if err != nil {
		return nil, err
	}
	var chosen []portal.APISet
	for _, set := range all {
		switch {
		case !slices.Contains(slugs, set.Slug):
		case set.Retired() && !portal.HasAPISet(held, set):
			invalid.Add("api_set", "The API set “"+set.Name+"” was retired. Choose another.")
		default:
			chosen = append(chosen, set)
		}
	}
	for _, slug := range slugs {
		known := slices.ContainsFunc(all, func(set portal.APISet) bool { return set.Slug == slug })
		invalid.Check(known, "api_set", "There is no API set “"+clip(slug, portal.MaxName)+"”. Give the slugs of API sets that there are.")
	}
	return chosen, nil
}

func apiSetRevision(set portal.APISet, action string, changes []portal.ValueChange) portal.Revision {
	return portal.Revision{Noun: portal.NounAPISet, NounID: set.ID, NounName: set.Name, Action: action, Changes: changes}
}

func lines(text string) []string {
	var kept []string
	for line := range strings.Lines(text) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			kept = append(kept, line)
		}
	}
	return kept
}

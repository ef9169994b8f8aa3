package store_test

import (
	"slices"
	"strings"
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// With a million rows a page must cost no more than with a thousand: it goes by
// an index that has its order, and by indices alone to what it joins.
func TestFirstPagesAndTheCheckGoByIndices(t *testing.T) {
	s := storetest.SQLite(t)
	f := storetest.NewFixture(t, s)
	ctx, organization := t.Context(), f.Organization.ID
	keys := func(filter portal.KeyFilter) func(store.Queries) error {
		return func(q store.Queries) error {
			_, err := q.Keys(ctx, filter)
			return err
		}
	}
	next := portal.List{After: must[portal.Page[portal.Key]](t)(twoKeys(t, s, f)).Next, Limit: 1}
	for what, test := range map[string]struct {
		read  func(store.Queries) error
		first string // what the first step goes by
	}{
		"an organization's keys":       {keys(portal.KeyFilter{OrganizationID: organization}), "keys_organization_name (organization_id=?)"},
		"the same, backwards":          {keys(portal.KeyFilter{OrganizationID: organization, List: portal.List{Sort: portal.Sort{Desc: true}}}), "keys_organization_name (organization_id=?)"},
		"the same, the next page":      {keys(portal.KeyFilter{OrganizationID: organization, List: next}), "keys_organization_name (organization_id=? AND name_folded>?)"},
		"the same, of one state":       {keys(portal.KeyFilter{OrganizationID: organization, State: portal.KeyActive}), "keys_organization_name (organization_id=?)"},
		"a user's keys":                {keys(portal.KeyFilter{OrganizationID: organization, UserID: f.User.ID}), "keys_user_name (user_id=? AND organization_id=?)"},
		"all keys":                     {keys(portal.KeyFilter{}), "SCAN k USING INDEX keys_name"},
		"all users":                    {func(q store.Queries) error { _, err := q.Users(ctx, portal.UserFilter{}); return err }, "SCAN u USING INDEX sqlite_autoindex_users_1"},
		"all organizations":            {func(q store.Queries) error { _, err := q.Organizations(ctx, portal.List{}); return err }, "SCAN o USING INDEX sqlite_autoindex_organizations_1"},
		"the check's subject":          {func(q store.Queries) error { _, err := q.Subject(ctx, f.Secret.Hash()); return err }, "sqlite_autoindex_secrets_1 (hash=?)"},
		"the history of a thing":       {func(q store.Queries) error { _, err := q.RevisionsOf(ctx, portal.NounUser, 1, 10); return err }, "revisions_noun (noun=? AND noun_id=?)"},
		"the history of a user":        {func(q store.Queries) error { _, err := q.RevisionsAbout(ctx, 1, 1, 10); return err }, "revisions_user (user_id=?)"},
		"the version of the API sets":  {func(q store.Queries) error { _, err := q.APISetsVersion(ctx); return err }, "revisions_noun (noun=?)"},
		"the keys losing an API set":   {func(q store.Queries) error { _, _, err := q.KeysLosing(ctx, f.Billing.ID, 9); return err }, "k USING INTEGER PRIMARY KEY"},
		"the other super admins":       {func(q store.Queries) error { _, err := q.EnabledSuperAdmins(ctx, 1); return err }, "users_super_admins"},
		"what a user holds":            {func(q store.Queries) error { _, err := q.Grants(ctx, f.User.ID); return err }, "memberships_user (user_id=?)"},
		"a key, and when it was used":  {func(q store.Queries) error { _, err := q.Key(ctx, f.Key.ID); return err }, "k USING INTEGER PRIMARY KEY"},
		"an organization's key counts": {func(q store.Queries) error { _, _, err := q.KeyCounts(ctx, organization, 0, s.Now()); return err }, "COVERING INDEX keys_organization (organization_id=? AND revoked_at=?)"},
	} {
		plans, err := s.Plans(ctx, test.read)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plans[0].Text, test.first) {
			t.Errorf("%s does not go by %s:\n%s", what, test.first, plans[0].Text)
		}
		if slices.Contains(plans[0].Steps, "USE TEMP B-TREE FOR ORDER BY") {
			t.Errorf("%s puts in order what an index has in order:\n%s", what, plans[0].Text)
		}
		for _, plan := range plans {
			for step := range strings.Lines(plan.Text) {
				if strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "USING INDEX") {
					t.Errorf("%s reads a whole table: %s%s", what, step, plan.Statement)
				}
			}
		}
	}
}

func twoKeys(t *testing.T, s *store.Store, f storetest.Fixture) (portal.Page[portal.Key], error) {
	t.Helper()
	storetest.Key(t, s, f.Membership)
	return s.Keys(t.Context(), portal.KeyFilter{OrganizationID: f.Organization.ID, List: portal.List{Limit: 1}})
}

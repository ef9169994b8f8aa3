package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
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
	requests := func(filter portal.RequestFilter) func(store.Queries) error {
		return func(q store.Queries) error {
			_, err := q.Requests(ctx, filter)
			return err
		}
	}
	_, tokenHash := accessToken(t, s, f.Secret, "billing")
	storetest.ImportedKey(t, s, f.Membership, "an old key")
	oauthKey(t, s, f.Membership, f.License)
	addRequest(t, s, f, func(*portal.Request) {})
	addRequest(t, s, f, func(x *portal.Request) { x.ApplicationID = 2 })
	addLink(t, s, func(l *portal.Link) { l.Purpose, l.UserID, l.KeyID = portal.DeliveryLink, f.User.ID, f.Key.ID })
	nextRequest := portal.List{After: must[portal.Page[portal.Request]](t)(s.Requests(ctx, portal.RequestFilter{List: portal.List{Limit: 1}})).Next, Limit: 1}
	next := portal.List{After: must[portal.Page[portal.Key]](t)(twoKeys(t, s, f)).Next, Limit: 1}
	for what, test := range map[string]struct {
		read  func(store.Queries) error
		first string // what the first step goes by
	}{
		"an organization's keys":        {keys(portal.KeyFilter{OrganizationID: organization}), "keys_organization_name (organization_id=?)"},
		"the same, backwards":           {keys(portal.KeyFilter{OrganizationID: organization, List: portal.List{Sort: portal.Sort{Desc: true}}}), "keys_organization_name (organization_id=?)"},
		"the same, the next page":       {keys(portal.KeyFilter{OrganizationID: organization, List: next}), "keys_organization_name (organization_id=? AND name_folded>?)"},
		"the same, of one state":        {keys(portal.KeyFilter{OrganizationID: organization, State: portal.KeyActive}), "keys_organization_name (organization_id=?)"},
		"a user's keys":                 {keys(portal.KeyFilter{OrganizationID: organization, UserID: f.User.ID}), "keys_user_name (user_id=? AND organization_id=?)"},
		"all keys":                      {keys(portal.KeyFilter{}), inOrder},
		"all users":                     {func(q store.Queries) error { _, err := q.Users(ctx, portal.UserFilter{}); return err }, "SCAN u USING INDEX sqlite_autoindex_users_1"},
		"all organizations":             {func(q store.Queries) error { _, err := q.Organizations(ctx, portal.List{}); return err }, "SCAN o USING INDEX sqlite_autoindex_organizations_1"},
		"the check's subject":           {func(q store.Queries) error { _, err := q.Subject(ctx, f.Secret.Hash()); return err }, "sqlite_autoindex_secrets_1 (hash=?)"},
		"the subject as another user":   {func(q store.Queries) error { _, err := q.SubjectAs(ctx, f.Secret.Hash(), f.Admin.ID); return err }, "sqlite_autoindex_secrets_1 (hash=?)"},
		"a token's, as another user":    {func(q store.Queries) error { _, err := q.TokenSubjectAs(ctx, tokenHash, f.Admin.ID); return err }, "t USING INDEX sqlite_autoindex_access_tokens_1 (hash=?)"},
		"the keys that can impersonate": {keys(portal.KeyFilter{CanImpersonate: true}), "USING INDEX keys_impersonating"},
		"the live ones, backwards":      {keys(portal.KeyFilter{CanImpersonate: true, Live: true, List: portal.List{Sort: portal.Sort{Desc: true}}}), "USING INDEX keys_impersonating"},
		"the next of them":              {keys(portal.KeyFilter{CanImpersonate: true, List: next}), "keys_impersonating (name_folded>?)"},
		"an imported key's subject":     {func(q store.Queries) error { _, err := q.ImportedSubject(ctx, secret.HashOf("an old key")); return err }, "sqlite_autoindex_secrets_1 (hash=?)"},
		"whether keys were imported":    {func(q store.Queries) error { _, err := q.AnyImported(ctx); return err }, "SCAN secrets USING INDEX secrets_imported"},
		"the version of the API sets":   {func(q store.Queries) error { _, err := q.APISetsVersion(ctx); return err }, "revisions_noun_order (noun=?)"},
		"the keys losing an API set":    {func(q store.Queries) error { _, _, err := q.KeysLosing(ctx, f.Billing.ID, 9); return err }, "k USING INTEGER PRIMARY KEY"},
		"the other super admins":        {func(q store.Queries) error { _, err := q.EnabledSuperAdmins(ctx, 1); return err }, "users_super_admins"},
		"what a user holds":             {func(q store.Queries) error { _, err := q.Grants(ctx, f.User.ID); return err }, "memberships_user (user_id=?)"},
		"a key, and when it was used":   {func(q store.Queries) error { _, err := q.Key(ctx, f.Key.ID); return err }, "k USING INTEGER PRIMARY KEY"},
		"an organization's key counts":  {func(q store.Queries) error { _, _, err := q.KeyCounts(ctx, organization, 0, s.Now()); return err }, "COVERING INDEX keys_organization (organization_id=? AND revoked_at=?)"},
		"the subject of a token":        {func(q store.Queries) error { _, err := q.TokenSubject(ctx, tokenHash); return err }, "t USING INDEX sqlite_autoindex_access_tokens_1 (hash=?)"},
		"the organizations of a search": {func(q store.Queries) error { _, err := q.Organizations(ctx, portal.List{Search: "client"}); return err }, "SCAN o USING INDEX sqlite_autoindex_organizations_1"},
		"an organization's figures":     {func(q store.Queries) error { _, err := q.OrganizationFigures(ctx, organization); return err }, "r USING INDEX revisions_organization (organization_id=?)"},
		"the organizations of a level":  {func(q store.Queries) error { _, _, err := q.OrganizationsAbove(ctx, 3, 0, 9); return err }, "COVERING INDEX organizations_level (level_id=?)"},
		"all requests":                  {requests(portal.RequestFilter{}), "SCAN x USING INDEX requests_age"},
		"the requests of one state":     {requests(portal.RequestFilter{State: portal.RequestApproved}), "x USING INDEX requests_state (state=?)"},
		"the pending requests":          {requests(portal.RequestFilter{Pending: true}), "SCAN x USING INDEX requests_queue"},
		"these backwards":               {requests(portal.RequestFilter{Pending: true, List: portal.List{Sort: portal.Sort{Desc: true}}}), "SCAN x USING INDEX requests_queue"},
		"the next of these":             {requests(portal.RequestFilter{Pending: true, List: nextRequest}), "x USING INDEX requests_queue (<expr>>?)"},
		"a client's pending requests":   {func(q store.Queries) error { _, err := q.PendingRequests(ctx, organization); return err }, "x USING INDEX requests_organization (organization_id=?)"},
		"the pending request":           {func(q store.Queries) error { _, err := q.PendingRequest(ctx, 1, f.License.ID); return err }, "x USING INDEX requests_pending (application_id=? AND license_id=?)"},
		"how many requests wait":        {func(q store.Queries) error { _, err := q.OpenRequests(ctx); return err }, "COVERING INDEX requests_state (state=?)"},
		"how many wait for a user":      {func(q store.Queries) error { _, err := q.AskedRequests(ctx, organization, f.User.ID); return err }, "requests_requester (requester_id=?)"},
		"the delivery of a key":         {func(q store.Queries) error { _, err := q.Delivery(ctx, f.Key.ID); return err }, "links_delivery (key_id=?)"},
		"the key for an application":    {func(q store.Queries) error { _, err := q.LiveKeyFor(ctx, f.Application.ID, f.License.ID); return err }, "k USING INDEX keys_live_application (application_id=? AND license_id=?)"},
		"the keys for an application":   {func(q store.Queries) error { _, err := q.KeysFor(ctx, f.Application.ID); return err }, "keys_application (application_id=?)"},
		"a license's OAuth client":      {func(q store.Queries) error { _, err := q.OAuthKey(ctx, f.License.ID); return err }, "keys_live_oauth (license_id=?)"},
	} {
		plan := wantPlan(t, s, what, test.read, test.first)[0]
		if slices.Contains(plan.Steps, "USE TEMP B-TREE FOR ORDER BY") {
			t.Errorf("%s puts in order what an index has in order:\n%s", what, plan.Text)
		}
	}
}

// fillHistory adds lines of 20 organizations, 50 users and 100 keys, an hour apart.
// They are not on the chain.
func fillHistory(t *testing.T, s *store.Store, lines int) {
	t.Helper()
	storetest.Exec(t, storetest.SQL(t, s), `INSERT INTO revisions (id, at, actor_id, actor_name, key_id, key_name, impersonator_id, impersonator_name,
			address, organization_id, noun, noun_id, noun_name, user_id, action, changes, mac)
		WITH RECURSIVE n(i) AS (SELECT CAST(1000000 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		SELECT i, i * 3600000000, i % 50, 'A', CASE WHEN i % 10 = 0 THEN i % 100 ELSE 0 END, '', 0, '', '', i % 20,
			CASE WHEN i % 1000 = 0 THEN 'level' WHEN i % 3 = 0 THEN 'key' ELSE 'user' END, i % 400, '', i % 50, 'edited', 'null', '' FROM n`, 1000000+lines-1)
	storetest.Exec(t, storetest.SQL(t, s), `ANALYZE revisions`)
}

// Each page of the history goes by one index to its lines, which has them in order.
func TestPagesOfTheHistoryGoByIndices(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		sqlite := storetest.Of(s).Engine == storetest.SQLiteEngine
		fillHistory(t, s, 20000)
		at := func(line int64) time.Time { return time.UnixMicro(line * 3600000000) }
		next := must[portal.Page[portal.Revision]](t)(s.Revisions(t.Context(), portal.RevisionFilter{List: portal.List{Limit: 1}})).Next
		for what, test := range map[string]struct {
			filter portal.RevisionFilter
			first  string // what SQLite goes by
		}{
			"all":                       {portal.RevisionFilter{}, "SCAN revisions USING INDEX sqlite_autoindex_revisions_1"},
			"the next page":             {portal.RevisionFilter{List: portal.List{After: next}}, "sqlite_autoindex_revisions_1 (id<?)"},
			"an organization":           {portal.RevisionFilter{Organizations: []int64{7}}, "revisions_organization (organization_id=?)"},
			"its next page":             {portal.RevisionFilter{Organizations: []int64{7}, List: portal.List{After: next}}, "revisions_organization (organization_id=? AND id<?)"},
			"what":                      {portal.RevisionFilter{Organizations: []int64{7}, Noun: portal.NounKey}, "revisions_organization_noun (organization_id=? AND noun=?)"},
			"what, everywhere":          {portal.RevisionFilter{Noun: portal.NounKey}, "revisions_noun_order (noun=?)"},
			"a thing":                   {portal.RevisionFilter{Noun: portal.NounKey, NounID: 12}, "revisions_noun (noun=? AND noun_id=? AND id>?)"},
			"about a user":              {portal.RevisionFilter{UserID: 3, Organizations: []int64{0, 3}}, "revisions_user (user_id=?)"},
			"who":                       {portal.RevisionFilter{Actor: "ada"}, "revisions_actor (actor_id=?)"},
			"who, in an organization":   {portal.RevisionFilter{Actor: "ada", Organizations: []int64{7}, Noun: portal.NounKey}, "revisions_organization_actor (organization_id=? AND actor_id=?)"},
			"through a key":             {portal.RevisionFilter{KeyID: 20, Organizations: []int64{0}}, "revisions_key (key_id=?)"},
			"since":                     {portal.RevisionFilter{Since: at(1019000)}, "sqlite_autoindex_revisions_1 (id>?)"},
			"between":                   {portal.RevisionFilter{Since: at(1005000), Until: at(1005100)}, "sqlite_autoindex_revisions_1 (id>? AND id<?)"},
			"until, in an organization": {portal.RevisionFilter{Until: at(1005000), Organizations: []int64{7}}, "revisions_organization (organization_id=? AND id<?)"},
		} {
			plans, err := s.Plans(t.Context(), func(q store.Queries) error { _, err := q.Revisions(t.Context(), test.filter); return err })
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			text, by := plans[len(plans)-1].Text, "revisions_" // PostgreSQL knows which index leads to the fewest lines
			if sqlite {
				by = test.first
			}
			if !strings.Contains(text, by) || strings.Contains(text, "TEMP B-TREE") || strings.Contains(text, "Seq Scan on revisions") {
				t.Errorf("%s does not go by %s:\n%s", what, by, text)
			}
			combined := len(test.filter.Organizations) > 0 && (test.filter.Actor != "" || test.filter.KeyID != 0 || test.filter.UserID != 0)
			if strings.Contains(text, "Sort") && !combined { // which leave few lines to put in order
				t.Errorf("%s puts in order what an index has in order:\n%s", what, text)
			}
		}
	})
}

// Of an organization, a key or a user there are only so many rows, which are then
// put in order.
func TestShortListsGoByIndicesToTheirRows(t *testing.T) {
	s := storetest.SQLite(t)
	f := storetest.NewFixture(t, s)
	ctx, organization := t.Context(), f.Organization.ID
	authorities := []portal.Authority{portal.Licensing, portal.ViewLicenses}
	for what, test := range map[string]struct {
		read  func(store.Queries) error
		first string
	}{
		"the deliveries that wait for a user":    {func(q store.Queries) error { _, err := q.DeliveriesTo(ctx, f.User.ID); return err }, "d USING INDEX links_user (user_id=?)"},
		"what stands on a license":               {func(q store.Queries) error { _, err := q.LicenseUses(ctx, f.License); return err }, "COVERING INDEX instances_license (license_id=?)"},
		"the keys of an organization's licenses": {func(q store.Queries) error { _, err := q.LicensedKeys(ctx, organization); return err }, "k USING INDEX keys_license (license_id=?)"},
		"the programs that use a key":            {func(q store.Queries) error { _, err := q.ClientUses(ctx, f.Key.ID); return err }, "t USING INDEX sqlite_autoindex_client_uses_1 (key_id=?)"},
		"the holders of authorities":             {func(q store.Queries) error { _, err := q.Holders(ctx, organization, authorities, 9); return err }, "m USING INDEX sqlite_autoindex_memberships_1 (organization_id=?)"},
		"who last signed in to organizations":    {func(q store.Queries) error { _, err := q.OrganizationSummaries(ctx, portal.List{}); return err }, "m USING INDEX sqlite_autoindex_memberships_1 (organization_id=?)"},
		"an organization's instances":            {func(q store.Queries) error { _, err := q.InstancesOf(ctx, organization); return err }, "i USING INDEX instances_license (license_id=?)"},
		"an organization's requests": {func(q store.Queries) error {
			_, err := q.Requests(ctx, portal.RequestFilter{OrganizationID: organization})
			return err
		}, "x USING INDEX requests_organization (organization_id=?)"},
		"a requester's requests": {func(q store.Queries) error {
			_, err := q.Requests(ctx, portal.RequestFilter{RequesterID: f.User.ID})
			return err
		}, "x USING INDEX requests_requester (requester_id=?)"},
		"the keys of which a user was not told": {func(q store.Queries) error { _, err := q.UntoldKeys(ctx, f.User.ID); return err }, "k USING INDEX keys_untold (user_id=?)"},
		"a user's keys in all organizations": {func(q store.Queries) error {
			_, err := q.Keys(ctx, portal.KeyFilter{UserID: f.User.ID, MembersOnly: true})
			return err
		}, "k USING COVERING INDEX keys_user_name (user_id=?)"},
		"a user's sessions":         {func(q store.Queries) error { _, err := q.Sessions(ctx, f.User.ID); return err }, "s USING INDEX sessions_user (user_id=?)"},
		"the messages of a request": {func(q store.Queries) error { _, err := q.RequestMessages(ctx, 1); return err }, "m USING INDEX request_messages_request (request_id=?)"},
	} {
		wantPlan(t, s, what, test.read, test.first)
	}
}

// inOrder goes through all keys as the list has them, until a page is full.
const inOrder = "SCAN k USING COVERING INDEX keys_name"

// wantPlan fails unless the first statement of what is read goes by what is given
// and none reads a whole table.
func wantPlan(t *testing.T, s *store.Store, what string, read func(store.Queries) error, first string) []store.Plan {
	t.Helper()
	plans, err := s.Plans(t.Context(), read)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if !strings.Contains(plans[0].Text, first) {
		t.Errorf("%s does not go by %s:\n%s", what, first, plans[0].Text)
	}
	for _, plan := range plans {
		for step := range strings.Lines(plan.Text) {
			if strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "USING INDEX") && step != "SCAN CONSTANT ROW\n" && step != inOrder+"\n" {
				t.Errorf("%s reads a whole table: %s%s", what, step, plan.Statement)
			}
		}
	}
	return plans
}

func twoKeys(t *testing.T, s *store.Store, f storetest.Fixture) (portal.Page[portal.Key], error) {
	t.Helper()
	storetest.Key(t, s, f.Membership)
	return s.Keys(t.Context(), portal.KeyFilter{OrganizationID: f.Organization.ID, List: portal.List{Limit: 1}})
}

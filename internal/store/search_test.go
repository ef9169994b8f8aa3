package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

// The alphabet holds what LIKE, case folding and either direction of writing
// could trip over.
var searched = rapid.StringOfN(rapid.RuneFrom([]rune("aAbB%_\\' éÉİiIıßẞשלשÅåΣσς\u0130")), 0, 6, -1)

func TestASearchFindsWhatHasAllWordsRegardlessOfCase(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		names := []string{"50% off", "50 off", "a_b", "aXb", `back\slash`, "Éclair", "e\u0301clair", "İstanbul", "istanbul", "ISTANBUL", "Straße", "STRASSE", "שלום עולם", "  doubled   space ", "O'Hara"}
		generated := rapid.Custom(func(t *rapid.T) string { return searched.Draw(t, "name") })
		for i := range 60 {
			names = append(names, generated.Example(i))
		}
		var users []portal.User
		var keys []portal.Key
		storetest.Change(t, s, func(c *store.Change) error {
			for i, name := range names {
				user, err := c.InsertUser(t.Context(), portal.User{Username: fmt.Sprintf("q%d", i), FirstName: name, Enabled: true})
				if err != nil {
					return err
				}
				users = append(users, user)
			}
			return nil
		})
		organization := storetest.Organization(t, s)
		for i, user := range users {
			key, _ := storetest.Key(t, s, storetest.Member(t, s, organization, user), func(k *portal.Key) { k.Description = names[(i+7)%len(names)] })
			keys = append(keys, key)
		}
		check := func(t rapid.TB, search string) {
			var wantUsers, gotUsers []string
			var wantKeys, gotKeys []int64
			for i, user := range users {
				called := user.Username + " " + user.FirstName
				if hasAllWords(called, search) {
					wantUsers = append(wantUsers, user.Username)
				}
				if key := keys[i]; hasAllWords(key.Name+" "+key.Description+" "+key.Masked+" "+called, search) {
					wantKeys = append(wantKeys, key.ID)
				}
			}
			list := portal.List{Search: search, Limit: len(users)}
			foundUsers, err := s.Users(context.Background(), portal.UserFilter{List: list})
			for _, user := range foundUsers.Rows {
				gotUsers = append(gotUsers, user.Username)
			}
			slices.Sort(wantUsers)
			slices.Sort(gotUsers)
			if err != nil || !slices.Equal(gotUsers, wantUsers) {
				t.Errorf("%q finds the users %q, %v; want %q", search, gotUsers, err, wantUsers)
			}
			foundKeys, err := s.Keys(context.Background(), portal.KeyFilter{List: list})
			for _, key := range foundKeys.Rows {
				gotKeys = append(gotKeys, key.ID)
			}
			slices.Sort(gotKeys)
			if err != nil || !slices.Equal(gotKeys, wantKeys) {
				t.Errorf("%q finds the keys %v, %v; want %v", search, gotKeys, err, wantKeys)
			}
		}
		for _, search := range append(names, "", " ", "%", "_", `\`, "%%", "é", "É", "i\u0307", "ß", "ss", "שלום", "off 50", "a\x00b", "\xff", strings.Repeat("%", 100_000), strings.Repeat("ab ", 100_000)) {
			check(t, search)
		}
		rapid.Check(t, func(t *rapid.T) { check(t, searched.Draw(t, "search")) })
	})
}

func hasAllWords(text, search string) bool {
	search = strings.ReplaceAll(search, "\x00", "")
	if runes := []rune(search); len(runes) > 500 {
		search = string(runes[:500])
	}
	for word := range strings.FieldsSeq(portal.Fold(search)) {
		if !strings.Contains(portal.Fold(text), word) {
			return false
		}
	}
	return true
}

func TestKeysAreFoundByNameDescriptionEndOfSecretPublicHalfAndUser(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		user := storetest.User(t, s, func(u *portal.User) { u.FirstName, u.Email = "Grace", "grace@navy.example" })
		key, value := storetest.Key(t, s, storetest.Member(t, s, f.Organization, user), func(k *portal.Key) {
			k.Kind, k.PublicID, k.Name, k.Description = portal.PairKey, "kpa_Public", "Müller", "für die Nacht"
		})
		for _, search := range []string{"MÜLL", "nacht FÜR", value.Mask()[len(value.Mask())-4:], "kpa_public", "grace", "@navy", user.Username, "müller navy"} {
			page := must[portal.Page[portal.Key]](t)(s.Keys(t.Context(), portal.KeyFilter{List: portal.List{Search: search}}))
			wantEqual(t, search, keyIDs(page.Rows), []int64{key.ID})
		}
		page := must[portal.Page[portal.Key]](t)(s.Keys(t.Context(), portal.KeyFilter{List: portal.List{Search: value.Reveal()}}))
		wantEqual(t, "the secret itself", len(page.Rows), 0)
	})
}

// addManyKeys adds keys, named "Nightly export 00001" and so on, of one of ten users
// each.
func addManyKeys(t *testing.T, s *store.Store, count int) (f storetest.Fixture) {
	t.Helper()
	f = storetest.NewFixture(t, s)
	for i := range 10 {
		storetest.Member(t, s, f.Organization, storetest.User(t, s, func(u *portal.User) { u.Username = fmt.Sprintf("exporter%d", i) }))
	}
	storetest.Exec(t, storetest.SQL(t, s), `INSERT INTO keys (kind, organization_id, name, name_folded, description, search, user_id, user_search, created_by, creator_name,
			can_impersonate, data_loader, allowed_networks, enabled, disabled_by, version, created_at, updated_at)
		WITH RECURSIVE s(i) AS (SELECT 100001 UNION ALL SELECT i + 1 FROM s WHERE i < $1),
			numbers AS (SELECT i % 10 AS user_number, substr(CAST(i AS TEXT), 2) AS n FROM s)
		SELECT 'token', $2, 'Nightly export ' || n, 'nightly export ' || n, '', 'nightly export ' || n, u.id, u.search, 0, '', FALSE, FALSE, '', TRUE, 0, 1, 0, 0
		FROM numbers JOIN users u ON u.username = 'exporter' || user_number`, 100000+count, f.Organization.ID)
	if storetest.Of(s).Engine == storetest.PostgresEngine { // which does so by itself after a while
		storetest.Exec(t, storetest.SQL(t, s), `ANALYZE`)
	}
	return f
}

func namesOf(keys []portal.Key) (names []string) {
	for _, key := range keys {
		names = append(names, key.Name)
	}
	return names
}

func TestFewAndManyKeysAreFoundAmongMany(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := addManyKeys(t, s, 5000)
		name := func(n int) string { return fmt.Sprintf("Nightly export %05d", n) }
		for search, want := range map[string][]string{
			"nightly":                 {name(1), name(2), name(3)},
			"ly ex":                   {name(1), name(2), name(3)},
			"ghtly 04321":             {name(4321)},
			"04321 exporter1":         {name(4321)},
			"04321 exporter2":         nil,
			"4321 NIGHTLY export":     {name(4321)},
			"exporter7":               {name(7), name(17), name(27)},
			"499 99":                  {name(499), name(1499), name(2499)},
			"nightly exporter":        {name(1), name(2), name(3)},
			"nightly exports":         nil,
			"0432_":                   nil,
			`"043" OR "044"`:          nil,
			strings.Repeat("ab", 300): nil,
		} {
			for _, filter := range []portal.KeyFilter{{}, {OrganizationID: f.Organization.ID}} {
				filter.List = portal.List{Search: search, Limit: 3}
				page := must[portal.Page[portal.Key]](t)(s.Keys(t.Context(), filter))
				wantEqual(t, "found by "+search, namesOf(page.Rows), want)
			}
		}
		for search, want := range map[string]int{"nightly": 5000, "043": 115, "exporter4 nightly": 500} {
			for _, sort := range []portal.Sort{{}, {Desc: true}, {By: "user"}} {
				var found []string
				filter := portal.KeyFilter{List: portal.List{Search: search, Limit: 900, Sort: sort}}
				for more := true; more; more = filter.After != "" {
					page := must[portal.Page[portal.Key]](t)(s.Keys(t.Context(), filter))
					found, filter.After = append(found, namesOf(page.Rows)...), page.Next
				}
				wantEqual(t, fmt.Sprintf("pages of %s by %v", search, sort), len(found), want)
				if slices.Sort(found); len(slices.Compact(found)) != want {
					t.Errorf("pages of %s by %v show a key twice", search, sort)
				}
			}
		}
	})
}

// With a million keys, going through them to find few takes a second.
func TestASearchForFewKeysGoesByAnIndex(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := addManyKeys(t, s, 50_000)
		by := "Bitmap Index Scan on keys_search"
		if storetest.Of(s).Engine == storetest.SQLiteEngine {
			by = "SCAN key_search VIRTUAL TABLE INDEX"
		}
		for _, filter := range []portal.KeyFilter{{}, {OrganizationID: f.Organization.ID}} {
			for _, search := range []string{"04321", "nightly 04321", "04321 exporter1"} {
				filter.Search = search
				plans, err := s.Plans(t.Context(), func(q store.Queries) error { _, err := q.Keys(t.Context(), filter); return err })
				if err != nil {
					t.Fatal(err)
				}
				if plan := plans[len(plans)-3]; !strings.Contains(plan.Text, by) { // before those of the keys that were found
					t.Errorf("%q does not go by %s:\n%s", search, by, plan.Text)
				}
			}
		}
	})
}

func TestKeysAreFoundByWhatTheyAndTheirUserAreCalledNow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		grace := storetest.User(t, s, func(u *portal.User) { u.FirstName, u.LastName = "Grace", "Hopper" })
		storetest.Member(t, s, f.Organization, grace)
		ada := storetest.User(t, s, func(u *portal.User) { u.FirstName, u.LastName = "Ada", "King" })
		key, _ := storetest.Key(t, s, storetest.Member(t, s, f.Organization, ada), func(k *portal.Key) { k.Name = "Nightly" })
		wantFound := func(what string, found bool, searches ...string) {
			t.Helper()
			for _, search := range searches {
				page := must[portal.Page[portal.Key]](t)(s.Keys(t.Context(), portal.KeyFilter{List: portal.List{Search: search}}))
				wantEqual(t, what+", by "+search, slices.Contains(keyIDs(page.Rows), key.ID), found)
			}
		}
		wantFound("made", true, "nightly", ada.Username)
		storetest.Change(t, s, func(c *store.Change) error {
			key.Name = "Weekly"
			return c.UpdateKey(t.Context(), key)
		})
		wantFound("renamed", true, "weekly", ada.Username)
		wantFound("renamed", false, "nightly")
		storetest.Change(t, s, func(c *store.Change) error {
			ada.FirstName, ada.Username = "Countess", "byron"
			return c.UpdateUser(t.Context(), ada)
		})
		wantFound("its user renamed", true, "weekly", "countess", "byron weekly")
		wantFound("its user renamed", false, "ada")
		storetest.Change(t, s, func(c *store.Change) error {
			key.Version, key.UserID = key.Version+1, grace.ID
			return c.UpdateKey(t.Context(), key)
		})
		wantFound("mapped to another", true, "weekly", grace.Username, "grace")
		wantFound("mapped to another", false, "countess", "byron")
		if storetest.Of(s).Engine == storetest.SQLiteEngine {
			wantEqual(t, "of former texts in the index", must[int](t)(count(t, s, fmt.Sprintf(`SELECT count(*) FROM key_search WHERE key_search MATCH '"htl" OR "unt" OR "yro"' AND rowid = %d`, key.ID))), 0)
		}
	})
}

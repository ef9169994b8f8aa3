package manage_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/store/storetest"
)

func TestARevokedKeyStaysRevoked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		stale := w.keyOf(w.Key.ID)
		wantFields(t, "without its name", w.m.RevokeKey(w.as(w.User), w.Key.ID, "something else"), "confirm")
		wantEqual(t, "revoked", w.subject(w.Secret).KeyRevokedAt.IsZero(), true)
		mustDo(t, w.m.RevokeKey(w.as(w.User), w.Key.ID, strings.ToUpper(w.Key.Name)+" "))
		revoked := w.key(w.Key.ID)
		wantEqual(t, "revoked", []time.Time{revoked.RevokedAt, w.subject(w.Secret).KeyRevokedAt}, []time.Time{w.clock.Now(), w.clock.Now()})

		w.clock.Advance(time.Hour)
		lines := w.lines(func() {
			for _, ctx := range []portal.User{w.User, w.SuperAdmin} {
				for what, err := range map[string]error{
					"edit":           w.m.UpdateKey(w.as(ctx), w.keyOf(w.Key.ID)),
					"a stale form":   w.m.UpdateKey(w.as(ctx), stale),
					"enable":         w.m.EnableKey(w.as(ctx), w.Key.ID),
					"disable":        w.m.DisableKey(w.as(ctx), w.Key.ID),
					"revoke":         w.m.RevokeKey(w.as(ctx), w.Key.ID, w.Key.Name),
					"revoke nothing": w.m.RevokeKey(w.as(ctx), w.Key.ID, ""),
				} {
					wantCode(t, what, err, portal.CodeConflict)
				}
			}
		})
		wantEqual(t, "history", len(lines), 0)
		wantEqual(t, "key", w.key(w.Key.ID), revoked)
	})
}

func TestADisabledKeyIsRefusedUntilItIsEnabled(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, step := range []struct {
			act     func(context.Context, int64) error
			want    []string
			enabled bool
		}{{w.m.EnableKey, nil, true}, {w.m.DisableKey, []string{"key disabled"}, false}, {w.m.DisableKey, nil, false}, {w.m.EnableKey, []string{"key enabled"}, true}} {
			actions := w.actions(func() { mustDo(t, step.act(w.as(w.User), w.Key.ID)) })
			wantEqual(t, "history", actions, step.want)
			wantEqual(t, "enabled", w.subject(w.Secret).KeyEnabled, step.enabled)
		}
	})
}

func TestAKeyThatAnAdministratorDisabledIsEnabledByOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for what, disable := range map[string]context.Context{"an admin": w.as(w.Admin), "the program": w.program()} {
			mustDo(t, w.m.DisableKey(disable, w.Key.ID))
			wantCode(t, "the key's user, after "+what, w.m.EnableKey(w.as(w.User), w.Key.ID), portal.CodeForbidden)
			mustDo(t, w.m.DisableKey(w.as(w.User), w.Key.ID))
			wantCode(t, "the key's user, having disabled it again", w.m.EnableKey(w.as(w.User), w.Key.ID), portal.CodeForbidden)
			wantEqual(t, "enabled", w.subject(w.Secret).KeyEnabled, false)
			mustDo(t, w.m.EnableKey(w.as(w.holder([]portal.Authority{portal.ManageAPIKeys})), w.Key.ID))
		}
		mustDo(t, w.m.DisableKey(w.as(w.User), w.Key.ID))
		mustDo(t, w.m.EnableKey(w.as(w.User), w.Key.ID))
	})
}

func TestAUsersLiveKeysHaveDifferentNames(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first := must(w.m.CreateKey(w.as(w.User), w.newKey(func(in *manage.NewKey) { in.Name = "My ERP" })))(t)
		for _, name := range []string{"My ERP", "my erp", "  MY   ERP ", "My\u200d ERP"} {
			_, err := w.m.CreateKey(w.as(w.User), w.newKey(func(in *manage.NewKey) { in.Name = name }))
			wantFields(t, name, err, "name")
			edit := w.keyOf(w.Key.ID)
			edit.Name = name
			wantFields(t, "edit: "+name, w.m.UpdateKey(w.as(w.User), edit), "name")
		}
		mustDo(t, w.m.DisableKey(w.as(w.User), first.ID))
		_, err := w.m.CreateKey(w.as(w.User), w.newKey(func(in *manage.NewKey) { in.Name = "My ERP" }))
		wantFields(t, "a disabled key's", err, "name")

		own := w.keyOf(first.ID)
		own.Name = "MY ERP"
		mustDo(t, w.m.UpdateKey(w.as(w.User), own))
		must(w.m.CreateKey(w.as(w.Admin), w.newKey(func(in *manage.NewKey) { in.Name, in.UserID, in.APISets = "My ERP", w.Admin.ID, nil })))(t)
		mustDo(t, w.m.RevokeKey(w.as(w.User), first.ID, "My ERP"))
		must(w.m.CreateKey(w.as(w.User), w.newKey(func(in *manage.NewKey) { in.Name = "My ERP" })))(t)
	})
}

func TestWhatIsWrongWithAKeyIsNamedByFieldAllAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for what, test := range map[string]struct {
			name, description string
			fields            []string
		}{
			"no name":             {"", "", []string{"name"}},
			"10 kB":               {strings.Repeat("a", 10240), strings.Repeat("a", 10240), []string{"description", "name"}},
			"control characters":  {"a\x00b", "a\x1bb", []string{"description", "name"}},
			"right-to-left marks": {"a\u202eb", "a\u202eb", []string{"description", "name"}},
			"no UTF-8":            {"a\xff", "a\xff", []string{"description", "name"}},
		} {
			in := w.newKey(func(in *manage.NewKey) { in.Name, in.Description = test.name, test.description })
			_, err := w.m.CreateKey(w.as(w.User), in)
			wantFields(t, "create: "+what, err, test.fields...)
			edit := w.keyOf(w.Key.ID)
			edit.Name, edit.Description = test.name, test.description
			wantFields(t, "edit: "+what, w.m.UpdateKey(w.as(w.User), edit), test.fields...)
		}
		_, err := w.m.CreateKey(w.as(w.Admin), manage.NewKey{OrganizationID: w.Organization.ID, APISets: []string{"nothing"}, ExpiresAt: w.clock.Now()})
		wantFields(t, "everything", err, "api_set", "expires", "name", "user")
		for _, name := range []string{"מפתח לייצור", "مفتاح الإنتاج", "Team 👩\u200d👩\u200d👧"} {
			made := must(w.m.CreateKey(w.as(w.User), w.newKey(func(in *manage.NewKey) { in.Name = name })))(t)
			wantEqual(t, "name", w.key(made.ID).Name, name)
		}
		wantEqual(t, "key", w.key(w.Key.ID), w.Key)
	})
}

func TestAKeyExpiresAsItsOrganizationDemands(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		free := storetest.Organization(t, w.s, func(o *portal.Organization) { o.ExpiryMaxDays = 0 })
		bounded := storetest.Organization(t, w.s, func(o *portal.Organization) { o.ExpiryMaxDays = 90 })
		strict := storetest.Organization(t, w.s, func(o *portal.Organization) { o.ExpiryRequired, o.ExpiryMaxDays = true, 90 })
		for _, organization := range []portal.Organization{free, bounded, strict} {
			storetest.Member(t, w.s, organization, w.User)
		}
		now := w.clock.Now()
		for what, test := range map[string]struct {
			expires             time.Time
			free, bound, strict bool
		}{
			"never":                     {time.Time{}, true, true, false},
			"in the past":               {now.Add(-time.Microsecond), false, false, false},
			"now":                       {now, false, false, false},
			"in a moment":               {now.Add(time.Microsecond), true, true, true},
			"at the end of day 90":      {now.AddDate(0, 0, 91).Add(2*time.Hour - time.Microsecond), true, true, true},
			"on day 91":                 {now.AddDate(0, 0, 91).Add(2 * time.Hour), true, false, false},
			"in 99 years":               {now.AddDate(99, 0, 0), true, false, false},
			"in 100 years":              {now.AddDate(100, 0, 0), false, false, false},
			"beyond what a clock shows": {time.Date(292279, 1, 1, 0, 0, 0, 0, time.UTC), false, false, false},
		} {
			for organization, taken := range map[portal.Organization]bool{free: test.free, bounded: test.bound, strict: test.strict} {
				in := w.newKey(func(in *manage.NewKey) {
					in.Name, in.OrganizationID, in.APISets, in.ExpiresAt = what, organization.ID, nil, test.expires
				})
				made, err := w.m.CreateKey(w.as(w.SuperAdmin), in)
				if !taken {
					wantFields(t, what, err, "expires")
					continue
				}
				wantCode(t, what, err, allowed)
				wantEqual(t, what, w.key(made.ID).ExpiresAt, test.expires)
			}
		}
	})
}

func TestAFormThatIsSentTwiceMakesOneKeyAndShowsItsSecretOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.newKey(func(in *manage.NewKey) { in.Submission = manage.Submission{Token: "form"} })
		first := must(w.m.CreateKey(w.as(w.User), in))(t)
		in.Name = "Edited meanwhile"
		lines := w.lines(func() {
			again := must(w.m.CreateKey(w.as(w.User), in))(t)
			wantEqual(t, "key", again.Key, first.Key)
			wantEqual(t, "there is a secret", !again.Secret.IsZero(), false)
		})
		wantEqual(t, "history", len(lines), 0)

		in = w.newKey(func(in *manage.NewKey) { in.Submission, in.Name = manage.Submission{Token: "another form"}, "Another" })
		var made [50]manage.GeneratedKey
		outcomes := atOnce(len(made), func(i int) (err error) {
			made[i], err = w.m.CreateKey(w.as(w.User), in)
			return err
		})
		wantEqual(t, "outcomes", outcomes, map[portal.Code]int{allowed: len(made)})
		secrets := 0
		for _, one := range made {
			wantEqual(t, "key", one.ID, made[0].ID)
			if !one.Secret.IsZero() {
				secrets++
			}
		}
		wantEqual(t, "secrets shown", secrets, 1)
	})
}

func TestAStaleKeyFormLosesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		stale := w.keyOf(w.Key.ID)
		mustDo(t, w.m.DisableKey(w.as(w.Admin), w.Key.ID))
		kept := w.key(w.Key.ID)
		stale.Name, stale.APISets = "Lost", nil
		wantCode(t, "a stale form", w.m.UpdateKey(w.as(w.User), stale), portal.CodeConflict)
		wantEqual(t, "key", w.key(w.Key.ID), kept)
	})
}

func TestAKeyThatSomebodyElseDisabledIsEnabledByWhoManagesAPIKeys(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mustDo(t, w.m.DisableKey(w.as(w.Admin), w.Key.ID))
		wantCode(t, "by its user", w.m.EnableKey(w.as(w.User), w.Key.ID), portal.CodeForbidden)
		mustDo(t, w.m.EnableKey(w.as(w.Admin), w.Key.ID))
		mustDo(t, w.m.DisableKey(w.as(w.User), w.Key.ID))
		mustDo(t, w.m.EnableKey(w.as(w.User), w.Key.ID))
	})
}

func TestNobodyMakesKeysForWhoHoldsWhatTheCheckObeys(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		gateway := storetest.User(t, w.s)
		membership := storetest.Member(t, w.s, w.Organization, gateway, storetest.Role(t, w.s, w.Organization, []portal.Authority{portal.ManageUserAPIKey, portal.VerifyKeys}, w.Billing))
		key, _ := storetest.Key(t, w.s, membership)
		made := manage.NewKey{OrganizationID: w.Organization.ID, UserID: gateway.ID, Name: "Gateway"}
		_, err := w.m.CreateKey(w.as(w.Admin), made)
		wantCode(t, "by the admin", err, portal.CodeInvalid)
		wantCode(t, "widened by the admin", w.m.UpdateKey(w.as(w.Admin), manage.KeyEdit{ID: key.ID, Version: key.Version, Name: key.Name, UserID: key.UserID, APISets: []string{w.Billing.Slug}}), portal.CodeForbidden)
		mustDo(t, w.m.DisableKey(w.as(w.Admin), key.ID))
		wantCode(t, "enabled by the admin", w.m.EnableKey(w.as(w.Admin), key.ID), portal.CodeForbidden)
		_, err = w.m.CreateKey(w.as(w.SuperAdmin), made)
		mustDo(t, err)
		made.Name = "My own"
		_, err = w.m.CreateKey(w.as(gateway), made)
		mustDo(t, err)
	})
}

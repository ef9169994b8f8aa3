package manage_test

import (
	"strings"
	"testing"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
	"keyportal/internal/verify"
)

// newPair gives the form of a key pair of User's for Billing.
func (w *world) newPair(edit ...func(*manage.NewKey)) manage.NewKey {
	in := w.newKey(func(in *manage.NewKey) { in.Kind, in.Name = portal.PairKey, "Integration" })
	for _, edit := range edit {
		edit(&in)
	}
	return in
}

func (w *world) check(r verify.Request) verify.Decision {
	w.t.Helper()
	return must(w.checker.Check(w.t.Context(), r))(w.t)
}

// checked gives what the check decides of a request for Billing that has a secret of a
// key, or an access token of an OAuth client.
func (w *world) checked(key portal.Key, value secret.Value) verify.Decision {
	w.t.Helper()
	r := verify.Request{APISet: w.Billing.Slug}
	if key.Kind == portal.PairKey {
		r.AccessKey, r.SecurityKey = key.PublicID, value.Reveal()
	} else {
		r.Credential = value.Reveal()
	}
	return w.check(r)
}

// wantChecked fails unless the check decides so.
func (w *world) wantChecked(what string, key portal.Key, value secret.Value, want verify.Code) {
	w.t.Helper()
	if got := w.checked(key, value).Code; got != want {
		w.t.Errorf("%s: the check says %s, want %s", what, got, want)
	}
}

func TestAKeyPairIsGeneratedWithTwoHalvesAndKeptAsTheHashOfBoth(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.m.Brand = "acme"
		expires := w.clock.Now().Add(90 * 24 * time.Hour)
		made := must(w.m.CreateKey(w.as(w.User), w.newPair(func(in *manage.NewKey) { in.ExpiresAt = expires })))(t)
		security := made.Secret.Reveal()
		for half, want := range map[string]secret.Prefix{made.PublicID: secret.AccessKey, security: secret.SecurityKey} {
			if prefix, err := secret.Parse(half); err != nil || prefix != want || !strings.HasPrefix(half, "acme_"+string(want)+"_") {
				t.Errorf("a half is a %q, want a branded %q: %v", prefix, want, err)
			}
		}
		key := w.key(made.ID)
		wantEqual(t, "key", key, portal.Key{
			ID: made.ID, Kind: portal.PairKey, OrganizationID: w.Organization.ID, OrganizationName: w.Organization.Name, Name: "Integration", Description: "For the ERP.",
			UserID: w.User.ID, Username: w.User.Username, UserName: w.User.Name(), CreatedBy: w.User.ID, CreatorName: w.User.Name(), PublicID: made.PublicID, Enabled: true,
			MappedBy: w.User.ID, MapperName: w.User.Name(), MappedAt: w.clock.Now(), MappingTold: true,
			ExpiresAt: expires, APISets: key.APISets, Masked: made.Secret.Mask(), Version: 1, CreatedAt: w.clock.Now(), UpdatedAt: w.clock.Now(),
		})
		wantEqual(t, "given", made.Key, key)

		secrets, both := must(w.s.Secrets(t.Context(), made.ID))(t), secret.HashOfPair(made.PublicID, security)
		wantEqual(t, "secrets", len(secrets), 1)
		wantEqual(t, "what is stored of it", [][]byte{secrets[0].Hash, []byte(secrets[0].Masked)}, [][]byte{both[:], []byte(made.Secret.Mask())})
		wantCode(t, "the hash of the Security Key alone", second(w.s.Subject(t.Context(), made.Secret.Hash())), portal.CodeNotFound)
		w.wantNowhere(security)
	})
}

func TestBothHalvesOfAKeyPairPassTheCheckTogether(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		made := must(w.m.CreateKey(w.as(w.User), w.newPair()))(t)
		other := must(w.m.CreateKey(w.as(w.User), w.newPair(func(in *manage.NewKey) { in.Name = "Another" })))(t)
		d := w.checked(made.Key, made.Secret)
		wantEqual(t, "decided", []any{d.Code, d.Subject.KeyID, d.Subject.Kind, d.Subject.UserID, d.Subject.PublicID, d.Subject.APISets},
			[]any{portal.CheckValid, made.ID, portal.PairKey, w.User.ID, made.PublicID, []string{"billing"}})
		w.wantChecked("the Security Key of another", made.Key, other.Secret, portal.CheckNotFound)
		w.wantChecked("the Access Key of another", other.Key, made.Secret, portal.CheckNotFound)
		wantEqual(t, "the Access Key alone", w.check(verify.Request{AccessKey: made.PublicID, APISet: "billing"}).Code, portal.CheckMissing)
		wantEqual(t, "the Security Key alone", w.check(verify.Request{SecurityKey: made.Secret.Reveal(), APISet: "billing"}).Code, portal.CheckMissing)
		wantEqual(t, "the Security Key as an API key", w.check(verify.Request{Credential: made.Secret.Reveal(), APISet: "billing"}).Code, portal.CheckMalformed)
		wantEqual(t, "another API set", w.check(verify.Request{AccessKey: made.PublicID, SecurityKey: made.Secret.Reveal(), APISet: "dunning"}).Code, portal.CheckAPISetNotGranted)

		rotated := must(w.m.RotateKey(w.as(w.User), manage.Rotation{KeyID: made.ID, Grace: time.Hour, Confirm: made.Name}))(t)
		wantEqual(t, "the Access Key after a rotation", rotated.PublicID, made.PublicID)
		w.wantChecked("the old Security Key", made.Key, made.Secret, portal.CheckValid)
		w.wantChecked("the new Security Key", made.Key, rotated.Secret, portal.CheckValid)
		w.clock.Advance(time.Hour)
		w.wantChecked("the old Security Key when its grace is over", made.Key, made.Secret, portal.CheckNotFound)
		w.wantChecked("the new Security Key then", made.Key, rotated.Secret, portal.CheckValid)
	})
}

func TestKeyPairsAreGeneratedForOneselfAndForOthersByTheirManagers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		manager := w.holder([]portal.Authority{portal.ManageAPIKeys}, w.Billing)
		viewer := w.holder([]portal.Authority{portal.ViewAPIKeys}, w.Billing)
		keeper := w.holder([]portal.Authority{portal.ViewClientSecret}, w.Billing)
		gateway := w.holder([]portal.Authority{portal.ManageUserAPIKey, portal.VerifyKeys}, w.Billing)
		application, no := w.application(), portal.CodeForbidden
		for what, test := range map[string]struct {
			actor, user portal.User
			pair        portal.Code // of a pair, whatever it is for
			bound       portal.Code // of one for an application and license
		}{
			"oneself, with Manage User API Key":      {w.User, w.User, allowed, no},
			"oneself, with View API Keys":            {viewer, viewer, no, no},
			"oneself, with Manage Client Secret":     {keeper, keeper, no, no},
			"another, with Manage User API Key":      {w.User, viewer, no, no},
			"another, with Manage API Keys":          {manager, w.User, allowed, allowed},
			"oneself, with Manage API Keys":          {manager, manager, allowed, allowed},
			"a stranger, with Manage API Keys":       {manager, w.Stranger, portal.CodeInvalid, portal.CodeInvalid},
			"a member, by a stranger":                {w.Stranger, w.User, no, no},
			"a member, by an admin":                  {w.Admin, w.User, allowed, allowed},
			"a member, by support":                   {storetest.Support(t, w.s), w.User, allowed, allowed},
			"a member, by a super admin":             {w.SuperAdmin, w.User, allowed, allowed},
			"who holds Verify keys, by oneself":      {gateway, gateway, allowed, no},
			"who holds Verify keys, by an admin":     {w.Admin, gateway, portal.CodeInvalid, portal.CodeInvalid},
			"who holds Verify keys, by a superadmin": {w.SuperAdmin, gateway, allowed, allowed},
			"a member, by nobody":                    {portal.User{}, w.User, portal.CodeUnauthenticated, portal.CodeUnauthenticated},
		} {
			for how, one := range map[string]struct {
				in   manage.NewKey
				want portal.Code
			}{
				"for an application alone": {w.newPair(func(in *manage.NewKey) { in.ApplicationID = application.ID }), test.pair},
				"for none":                 {w.newPair(), test.pair},
				"for a license too":        {w.newPair(func(in *manage.NewKey) { in.ApplicationID, in.LicenseID = application.ID, w.License.ID }), test.bound},
			} {
				what, in := what+", "+how, one.in
				in.Name, in.UserID = what, test.user.ID
				wantCode(t, what+": checked first", w.m.CheckNewKey(w.as(test.actor), in), one.want)
				made, err := w.m.CreateKey(w.as(test.actor), in)
				wantCode(t, what, err, one.want)
				if err != nil {
					wantEqual(t, what+": made", made, manage.GeneratedKey{})
					continue
				}
				w.wantChecked(what, made.Key, made.Secret, portal.CheckValid)
				mustDo(t, w.m.RevokeKey(w.as(w.SuperAdmin), made.ID, made.Name))
			}
		}
	})
}

func TestASecurityKeyIsViewedAgainWhereTheOrganizationLetsIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		made := must(w.m.CreateKey(w.as(w.User), w.newPair()))(t)
		session := w.signedIn(w.User)
		for entered, test := range map[string]struct {
			after time.Duration
			field bool
		}{"": {0, false}, "wrong": {5 * time.Minute, true}, password: {5 * time.Minute, false}} {
			session.PasswordAt = w.clock.Now().Add(-test.after)
			value, token, err := w.m.ViewSecret(w.as(w.User), session, made.ID, entered)
			if test.field {
				wantFields(t, "a wrong password", err, "current")
				wantEqual(t, "there is a secret", !value.IsZero(), false)
				continue
			}
			mustDo(t, err)
			wantEqual(t, "the Security Key", value, made.Secret)
			if !token.IsZero() {
				session = w.session(token.Reveal())
			}
		}
		details := must(w.m.Key(w.as(w.User), made.ID))(t)
		wantEqual(t, "viewable", []any{made.Viewable, details.Viewable, details.Rotatable}, []any{true, true, nil})

		mustDo(t, w.m.UpdateSettings(w.as(w.Admin), w.settingsOf(false)))
		hidden := must(w.m.CreateKey(w.as(w.User), w.newPair(func(in *manage.NewKey) { in.Name = "Hidden" })))(t)
		wantEqual(t, "viewable where it is not allowed", []bool{hidden.Viewable, must(w.m.Key(w.as(w.User), hidden.ID))(t).Viewable}, []bool{false, false})
		for what, key := range map[string]int64{"one that was viewable": made.ID, "one that never was": hidden.ID} {
			wantCode(t, what, second(w.view(w.User, key)), portal.CodeConflict)
		}
		wantEqual(t, "sealed copies", len(w.sealed()), 0)
		w.wantChecked("the pair goes on", made.Key, made.Secret, portal.CheckValid)
	})
}

func TestAFormOfAKeyPairThatIsSentTwiceMakesOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.newPair(func(in *manage.NewKey) { in.Submission = manage.Submission{Token: "form"} })
		first := must(w.m.CreateKey(w.as(w.User), in))(t)
		lines := w.lines(func() {
			again := must(w.m.CreateKey(w.as(w.User), in))(t)
			wantEqual(t, "the second time", again, manage.GeneratedKey{Key: first.Key, Again: true})
		})
		wantEqual(t, "history", len(lines), 0)
		wantEqual(t, "pairs", len(w.query("SELECT id FROM keys WHERE kind = 'pair'")), 1)
		w.wantChecked("the pair", first.Key, first.Secret, portal.CheckValid)
	})
}

func TestADeliveredKeyPairIsMadeWholeByItsUserAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		waits := must(w.m.CreateKey(w.as(w.Admin), w.newPair(func(in *manage.NewKey) { in.Deliver = true })))(t)
		wantEqual(t, "before it is opened", []bool{waits.Secret.IsZero(), waits.PublicID != "", waits.HasSecret()}, []bool{true, true, false})
		made := must(w.m.OpenDelivery(w.as(w.User), waits.ID, 0))(t)
		wantEqual(t, "the Access Key", made.PublicID, waits.PublicID)
		w.wantChecked("opened", made.Key, made.Secret, portal.CheckValid)
		wantEqual(t, "viewed", must(w.view(w.User, made.ID))(t), made.Secret)
		w.wantNowhere(made.Secret.Reveal())
	})
}

// catalogued finds an application of the catalogue.
func (w *world) catalogued(name string) portal.Application {
	w.t.Helper()
	for _, application := range must(w.s.Applications(w.t.Context(), 0))(w.t) {
		if application.Name == name {
			return application
		}
	}
	w.t.Fatalf("the catalogue has no %s", name)
	return portal.Application{}
}

func TestAKeyPairIsForTheApplicationWhoseNameItHas(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		own, retired, theirs := w.application(), w.application(), storetest.Application(t, w.s, w.Other)
		catalogue, withdrawn := storetest.Application(t, w.s, portal.Organization{}), storetest.Application(t, w.s, portal.Organization{})
		mustDo(t, w.m.RetireApplication(w.as(w.Admin), retired.ID, retired.Version))
		mustDo(t, w.m.RetireApplication(w.as(w.SuperAdmin), withdrawn.ID, withdrawn.Version))
		none := portal.Application{}
		loader, named := w.catalogued(portal.DataLoader), func(name string) func(*manage.NewKey) {
			return func(in *manage.NewKey) { in.Name = name }
		}
		for what, test := range map[string]struct {
			edit func(*manage.NewKey)
			want portal.Application
		}{
			"of no application":                  {named("Something of our own"), none},
			"of one of the organization's":       {named(own.Name), own},
			"regardless of case and spaces":      {named("  " + strings.ToUpper(strings.ReplaceAll(own.Name, " ", "  "))), own},
			"of one of the catalogue's":          {named(strings.ToLower(catalogue.Name)), catalogue},
			"of one that was retired":            {named(retired.Name), none},
			"of one of the catalogue's that was": {named(withdrawn.Name), none},
			"of another client's":                {named(theirs.Name), none},
			"of the beginning of one":            {named(own.Name + "s"), none},
			"of one, but bound to a license":     {func(in *manage.NewKey) { in.Name, in.LicenseID = own.Name, w.License.ID }, none},
			"of one, for another and a license": {func(in *manage.NewKey) {
				in.Name, in.LicenseID, in.ApplicationID = own.Name, w.License.ID, catalogue.ID
			}, catalogue},
			"of one, for another that was chosen":    {func(in *manage.NewKey) { in.Name, in.ApplicationID = own.Name, catalogue.ID }, catalogue},
			"of one, for the Data Loader":            {func(in *manage.NewKey) { in.Name, in.DataLoader = own.Name, true }, loader},
			"of nothing, for the Data Loader":        {func(in *manage.NewKey) { in.Name, in.DataLoader = "Nightly", true }, loader},
			"of the Data Loader, but no key for it":  {named("data loader"), loader},
			"of one, but of a key that is no pair":   {func(in *manage.NewKey) { in.Kind, in.Name = portal.TokenKey, own.Name }, none},
			"of one, made by who manages others' so": {func(in *manage.NewKey) { in.Name, in.UserID, in.APISets = own.Name, w.Admin.ID, nil }, own},
		} {
			in := w.newPair()
			test.edit(&in)
			made, err := w.m.CreateKey(w.as(w.Admin), in)
			wantCode(t, what, err, allowed)
			if err != nil {
				continue
			}
			wantEqual(t, what, []any{made.ApplicationID, made.ApplicationName}, []any{test.want.ID, test.want.Name})
			wantEqual(t, what+": the check is told", w.checked(made.Key, made.Secret).Subject.Application, test.want.Name)
			mustDo(t, w.m.RevokeKey(w.as(w.Admin), made.ID, made.Name))
		}

		in := w.newPair(func(in *manage.NewKey) { in.Kind, in.DataLoader = portal.TokenKey, true })
		wantFields(t, "a Data Loader key that is no pair", second(w.m.CreateKey(w.as(w.Admin), in)), "kind")
		mustDo(t, w.m.RetireApplication(w.as(w.SuperAdmin), loader.ID, loader.Version))
		made := must(w.m.CreateKey(w.as(w.Admin), w.newPair(func(in *manage.NewKey) { in.DataLoader = true })))(t)
		wantEqual(t, "for a Data Loader that was retired", []any{made.DataLoader, made.ApplicationID}, []any{true, int64(0)})
	})
}

func TestTheApplicationOfAKeyPairChangesWithItsNameAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first, other := w.application(), w.application()
		made := must(w.m.CreateKey(w.as(w.User), w.newPair(func(in *manage.NewKey) { in.Name = first.Name })))(t)
		bound := must(w.m.CreateKey(w.as(w.Admin), w.newPair(func(in *manage.NewKey) {
			in.UserID, in.ApplicationID, in.LicenseID = w.Admin.ID, first.ID, w.License.ID
		})))(t)
		rename := func(key manage.GeneratedKey, name string) string {
			in := w.keyOf(key.ID)
			in.Name = name
			mustDo(t, w.m.UpdateKey(w.as(w.Admin), in))
			return w.checked(key.Key, key.Secret).Subject.Application
		}
		for _, step := range []struct{ name, want string }{
			{"Our own", ""}, {strings.ToUpper(other.Name), other.Name}, {first.Name, first.Name}, {other.Name, other.Name},
		} {
			wantEqual(t, "renamed to "+step.name, rename(made, step.name), step.want)
			wantEqual(t, "bound to a license, renamed to "+step.name, rename(bound, step.name), first.Name)
		}

		mustDo(t, w.m.RetireApplication(w.as(w.Admin), other.ID, other.Version))
		in := w.keyOf(made.ID)
		in.Description = "Edited, and not renamed."
		mustDo(t, w.m.UpdateKey(w.as(w.User), in))
		wantEqual(t, "edited when it was retired", w.key(made.ID).ApplicationID, other.ID)
		wantEqual(t, "renamed then", rename(made, strings.ToUpper(other.Name)), "")
	})
}

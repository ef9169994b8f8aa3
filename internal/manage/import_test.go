package manage_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
	"keyportal/internal/secret"
	"keyportal/internal/store/storetest"
)

// oldKey gives a line about a key of User's for Billing, whose text is its name.
func (w *world) oldKey(line int, name string, edit ...func(*manage.ImportedKey)) manage.ImportedKey {
	key := manage.ImportedKey{
		Line: line, Owner: strings.ToUpper(w.User.Username), Name: name, Description: "From before.", SHA256: fmt.Sprintf("%X", secret.HashOf(name)), APISets: []string{"billing"},
	}
	for _, edit := range edit {
		edit(&key)
	}
	return key
}

// refusals gives the lines of an import that are refused, with the columns.
func refusals(t testing.TB, outcome manage.KeyImport, err error) []string {
	t.Helper()
	mustDo(t, err)
	var refused []string
	for _, line := range outcome.Refused {
		for _, field := range portal.FieldsOf(line.Err) {
			refused = append(refused, fmt.Sprintf("%d %s: %s", line.Line, field.Field, field.Message))
		}
	}
	return refused
}

func TestAnImportedKeyIsOneThatCustomersHadBefore(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		expires := w.clock.Now().Add(90 * 24 * time.Hour)
		outcome := must(w.m.ImportKeys(w.program(), []manage.ImportedKey{
			w.oldKey(2, "ERP", func(k *manage.ImportedKey) { k.ExpiresAt = expires }),
			w.oldKey(3, "Bare", func(k *manage.ImportedKey) {
				k.APISets, k.Organization = nil, strings.ToLower(w.Organization.Name)
			}),
		}, true))(t)
		wantEqual(t, "outcome", outcome, manage.KeyImport{Taken: 2, Reachless: 1})
		key, stored, err := w.s.KeyByHash(t.Context(), secret.HashOf("ERP"))
		mustDo(t, err)
		hash := secret.HashOf("ERP")
		mask := fmt.Sprintf("imported …%x", hash[len(hash)-2:])
		wantEqual(t, "key", key, portal.Key{
			ID: key.ID, Kind: portal.TokenKey, OrganizationID: w.Organization.ID, OrganizationName: w.Organization.Name, Name: "ERP", Description: "From before.",
			UserID: w.User.ID, Username: w.User.Username, UserName: w.User.Name(), CreatorName: "test", Enabled: true, ExpiresAt: expires,
			MapperName: "test", MappedAt: w.clock.Now(), APISets: key.APISets, Masked: mask, Version: 1, CreatedAt: w.clock.Now(), UpdatedAt: w.clock.Now(),
		})
		wantEqual(t, "secret", stored, portal.Secret{ID: stored.ID, KeyID: key.ID, Hash: hash[:], Masked: mask, Imported: true, CreatedAt: w.clock.Now()})
		wantEqual(t, "reached", must(w.s.ImportedSubject(t.Context(), hash))(t).APISets, []string{"billing"})
		must(w.m.VerifyChain(w.program()))(t)
	})
}

func TestKeysAreImportedOnTheCommandLineAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		support := storetest.Support(t, w.s)
		before := w.dump()
		for who, user := range map[string]portal.User{"a super admin": w.SuperAdmin, "support": support, "an admin": w.Admin, "the owner": w.User, "nobody": {}} {
			want := portal.CodeForbidden
			if user.ID == 0 {
				want = portal.CodeUnauthenticated
			}
			for _, apply := range []bool{true, false} {
				_, err := w.m.ImportKeys(w.as(user), []manage.ImportedKey{w.oldKey(2, "ERP")}, apply)
				wantCode(t, who, err, want)
			}
			w.wantSame(who, before)
		}
	})
}

func TestADryRunTellsWhatAnImportWouldAndChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		good := []manage.ImportedKey{w.oldKey(2, "ERP"), w.oldKey(3, "CRM")}
		bad := append(slices.Clone(good), w.oldKey(4, "erp"))
		before := w.dump()
		dry := must(w.m.ImportKeys(w.program(), good, false))(t)
		w.wantSame("a dry run", before)
		refused := must(w.m.ImportKeys(w.program(), bad, false))(t)
		wantEqual(t, "refused when it is applied", must(w.m.ImportKeys(w.program(), bad, true))(t), refused)
		wantEqual(t, "taken of those with a bad one", []int{refused.Taken, len(refused.Refused)}, []int{2, 1})
		w.wantSame("all or nothing", before)
		must(w.m.ImportKeys(w.program(), nil, true))(t)
		w.wantSame("nothing", before)
		wantEqual(t, "applied", must(w.m.ImportKeys(w.program(), good, true))(t), dry)
		again := must(w.m.ImportKeys(w.program(), good, false))(t)
		wantEqual(t, "taken again", []int{again.Taken, len(again.Refused)}, []int{0, 2})
	})
}

func TestAnImportedKeyIsHeldAgainstWhatHoldsForAnyKey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		organization := w.organizationOf(w.Other.ID)
		strict := storetest.User(t, w.s)
		storetest.Member(t, w.s, w.Other, strict, storetest.Role(t, w.s, w.Other, nil, w.Billing))
		mustDo(t, w.m.UpdateSettings(w.program(), manage.SettingsInput{OrganizationID: w.Other.ID, Version: organization.Version, ExpiryRequired: true, ExpiryMaxDays: "30"}))
		homeless, gone := storetest.User(t, w.s), w.holder(nil, w.Billing)
		w.set(gone, func(in *manage.MembershipInput) { in.Member = false })
		retired := storetest.APISet(t, w.s, "retired")
		mustDo(t, w.m.RetireAPISet(w.program(), retired.ID, retired.Version, retired.Name))
		rotated := must(w.m.CreateKey(w.as(w.User), w.newKey(func(in *manage.NewKey) { in.Name = "Rotated" })))(t)
		must(w.m.RotateKey(w.as(w.User), manage.Rotation{KeyID: rotated.ID, Confirm: "Rotated"}))(t)
		hashOf := func(value secret.Value) string { return fmt.Sprintf("%x", value.Hash()) }
		for what, test := range map[string]struct {
			edit func(*manage.ImportedKey)
			want string // column and a part of the message
		}{
			"nobody's":                  {func(k *manage.ImportedKey) { k.Owner = "" }, "owner: Enter the username"},
			"a user who is not there":   {func(k *manage.ImportedKey) { k.Owner = "no\x00body" }, "owner: There is no user “no\uFFFDbody”"},
			"a user in no organization": {func(k *manage.ImportedKey) { k.Owner = homeless.Username }, "owner: " + homeless.Username + " is in no organization"},
			"a user who has left": {func(k *manage.ImportedKey) {
				k.Owner, k.Organization, k.APISets = gone.Username, w.Organization.Name, nil
			}, "owner: Choose a user of this organization"},
			"a user of another client": {func(k *manage.ImportedKey) {
				k.Organization, k.APISets, k.ExpiresAt = w.Other.Name, nil, w.clock.Now().AddDate(0, 0, 9)
			}, "owner: Choose a user of this organization"},
			"an unknown organization":    {func(k *manage.ImportedKey) { k.Organization = "Nowhere" }, "organization: There is no organization “Nowhere”"},
			"no name":                    {func(k *manage.ImportedKey) { k.Name = " " }, "name: Enter a name"},
			"a long name":                {func(k *manage.ImportedKey) { k.Name = strings.Repeat("n", 101) }, "name: The name may have 100"},
			"a name that is taken":       {func(k *manage.ImportedKey) { k.Name = strings.ToUpper(w.Key.Name) }, "name: This user has an API key with this name already"},
			"a description that is none": {func(k *manage.ImportedKey) { k.Description = "\x1b[2J" }, "description: The description contains characters that do not print"},
			"an API set beyond the user": {func(k *manage.ImportedKey) { k.APISets = []string{"billing", "revenue-management"} }, "api_sets: The roles of the key's user don't allow"},
			"an unknown API set":         {func(k *manage.ImportedKey) { k.APISets = []string{"bilin"} }, "api_sets: There is no API set “bilin”"},
			"a retired API set":          {func(k *manage.ImportedKey) { k.APISets = []string{"retired"} }, "api_sets: The API set “retired API” was retired"},
			"an expiry that has passed":  {func(k *manage.ImportedKey) { k.ExpiresAt = w.clock.Now() }, "expires: The expiry must be in the future"},
			"no expiry where one must be": {func(k *manage.ImportedKey) { k.Owner = strict.Username },
				"expires: " + w.Other.Name + " demands an expiry"},
			"a later expiry than may be": {func(k *manage.ImportedKey) { k.Owner, k.ExpiresAt = strict.Username, w.clock.Now().AddDate(0, 0, 40) },
				"expires: " + w.Other.Name + " allows an expiry of 30 days"},
			"no hash":                    {func(k *manage.ImportedKey) { k.SHA256 = "" }, "sha256: Give the SHA-256"},
			"a short hash":               {func(k *manage.ImportedKey) { k.SHA256 = k.SHA256[2:] }, "sha256: Give the SHA-256"},
			"the key instead":            {func(k *manage.ImportedKey) { k.SHA256 = "live_51" + k.SHA256[7:] }, "sha256: Give the SHA-256"},
			"a secret of another key":    {func(k *manage.ImportedKey) { k.SHA256 = hashOf(w.Secret) }, "sha256: The API key “" + w.Key.Name + "” of " + w.User.Username + " has it already"},
			"a secret that was replaced": {func(k *manage.ImportedKey) { k.SHA256 = hashOf(rotated.Secret) }, "sha256: The API key “Rotated” of " + w.User.Username + " had it already"},
		} {
			before := w.dump()
			outcome, err := w.m.ImportKeys(w.program(), []manage.ImportedKey{w.oldKey(7, "ERP"), w.oldKey(8, "Old", test.edit)}, true)
			refused := refusals(t, outcome, err)
			if len(refused) != 1 || !strings.HasPrefix(refused[0], "8 "+test.want) {
				t.Errorf("%s: refused %q, want %q", what, refused, test.want)
			}
			w.wantSame(what, before)
		}
	})
}

func TestWhatIsTwiceInAFileIsFoundWhateverElseIsWrong(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		colleague := w.holder(nil, w.Billing)
		outcome, err := w.m.ImportKeys(w.program(), []manage.ImportedKey{
			w.oldKey(2, "ERP", func(k *manage.ImportedKey) { k.APISets = []string{"nothing"} }),
			w.oldKey(3, " erp "),
			w.oldKey(4, "CRM", func(k *manage.ImportedKey) { k.SHA256 = strings.ToLower(w.oldKey(0, "ERP").SHA256) }),
			w.oldKey(5, "ERP", func(k *manage.ImportedKey) { k.Owner, k.SHA256 = colleague.Username, w.oldKey(0, "another").SHA256 }),
			w.oldKey(6, "", func(k *manage.ImportedKey) { k.SHA256 = "x" }),
			w.oldKey(7, "", func(k *manage.ImportedKey) { k.SHA256 = "x" }),
			w.oldKey(8, "Of nothing", func(k *manage.ImportedKey) { k.SHA256 = fmt.Sprintf("%x", secret.HashOf("")) }),
		}, false)
		give, none := "sha256: Give the SHA-256 of the key's text in 64 hexadecimal digits.", "name: Enter a name."
		wantEqual(t, "refused", refusals(t, outcome, err), []string{
			"2 api_sets: There is no API set “nothing”. Give the slugs of API sets that there are.",
			"3 name: Line 2 has the same for this user. Choose another.",
			"4 sha256: Line 2 has the same. A key can be there once.",
			"6 " + give, "6 " + none, "7 " + give, "7 " + none,
			"8 sha256: This is the SHA-256 of no text at all. Give that of the key's text.",
		})
		wantEqual(t, "taken", outcome.Taken, 1)
	})
}

func TestAnImportedKeyIsRotatedWithGraceAndBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(w.m.ImportKeys(w.program(), []manage.ImportedKey{w.oldKey(2, "ERP")}, true))(t)
		hash := secret.HashOf("ERP")
		key, _, err := w.s.KeyByHash(t.Context(), hash)
		mustDo(t, err)
		made := must(w.m.RotateKey(w.as(w.User), manage.Rotation{KeyID: key.ID, Grace: time.Hour, Confirm: "ERP"}))(t)
		if prefix, err := secret.Parse(made.Secret.Reveal()); err != nil || prefix != secret.Token || made.Masked != made.Secret.Mask() {
			t.Errorf("the new secret is a %q, %v, masked as %s", prefix, err, made.Masked)
		}
		wantEqual(t, "both work for", []int64{w.subject(made.Secret).KeyID, must(w.s.ImportedSubject(t.Context(), hash))(t).KeyID}, []int64{key.ID, key.ID})
		secrets := must(w.s.Secrets(t.Context(), key.ID))(t)
		wantEqual(t, "imported", []bool{secrets[0].Imported, secrets[1].Imported}, []bool{false, true})

		mustDo(t, w.m.CancelRotation(w.as(w.User), key.ID, "ERP"))
		wantEqual(t, "mask", w.key(key.ID).Masked, key.Masked)
		must(w.s.ImportedSubject(t.Context(), hash))(t)
		must(w.m.RotateKey(w.as(w.User), manage.Rotation{KeyID: key.ID, Confirm: "ERP"}))(t)
		_, err = w.s.ImportedSubject(t.Context(), hash)
		wantCode(t, "after a rotation at once", err, portal.CodeNotFound)
		again, err := w.m.ImportKeys(w.program(), []manage.ImportedKey{w.oldKey(2, "ERP again", func(k *manage.ImportedKey) { k.SHA256 = fmt.Sprintf("%x", hash) })}, true)
		wantEqual(t, "refused", refusals(t, again, err), []string{"2 sha256: The API key “ERP” of " + w.User.Username + " had it already."})
	})
}

package portal_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"keyportal/internal/portal"
)

func TestWhatDiffersIsListed(t *testing.T) {
	before := portal.Record{{Name: "Name", Value: "ERP"}, {Name: "Enabled", Value: "Yes"}, {Name: "Gone", Value: "was here"}, {Name: "Empty", Value: ""}, {Name: "Cleared", Value: "full"}}
	after := portal.Record{{Name: "Name", Value: "ERP"}, {Name: "Enabled", Value: "No"}, {Name: "New", Value: "is here"}, {Name: "Blank", Value: ""}, {Name: "Cleared", Value: ""}}
	for what, test := range map[string]struct {
		before, after portal.Record
		want          []portal.ValueChange
	}{
		"edited":  {before, after, []portal.ValueChange{{"Enabled", "Yes", "No"}, {"New", "", "is here"}, {"Cleared", "full", ""}, {"Gone", "was here", ""}}},
		"same":    {before, before, nil},
		"nothing": {nil, nil, nil},
		"created": {nil, after, []portal.ValueChange{{"Name", "", "ERP"}, {"Enabled", "", "No"}, {"New", "", "is here"}}},
		"deleted": {after, nil, []portal.ValueChange{{"Name", "ERP", ""}, {"Enabled", "No", ""}, {"New", "is here", ""}}},
	} {
		wantEqual(t, what, portal.Diff(test.before, test.after), test.want)
	}
}

func fullRevision() portal.Revision {
	return portal.Revision{
		ID: 1, At: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), ActorID: 2, ActorName: "Ada", KeyID: 3, KeyName: "ERP",
		ImpersonatorID: 4, ImpersonatorName: "Grace", Address: "192.0.2.1", OrganizationID: 5, Noun: portal.NounKey, NounID: 6, NounName: "Key",
		UserID: 7, Action: "edited", Changes: []portal.ValueChange{{"Name", "before", "after"}}, MAC: []byte("mac"),
	}
}

func TestTheBytesUnderARevisionsMACChangeWithEveryValue(t *testing.T) {
	previous := []byte("predecessor")
	signed := fullRevision().Bytes(previous)
	kind := reflect.TypeFor[portal.Revision]()
	for i := range kind.NumField() {
		changed := fullRevision()
		field := reflect.ValueOf(&changed).Elem().Field(i)
		if field.IsZero() {
			t.Fatalf("the full revision has no %s", kind.Field(i).Name)
		}
		alter(t, field)
		if same := bytes.Equal(changed.Bytes(previous), signed); same != (kind.Field(i).Name == "MAC") {
			t.Errorf("with another %s the bytes are the same: %v", kind.Field(i).Name, same)
		}
	}
	for what, alter := range map[string]func(*portal.ValueChange){
		"name":   func(c *portal.ValueChange) { c.Name = "Other" },
		"before": func(c *portal.ValueChange) { c.Before = "" },
		"after":  func(c *portal.ValueChange) { c.After = "later" },
		"swap":   func(c *portal.ValueChange) { c.Before, c.After = c.After, c.Before },
	} {
		changed := fullRevision()
		alter(&changed.Changes[0])
		if bytes.Equal(changed.Bytes(previous), signed) {
			t.Errorf("with another %s of a change the bytes are the same", what)
		}
	}
}

// alter gives a field another value than it has.
func alter(t *testing.T, field reflect.Value) {
	t.Helper()
	switch value := field.Addr().Interface().(type) {
	case *int64:
		*value++
	case *string:
		*value += "x"
	case *portal.Noun:
		*value += "x"
	case *time.Time:
		*value = value.Add(time.Microsecond)
	case *[]portal.ValueChange:
		*value = append(*value, portal.ValueChange{Name: "More"})
	case *[]byte:
		*value = append(*value, 'x')
	default:
		t.Fatalf("a revision has a value of type %s", field.Type())
	}
}

func TestTheBytesUnderARevisionsMACChangeWithItsPredecessor(t *testing.T) {
	line := fullRevision()
	if bytes.Equal(line.Bytes([]byte("one")), line.Bytes([]byte("other"))) {
		t.Error("the bytes are the same after another line")
	}
	if !bytes.Equal(line.Bytes(nil), line.Bytes([]byte{})) {
		t.Error("the first line's bytes depend on how nothing is spelled")
	}
}

// TestNoValueMovesIntoAnother would fail if the values were only put one behind
// the other.
func TestNoValueMovesIntoAnother(t *testing.T) {
	one, other := fullRevision(), fullRevision()
	one.ActorName, one.KeyName = "AdaE", "RP"
	other.ActorName, other.KeyName = "Ada", "ERP"
	if bytes.Equal(one.Bytes(nil), other.Bytes(nil)) {
		t.Error("the bytes are the same")
	}
}

func TestRecordsHoldWhatPagesCallThings(t *testing.T) {
	expires := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	for what, test := range map[string]struct {
		record portal.Record
		want   string
	}{
		"user": {
			portal.User{Username: "ada", FirstName: "Ada", Email: "ada@example.com", Staff: portal.Support, Enabled: true, PasswordExpired: true}.Record(),
			"Username=ada, First Name=Ada, E-mail=ada@example.com, Staff=Support, Enabled=Yes, Locked=No, Expired=Yes",
		},
		"membership": {
			portal.Membership{OrganizationName: "Acme", Admin: true, Roles: []portal.Role{{Name: "Viewer"}, {Name: "ERP"}}, EndedAt: expires}.Record(),
			"Organization=Acme, Member=No, Admin=Yes, All Access=No, Roles=Viewer, ERP",
		},
		"role": {
			portal.Role{Name: "ERP", Authorities: []portal.Authority{portal.ManageUserAPIKey, portal.ViewUsers}, APISets: []portal.APISet{billing, dunning}}.Record(),
			"Name=ERP, Authorities=Manage User API Key, View Users, API sets=Billing API, Dunning API",
		},
		"API set": {
			portal.APISet{Slug: "billing", Name: "Billing API", Routes: []string{"/a/", "/b/"}, RetiredAt: expires}.Record(),
			"Slug=billing, Name=Billing API, Route patterns=/a/\n/b/, Retired=Yes",
		},
		"key": {
			portal.Key{Name: "ERP", Kind: portal.TokenKey, Username: "ada", ApplicationName: "Workflow", LicenseNumber: "12345678", APISets: []portal.APISet{billing}, ExpiresAt: expires,
				AllowedNetworks: []string{"10.0.0.0/8", "2001:db8::/32"}, RateLimit: portal.RateLimit{Requests: 100, Period: portal.PerMinute}, Enabled: true, Masked: "kp_…aB3d"}.Record(),
			"Name=ERP, Kind=API key, Mapped user=ada, Application=Workflow, License=12345678, API sets=Billing API, Expires=2027-01-31 00:00 UTC, Allowed networks=10.0.0.0/8, 2001:db8::/32, Rate limit=100 per minute, Can impersonate=No, Enabled=Yes, Revoked=No",
		},
		"key that never expires": {portal.Key{}.Record(), "Expires=Never, Can impersonate=No, Enabled=No, Revoked=No"},
		"organization": {
			portal.Organization{Name: "Acme", LevelName: "Gold", ExpiryRequired: true, ExpiryMaxDays: 90}.Record(),
			"Name=Acme, Client level=Gold, Suspended=No, Secrets can be viewed again=No, API keys must expire=Yes, Longest lifetime in days=90",
		},
		"license":              {portal.License{Number: "12345678", Domain: "Acme Europe", Database: "ACME_EU", Active: true}.Record(), "Number=12345678, Domain=Acme Europe, Database=ACME_EU, Active=Yes"},
		"application":          {portal.Application{Name: "Workflow", Description: "The workflow."}.Record(), "Name=Workflow, Description=The workflow., Retired=No"},
		"retired application":  {portal.Application{Name: "Workflow", RetiredAt: expires}.Record(), "Name=Workflow, Retired=Yes"},
		"client level":         {portal.ClientLevel{ID: 2, Name: "Gold", Licenses: 2, Organizations: 5, Version: 3}.Record(), "Name=Gold, Master licenses=2"},
		"request that is open": {portal.Request{ApplicationName: "Workflow", LicenseNumber: "12345678", Reason: "To begin.", State: portal.RequestOpen}.Record(), "Application=Workflow, License=12345678, Reason=To begin., State=Open"},
		"request that is declined": {
			portal.Request{ApplicationName: "Workflow", LicenseNumber: "12345678", State: portal.RequestDeclined, AssigneeName: "Grace", Decision: "Not yet."}.Record(),
			"Application=Workflow, License=12345678, State=Declined, Taken by=Grace, Decision=Not yet.",
		},
	} {
		var parts []string
		for _, change := range portal.Diff(nil, test.record) {
			parts = append(parts, change.Name+"="+change.After)
		}
		wantEqual(t, what, strings.Join(parts, ", "), test.want)
	}
}

func TestNounsAndPeopleHaveNames(t *testing.T) {
	for got, want := range map[string]string{
		portal.NounAPISet.Label():                             "API set",
		portal.NounKey.Label():                                "API key",
		portal.NounLevel.Label():                              "client level",
		portal.NounUser.Label():                               "user",
		portal.User{Username: "ada", FirstName: "Ada"}.Name(): "Ada",
		portal.User{Username: "grace", FirstName: "Grace", LastName: "Hopper"}.Name(): "Grace Hopper",
		portal.User{Username: "erp"}.Name():                                           "erp",
		portal.SuperAdmin.Name():                                                      "Super admin",
		portal.NotStaff.Name():                                                        "",
	} {
		wantEqual(t, want, got, want)
	}
	for staff, valid := range map[portal.Staff]bool{portal.NotStaff: true, portal.SuperAdmin: true, portal.Support: true, "owner": false} {
		wantEqual(t, string(staff), staff.Valid(), valid)
	}
}

func TestHeadsAreReadAsTheyArePrinted(t *testing.T) {
	first, last := portal.Head{Revision: 7, MAC: []byte{0xab, 0x01}}, portal.Head{Revision: 95, MAC: []byte{0xff}}
	for text, want := range map[string][]portal.Head{
		first.String():                 {first},
		" 7 AB01 \r\n":                 {first},
		"head 7 ab01":                  {first},
		"0\n":                          {{}},
		first.String() + "\n\n95 ff\n": {first, last},
		"The Revision History is as it was written: 95 lines.\nhead 95 ff\n": {last},
	} {
		got, err := portal.ParseHeads(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		wantEqual(t, text, got, want)
	}
	for _, text := range []string{"", "\n", "nothing of the kind here", "head", "7", "7 xyz", "7 ab0", "-7 ab01", "0 ab01", "7 ab01 more", "head 7 ab01 more", "7 ab01\n8 x", "99999999999999999999 ab01"} {
		if _, err := portal.ParseHeads(text); portal.CodeOf(err) != portal.CodeInvalid {
			t.Errorf("%q: %v", text, err)
		}
	}
}

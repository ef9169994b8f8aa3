package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"keyportal/web/api"
	"keyportal/web/api/apitest"
)

// A client that was generated from the API's document finds its way by that alone.
func TestAGeneratedClientMakesAClientOfThePortalFromNothingAndTakesItBack(t *testing.T) {
	eachSample(t, func(t *testing.T, p place, _ string) {
		s := serve(t, p.flags("serve")...)
		c := generated{t, clientOf(t, s, p)}

		org := told(c.CreateOrganizationWithResponse(t.Context(), nil, apitest.OrganizationFields{Name: "Generated Inc.", LevelId: 2}))(t, http.StatusCreated).JSON201
		license := told(c.CreateLicenseWithResponse(t.Context(), nil, apitest.LicenseFields{OrgId: org.Id, Number: "44556677", Domain: "Generated", Database: "GENERATED"}))(t, http.StatusCreated).JSON201
		unused := told(c.CreateLicenseWithResponse(t.Context(), nil, apitest.LicenseFields{OrgId: org.Id, Number: "44556688", Domain: "Unused", Database: "UNUSED"}))(t, http.StatusCreated).JSON201
		instance := told(c.CreateInstanceWithResponse(t.Context(), nil, apitest.InstanceFields{Name: "BE44556677"}))(t, http.StatusCreated).JSON201
		application := told(c.CreateApplicationWithResponse(t.Context(), nil, apitest.ApplicationFields{OrgId: &org.Id, Name: "Robot"}))(t, http.StatusCreated).JSON201
		role := told(c.CreateRoleWithResponse(t.Context(), nil, apitest.RoleFields{OrgId: &org.Id, Name: "Biller", ApiSets: &[]string{"billing", "dunning"}}))(t, http.StatusCreated).JSON201
		user := told(c.CreateUserWithResponse(t.Context(), nil, apitest.UserFields{Email: "robot@example.com"}))(t, http.StatusCreated).JSON201
		told(c.SetMembershipWithResponse(t.Context(), org.Id, user.Id, nil, apitest.MembershipFields{RoleIds: &[]int64{role.Id}}))(t, http.StatusOK)
		group := told(c.CreateGroupWithResponse(t.Context(), org.Id, nil, apitest.GroupFields{Name: "Robots", RoleIds: &[]int64{role.Id}, MemberIds: &[]int64{user.Id}}))(t, http.StatusCreated).JSON201
		membership := told(c.GetMembershipWithResponse(t.Context(), org.Id, user.Id))(t, http.StatusOK).JSON200
		if len(membership.Groups) != 1 || membership.Groups[0].Id != group.Id {
			t.Errorf("the membership is %+v", membership)
		}

		wanted := apitest.KeyFields{OrgUserId: membership.Id, Name: "Robot", LicenseId: &license.Id, ApplicationId: &application.Id}
		if err := json.Unmarshal([]byte(`{"rateLimit": {"requests": 1000, "period": "second"}}`), &wanted); err != nil {
			t.Fatal(err)
		}
		key := c.newKey(s, wanted)
		c.edit(s, key)
		rotated := c.rotate(s, key)

		told(c.RevokeApiKeyWithResponse(t.Context(), key.Id, nil))(t, http.StatusOK)
		wantCheck(t, s.gateway, rotated, http.StatusUnauthorized)
		told(c.DeleteGroupWithResponse(t.Context(), group.Id, nil))(t, http.StatusNoContent)
		told(c.EndMembershipWithResponse(t.Context(), org.Id, user.Id, nil))(t, http.StatusNoContent)
		told(c.DeleteRoleWithResponse(t.Context(), role.Id, nil))(t, http.StatusNoContent)
		told(c.RetireApplicationWithResponse(t.Context(), application.Id, nil))(t, http.StatusOK)
		told(c.RemoveInstanceWithResponse(t.Context(), instance.Id))(t, http.StatusNoContent)
		told(c.DeleteLicenseWithResponse(t.Context(), unused.Id, nil))(t, http.StatusNoContent)
		told(c.DeleteLicenseWithResponse(t.Context(), license.Id, nil))(t, http.StatusConflict)
		told(c.DeactivateLicenseWithResponse(t.Context(), license.Id, nil))(t, http.StatusOK)
		if suspended := told(c.SuspendOrganizationWithResponse(t.Context(), org.Id, nil))(t, http.StatusOK).JSON200; !suspended.Suspended {
			t.Errorf("the organization is %+v", suspended)
		}
	})
}

// generated is the generated client in a test.
type generated struct {
	t *testing.T
	*apitest.ClientWithResponses
}

// clientOf gives a client with a key of a super admin that reaches all that there is.
func clientOf(t *testing.T, s *serving, p place) *apitest.ClientWithResponses {
	t.Helper()
	create := p.flags("key", "create", "--user=superadmin", "--name=Generated client")
	for _, set := range sampleAPISets {
		create = append(create, "--api-set="+set.Slug)
	}
	key := strings.TrimSpace(succeed(t, "", create...))
	client, err := apitest.NewClientWithResponses(s.portal+api.Prefix, apitest.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("X-Api-Key", key)
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// answered is what each call of the generated client gives.
type answered interface {
	StatusCode() int
	GetBody() []byte
}

// told gives the answer of a call that must end with a status.
func told[R answered](response R, err error) func(t *testing.T, status int) R {
	return func(t *testing.T, status int) R {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode() != status {
			t.Fatalf("status %d, want %d: %s", response.StatusCode(), status, response.GetBody())
		}
		return response
	}
}

// newKey makes a key that works at the gateway, and that is not made again when the
// request comes again.
func (c generated) newKey(s *serving, fields apitest.KeyFields) apitest.KeyMade {
	c.t.Helper()
	once := &apitest.CreateApiKeyParams{IdempotencyKey: new("the robot's key")}
	made := told(c.CreateApiKeyWithResponse(c.t.Context(), once, fields))(c.t, http.StatusCreated).JSON201
	wantCheck(c.t, s.gateway, *made.ApiKey, http.StatusOK)
	again := told(c.CreateApiKeyWithResponse(c.t.Context(), once, fields))(c.t, http.StatusCreated).JSON201
	if again.Id != made.Id || again.ApiKey != nil {
		c.t.Errorf("sent again, the request makes key %d, with a secret: %t; the first one made %d", again.Id, again.ApiKey != nil, made.Id)
	}
	return *made
}

// edit takes an API set from a key, which counts at the gateway, and which nobody does
// who has not seen what is there now.
func (c generated) edit(s *serving, key apitest.KeyMade) {
	c.t.Helper()
	read := told(c.GetApiKeyWithResponse(c.t.Context(), key.Id))(c.t, http.StatusOK)
	as := &apitest.UpdateApiKeyParams{IfMatch: new(read.HTTPResponse.Header.Get("ETag"))}
	without := apitest.KeyChange{ApiSets: &[]string{"dunning"}}
	edited := told(c.UpdateApiKeyWithResponse(c.t.Context(), key.Id, as, without))(c.t, http.StatusOK)
	if got := edited.JSON200.ApiSets; len(got) != 1 || got[0] != "dunning" {
		c.t.Errorf("the key reaches %q", got)
	}
	told(c.UpdateApiKeyWithResponse(c.t.Context(), key.Id, as, without))(c.t, http.StatusPreconditionFailed)
	wantCheck(c.t, s.gateway, *key.ApiKey, http.StatusForbidden)
	told(c.UpdateApiKeyWithResponse(c.t.Context(), key.Id, nil, apitest.KeyChange{ApiSets: &[]string{"billing"}}))(c.t, http.StatusOK)
	wantCheck(c.t, s.gateway, *key.ApiKey, http.StatusOK)
	for _, test := range []struct {
		from   []string
		status int
	}{{[]string{"192.0.2.7"}, http.StatusForbidden}, {[]string{}, http.StatusOK}} {
		bound := told(c.UpdateApiKeyWithResponse(c.t.Context(), key.Id, nil, apitest.KeyChange{AllowedNetworks: &test.from}))(c.t, http.StatusOK)
		if got := bound.JSON200; len(got.AllowedNetworks) != len(test.from) || got.RateLimit == nil || got.RateLimit.Requests != 1000 {
			c.t.Errorf("the key is bound to %q and %+v", got.AllowedNetworks, got.RateLimit)
		}
		wantCheck(c.t, s.gateway, *key.ApiKey, test.status)
	}
}

// rotate gives a key a new secret, beside which the old one works on.
func (c generated) rotate(s *serving, key apitest.KeyMade) string {
	c.t.Helper()
	rotated := told(c.RotateApiKeyWithResponse(c.t.Context(), key.Id, nil, apitest.Rotation{Grace: apitest.RotationGrace("1h")}))(c.t, http.StatusOK).JSON200
	for _, secret := range []string{*key.ApiKey, *rotated.ApiKey} {
		wantCheck(c.t, s.gateway, secret, http.StatusOK)
	}
	return *rotated.ApiKey
}

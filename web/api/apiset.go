package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

// APISet is a named part of the API that a key can be granted.
type APISet struct {
	ID          int64     `json:"id" example:"1"`
	Slug        string    `json:"slug" example:"billing" doc:"What gateways name it by."`
	Name        string    `json:"name" example:"Billing API"`
	Description string    `json:"description"`
	Routes      []string  `json:"routes" nullable:"false" doc:"Patterns of net/http.ServeMux without a host." example:"[\"GET /billing/{id}\"]"`
	Retired     bool      `json:"retired" doc:"No key reaches it any more."`
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
}

func apiSetOf(s portal.APISet) APISet {
	return APISet{
		ID: s.ID, Slug: s.Slug, Name: s.Name, Description: s.Description, Routes: append([]string{}, s.Routes...), Retired: s.Retired(), CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt,
	}
}

// APISetPath names an API set.
type APISetPath struct {
	APISetID int64 `path:"apiSetId" minimum:"1" example:"1"`
}

func addAPISets(a *API) {
	change := needs(portal.ManageAPISets)
	add(a, operation{http.MethodGet, "/apiSets", "listApiSets", "apiSet", "list the API sets", "Those in use first.", signedIn}, a.listAPISets)
	add(a, operation{http.MethodPost, "/apiSets", "createApiSet", "apiSet", "create an API set", "For who may Manage API Sets.", change}, a.createAPISet)
	add(a, operation{http.MethodGet, "/apiSets/{apiSetId}", "getApiSet", "apiSet", "load an API set", "For who may Manage API Sets.", change}, a.getAPISet)
	add(a, operation{http.MethodPatch, "/apiSets/{apiSetId}", "updateApiSet", "apiSet", "edit an API set", "Changes the fields that are sent. For who may Manage API Sets.", change}, a.updateAPISet)
	add(a, operation{http.MethodPost, "/apiSets/{apiSetId}/retire", "retireApiSet", "apiSet", "retire an API set", "Takes it away from all keys, until it is restored. For who may Manage API Sets.", change}, a.retireAPISet)
	add(a, operation{http.MethodPost, "/apiSets/{apiSetId}/restore", "restoreApiSet", "apiSet", "restore an API set", "Puts it back into use: keys that were granted it reach it again. For who may Manage API Sets.", change}, a.restoreAPISet)
}

func (a *API) listAPISets(ctx context.Context, _ *struct{}) (*listed[APISet], error) {
	sets, err := a.manage.APISets(ctx)
	if err != nil {
		return nil, err
	}
	return allOf(sets, apiSetOf), nil
}

// APISetFields is what an API set is made of.
type APISetFields struct {
	Slug        string   `json:"slug" maxLength:"64" doc:"Lower-case letters, digits and single hyphens." example:"billing"`
	Name        string   `json:"name" maxLength:"100" example:"Billing API"`
	Description string   `json:"description,omitempty" maxLength:"1000"`
	Routes      []string `json:"routes,omitempty" nullable:"false" maxItems:"5000" example:"[\"GET /billing/{id}\"]"`
}

type newAPISet struct {
	Idempotent
	Body APISetFields
}

func (a *API) createAPISet(ctx context.Context, in *newAPISet) (*made[APISet], error) {
	submission, err := in.submission("createApiSet", in.Body)
	if err != nil {
		return nil, err
	}
	set, err := a.manage.CreateAPISet(ctx, manage.APISetInput{
		Submission: submission, Slug: in.Body.Slug, Name: in.Body.Name, Description: in.Body.Description, Routes: strings.Join(in.Body.Routes, "\n"),
	})
	if err != nil {
		return nil, err
	}
	return &made[APISet]{Location: address("apiSets", set.ID), ETag: etag(set.Version), Body: apiSetOf(set)}, nil
}

func (a *API) getAPISet(ctx context.Context, in *APISetPath) (*found[APISet], error) {
	details, err := a.manage.APISet(ctx, in.APISetID)
	if err != nil {
		return nil, err
	}
	return &found[APISet]{ETag: etag(details.Version), Body: apiSetOf(details.APISet)}, nil
}

// APISetChange is what is to be different of an API set.
type APISetChange struct {
	Slug        optional[string]   `json:"slug,omitempty" maxLength:"64" example:"billing"`
	Name        optional[string]   `json:"name,omitempty" maxLength:"100" example:"Billing API"`
	Description optional[string]   `json:"description,omitempty" maxLength:"1000"`
	Routes      optional[[]string] `json:"routes,omitempty" nullable:"false" maxItems:"5000" example:"[\"GET /billing/{id}\"]"`
}

// ChangedAPISet names an API set that is to be changed.
type ChangedAPISet struct {
	APISetPath
	Conditional
}

type editedAPISet struct {
	ChangedAPISet
	Body APISetChange
}

func (a *API) apiSetToChange(ctx context.Context, in ChangedAPISet) (portal.APISet, error) {
	details, err := a.manage.APISet(ctx, in.APISetID)
	if err == nil {
		err = in.check(portal.NounAPISet, details.Version)
	}
	return details.APISet, err
}

func (a *API) updateAPISet(ctx context.Context, in *editedAPISet) (*found[APISet], error) {
	was, err := a.apiSetToChange(ctx, in.ChangedAPISet)
	if err != nil {
		return nil, err
	}
	err = a.manage.UpdateAPISet(ctx, manage.APISetInput{
		ID: was.ID, Version: was.Version, Slug: in.Body.Slug.or(was.Slug), Name: in.Body.Name.or(was.Name),
		Description: in.Body.Description.or(was.Description), Routes: strings.Join(in.Body.Routes.or(was.Routes), "\n"),
	})
	if err != nil {
		return nil, err
	}
	return a.getAPISet(ctx, &in.APISetPath)
}

func (a *API) retireAPISet(ctx context.Context, in *ChangedAPISet) (*found[APISet], error) {
	was, err := a.apiSetToChange(ctx, *in)
	if err == nil {
		err = a.manage.RetireAPISet(ctx, was.ID, was.Version, was.Name)
	}
	if err != nil {
		return nil, err
	}
	return a.getAPISet(ctx, &in.APISetPath)
}

func (a *API) restoreAPISet(ctx context.Context, in *ChangedAPISet) (*found[APISet], error) {
	was, err := a.apiSetToChange(ctx, *in)
	if err == nil {
		err = a.manage.RestoreAPISet(ctx, was.ID, was.Version)
	}
	if err != nil {
		return nil, err
	}
	return a.getAPISet(ctx, &in.APISetPath)
}

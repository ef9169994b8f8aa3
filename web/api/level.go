package api

import (
	"context"
	"net/http"
	"strconv"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

// Level is a client level.
type Level struct {
	ID       int64  `json:"id" example:"2"`
	Name     string `json:"name" example:"Gold"`
	Licenses int    `json:"licenses" example:"2" doc:"How many master licenses an organization of this level may hold."`
	OrgCount int    `json:"orgCount" doc:"How many organizations have it."`
}

func levelOf(l portal.ClientLevel) Level {
	return Level{ID: l.ID, Name: l.Name, Licenses: l.Licenses, OrgCount: l.Organizations}
}

// LevelPath names a client level.
type LevelPath struct {
	LevelID int64 `path:"levelId" minimum:"1" example:"2"`
}

func addLevels(a *API) {
	change := needs(portal.ManageOrganizations)
	add(a, operation{http.MethodGet, "/levels", "listLevels", "level", "list the client levels", "The smallest first.", signedIn}, a.listLevels)
	add(a, operation{http.MethodPost, "/levels", "createLevel", "level", "create a client level", "For who may Manage Organizations.", change}, a.createLevel)
	add(a, operation{http.MethodGet, "/levels/{levelId}", "getLevel", "level", "load a client level", "For who may Manage Organizations.", change}, a.getLevel)
	add(a, operation{http.MethodPatch, "/levels/{levelId}", "updateLevel", "level", "edit a client level",
		"Changes the fields that are sent. Fewer licenses than an organization of the level holds are refused. For who may Manage Organizations.", change}, a.updateLevel)
	add(a, operation{http.MethodDelete, "/levels/{levelId}", "deleteLevel", "level", "delete a client level", "One that no organization has. For who may Manage Organizations.", change}, a.deleteLevel)
}

func (a *API) listLevels(ctx context.Context, _ *struct{}) (*listed[Level], error) {
	levels, err := a.manage.ClientLevels(ctx)
	if err != nil {
		return nil, err
	}
	return allOf(levels, levelOf), nil
}

// LevelFields is what a client level is made of.
type LevelFields struct {
	Name     string `json:"name" maxLength:"100" example:"Silver"`
	Licenses int    `json:"licenses" minimum:"0" maximum:"1000" example:"5"`
}

type newLevel struct {
	Idempotent
	Body LevelFields
}

func (a *API) createLevel(ctx context.Context, in *newLevel) (*made[Level], error) {
	submission, err := in.submission("createLevel", in.Body)
	if err != nil {
		return nil, err
	}
	level, err := a.manage.CreateClientLevel(ctx, manage.LevelInput{Submission: submission, Name: in.Body.Name, Licenses: strconv.Itoa(in.Body.Licenses)})
	if err != nil {
		return nil, err
	}
	return &made[Level]{Location: address("levels", level.ID), ETag: etag(level.Version), Body: levelOf(level)}, nil
}

func (a *API) getLevel(ctx context.Context, in *LevelPath) (*found[Level], error) {
	level, err := a.manage.ClientLevel(ctx, in.LevelID)
	if err != nil {
		return nil, err
	}
	return &found[Level]{ETag: etag(level.Version), Body: levelOf(level)}, nil
}

// LevelChange is what is to be different of a client level.
type LevelChange struct {
	Name     optional[string] `json:"name,omitempty" maxLength:"100" example:"Silver"`
	Licenses optional[int]    `json:"licenses,omitempty" minimum:"0" maximum:"1000" example:"5"`
}

// ChangedLevel names a client level that is to be changed.
type ChangedLevel struct {
	LevelPath
	Conditional
}

type editedLevel struct {
	ChangedLevel
	Body LevelChange
}

func (a *API) levelToChange(ctx context.Context, in ChangedLevel) (portal.ClientLevel, error) {
	level, err := a.manage.ClientLevel(ctx, in.LevelID)
	if err == nil {
		err = in.check(portal.NounLevel, level.Version)
	}
	return level, err
}

func (a *API) updateLevel(ctx context.Context, in *editedLevel) (*found[Level], error) {
	was, err := a.levelToChange(ctx, in.ChangedLevel)
	if err != nil {
		return nil, err
	}
	err = a.manage.UpdateClientLevel(ctx, manage.LevelInput{
		ID: was.ID, Version: was.Version, Name: in.Body.Name.or(was.Name), Licenses: strconv.Itoa(in.Body.Licenses.or(was.Licenses)),
	})
	if err != nil {
		return nil, err
	}
	return a.getLevel(ctx, &in.LevelPath)
}

func (a *API) deleteLevel(ctx context.Context, in *ChangedLevel) (*nothing, error) {
	was, err := a.levelToChange(ctx, *in)
	if err != nil {
		return nil, err
	}
	return &nothing{}, a.manage.DeleteClientLevel(ctx, was.ID, was.Version)
}

package api

import (
	"context"
	"net/http"
	"time"

	"keyportal/internal/portal"
)

// Revision is one line of the Revision History.
type Revision struct {
	ID           int64         `json:"id" example:"1001" doc:"1, 2, 3 … without a gap."`
	At           time.Time     `json:"at"`
	Actor        Named         `json:"actor" doc:"Who did it; the ID 0 is the command line, or the program itself."`
	Key          *Named        `json:"key,omitempty" doc:"The API key through which it came."`
	Impersonator *Named        `json:"impersonator,omitempty" doc:"Who really did it, as the actor."`
	Address      string        `json:"address" example:"192.0.2.7"`
	OrgID        int64         `json:"orgId,omitempty" doc:"Not there for what concerns the installation."`
	Noun         string        `json:"noun" example:"key" doc:"What kind of thing it is about."`
	NounID       int64         `json:"nounId"`
	NounName     string        `json:"nounName"`
	UserID       int64         `json:"userId,omitempty" doc:"The user whom it is about."`
	Action       string        `json:"action" example:"edited"`
	Changes      []ValueChange `json:"changes" nullable:"false"`
}

// ValueChange is what one value was before and is after.
type ValueChange struct {
	Name   string `json:"name" example:"Name"`
	Before string `json:"before"`
	After  string `json:"after"`
}

func revisionOf(r portal.Revision) Revision {
	return Revision{
		ID: r.ID, At: r.At, Actor: Named{r.ActorID, r.ActorName}, Key: namedOrNone(r.KeyID, r.KeyName), Impersonator: namedOrNone(r.ImpersonatorID, r.ImpersonatorName),
		Address: r.Address, OrgID: r.OrganizationID, Noun: string(r.Noun), NounID: r.NounID, NounName: r.NounName, UserID: r.UserID, Action: r.Action,
		Changes: each(r.Changes, func(c portal.ValueChange) ValueChange { return ValueChange(c) }),
	}
}

func namedOrNone(id int64, name string) *Named {
	if id == 0 {
		return nil
	}
	return &Named{id, name}
}

func addRevisions(a *API) {
	add(a, operation{http.MethodGet, "/revisions", "listRevisions", "revision", "list lines of the Revision History",
		"The newest first. Of one key or request for who may see it; about one user your own, or with View Revision History; everything else with View Revision History in the organization, for staff without orgId in all.",
		signedIn}, a.listRevisions)
}

type revisionFilter struct {
	Paging
	OrgID  int64     `query:"orgId" minimum:"1" doc:"Of this organization alone. Without it: for staff of all and of the installation, for others of the one that they work in."`
	Noun   string    `query:"noun" enum:"installation,organization,user,membership,role,group,api_set,application,license,instance,key,request,link,session,level"`
	NounID int64     `query:"nounId" minimum:"1" doc:"With noun: about this thing."`
	UserID int64     `query:"userId" minimum:"1" doc:"About this user's account, memberships and links."`
	Actor  string    `query:"actor" maxLength:"64" doc:"The username of who did it."`
	KeyID  int64     `query:"keyId" minimum:"1" doc:"What came in through this API key."`
	Since  time.Time `query:"since" doc:"From this instant on."`
	Until  time.Time `query:"until" doc:"Before this instant."`
}

func (a *API) listRevisions(ctx context.Context, in *revisionFilter) (*listed[Revision], error) {
	filter := portal.RevisionFilter{
		List: in.list(), Noun: portal.Noun(in.Noun), NounID: in.NounID, UserID: in.UserID, Actor: in.Actor, KeyID: in.KeyID, Since: in.Since, Until: in.Until,
	}
	if filter.NounID != 0 && filter.Noun == "" {
		return nil, newProblem(http.StatusUnprocessableEntity, "nounId needs noun: IDs are those of one kind of thing.", Fault{"query.nounId", "Send noun too."})
	}
	if organization := organizationOr(ctx, in.OrgID); organization != 0 {
		filter.Organizations = []int64{organization}
	}
	page, err := a.manage.Revisions(ctx, filter)
	if err != nil {
		return nil, err
	}
	return listOf(page, revisionOf), nil
}

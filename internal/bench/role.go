package main

import (
	"context"
	"net/http"
	"slices"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

const roleRounds = 3 // at the most, as all keys are read in each

// swing is how long checks took before and after a change, and the longest after it.
type swing struct{ before, after, longest time.Duration } // p99, p99, the longest

// measureRole measures /auth with all known keys in use while the role changes that all
// their users have: what is remembered of every key counts no more then.
func (b *bench) measureRole(ctx context.Context, p *prepared) error {
	if p.size > mostKnown {
		return nil // no more keys are in use than with fewer
	}
	program, err := b.startProgram(ctx, p)
	if err != nil {
		return err
	}
	defer program.stop()
	t := &target{address: program.address, want: http.StatusOK, requests: authRequests(program.address, p.keys)}
	turns, err := inTurns(min(b.rounds, roleRounds), func() (swing, error) {
		if err := askForAll(ctx, b.connections, t); err != nil {
			return swing{}, err
		}
		return b.changeRole(ctx, p, t)
	})
	if err != nil {
		return err
	}
	b.report(p, "/auth while a role of all its keys changes: p99 ÷ before", goal{}, "", each(turns[0], func(s swing) float64 { return float64(s.after) / float64(s.before) }))
	b.report(p, "/auth while a role of all its keys changes: the longest", goal{}, "ms", each(turns[0], func(s swing) float64 { return milliseconds(s.longest) }))
	return nil
}

// changeRole loads a target for a turn, and for another one at whose start the role
// changes.
func (b *bench) changeRole(ctx context.Context, p *prepared, t *target) (swing, error) {
	before, err := drive(ctx, b.connections, t, t.during(b.turn))
	if err != nil {
		return swing{}, err
	}
	changed := make(chan error, 1)
	next := t.during(b.turn)
	go func() { changed <- p.changeRole(ctx) }()
	after, err := drive(ctx, b.connections, t, next)
	if err == nil {
		err = <-changed
	}
	if err != nil {
		return swing{}, err
	}
	return swing{percentile(before, 99), percentile(after, 99), slices.Max(after)}, nil
}

// changeRole gives the users' role another description.
func (p *prepared) changeRole(ctx context.Context) error {
	ctx = portal.WithActor(ctx, portal.Program("bench"))
	role, err := p.manager.Role(ctx, p.role.ID)
	if err != nil {
		return err
	}
	var sets []string
	for _, set := range role.APISets {
		sets = append(sets, set.Slug)
	}
	return p.manager.UpdateRole(ctx, manage.RoleInput{
		ID: role.ID, Version: role.Version, Name: role.Name, Description: "Changed " + time.Now().String(), Authorities: role.Authorities, APISets: sets,
	})
}

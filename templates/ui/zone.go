package ui

import (
	"context"
	"time"
)

type zoneKey struct{}

// WithZone has the moments of a page shown in the viewer's time zone.
func WithZone(ctx context.Context, zone *time.Location) context.Context {
	return context.WithValue(ctx, zoneKey{}, zone)
}

// Zone gives the viewer's time zone; UTC when it is not known.
func Zone(ctx context.Context) *time.Location {
	if zone, ok := ctx.Value(zoneKey{}).(*time.Location); ok {
		return zone
	}
	return time.UTC
}

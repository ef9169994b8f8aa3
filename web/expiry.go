package web

import (
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"keyportal/internal/portal"
	"keyportal/templates/page"
	"keyportal/templates/ui"
)

// expiryOf reads when a key is to end: a number of days from now, a date, never, or as it
// is at present, which holds too where nothing was entered. Days end where the form's
// zone is.
func (s *Server) expiryOf(values url.Values, present time.Time) (time.Time, error) {
	switch choice := values.Get("expiry"); choice {
	case page.KeepExpiry:
		return present, nil
	case page.NoExpiry:
		return time.Time{}, nil
	case "":
		if values.Get("expires") == "" {
			return present, nil
		}
		fallthrough
	case page.ExpiryOnDay:
		return endOfDay(values.Get("expires"), zoneNamed(values.Get("zone")))
	default:
		days, err := strconv.Atoi(choice)
		if err != nil || days <= 0 || days > maxLifetime {
			return time.Time{}, wrongExpiry("expiry", "Choose when the key expires.")
		}
		zone := zoneNamed(values.Get("zone"))
		return portal.EndOfDay(s.manage.Now().In(zone), days, zone).UTC(), nil
	}
}

const maxLifetime = 36500 // days

// endOfDay reads a date of a form (2027-01-31) as the end of that day.
func endOfDay(text string, zone *time.Location) (time.Time, error) {
	day, err := readDay("expires", text)
	if err != nil || day.IsZero() {
		return time.Time{}, wrongExpiry("expires", "Enter a date like 2027-01-31, or choose another expiry.")
	}
	return portal.EndOfDay(day, 0, zone).UTC(), nil
}

func wrongExpiry(field, message string) error {
	var invalid portal.Invalid
	invalid.Add(field, message)
	return invalid.Err()
}

// expiryChoice gives what may be chosen as the end of an organization's key.
func (s *Server) expiryChoice(organization portal.Organization) page.Expiry {
	return page.Expiry{Required: organization.ExpiryRequired, MaxDays: organization.ExpiryMaxDays, Now: s.manage.Now()}
}

const zoneCookie = "zone" // the browser's time zone, such as Europe/Berlin, as app.js tells it

// showInZone has a page's moments shown, and its dates read, in the browser's time zone.
func showInZone(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if cookie, err := c.Request().Cookie(zoneCookie); err == nil {
			name, _ := url.PathUnescape(cookie.Value)
			c.SetRequest(c.Request().WithContext(ui.WithZone(c.Request().Context(), zoneNamed(name))))
		}
		return next(c)
	}
}

const maxZone = 64 // characters of a time zone's name

// zoneNamed finds a time zone (IANA Time Zone Database); UTC when there is none of that
// name.
func zoneNamed(name string) *time.Location {
	if len(name) > maxZone || name == "Local" { // that would be the server's own
		return time.UTC
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}

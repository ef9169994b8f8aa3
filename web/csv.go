package web

import (
	"context"
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"keyportal/internal/portal"
)

const exportPage = 500 // rows that are read at once

var keyColumns = []string{"ID", "Name", "Description", "Key", "Kind", "Organization", "License", "Domain", "Application", "Username", "Mapped user", "API sets", "Can impersonate", "Allowed networks", "Rate limit", "State", "Refused as",
	"Created by", "Created", "Expires", "Last used", "Last used from"}

// exportKeys writes the list of keys as it is narrowed and sorted, all pages of
// it, as CSV.
func (s *Server) exportKeys(c echo.Context) error {
	ctx := c.Request().Context()
	if portal.ActorFrom(ctx).OrganizationID == 0 {
		return portal.Conflict("API keys belong to organizations. Choose the one that you want to work in first.")
	}
	sets, err := s.manage.APISets(ctx)
	if err != nil {
		return err
	}
	filter, err := s.keyFilter(c, sets)
	if err != nil {
		return err
	}
	now := s.manage.Now()
	return export(s, c, "api-keys", keyColumns, func(key portal.Key) []string { return keyRecord(key, now) },
		func(ctx context.Context, after string) (portal.Page[portal.Key], error) {
			filter.After, filter.Limit = after, exportPage
			return s.manage.Keys(ctx, filter)
		})
}

// export writes a list as CSV, page after page as read gives them. An export that
// fails on its way breaks the connection off, so that what came is not taken for all
// there is.
func export[T any](s *Server, c echo.Context, name string, columns []string, record func(T) []string, read func(ctx context.Context, after string) (portal.Page[T], error)) error {
	found, err := read(c.Request().Context(), "")
	if err != nil {
		return err
	}
	file := beginCSV(c, name+"-"+s.manage.Now().Format(time.DateOnly)+".csv", columns)
	for {
		for _, row := range found.Rows {
			file.Write(textCells(record(row)))
		}
		if found.Next == "" {
			file.Flush()
			return file.Error()
		}
		if found, err = nextPage(c, found.Next, read); err != nil || file.Error() != nil {
			s.Log.Error("an export broke off", "error", err)
			panic(http.ErrAbortHandler)
		}
	}
}

// nextPage reads another page of an export. A long export may take longer than other
// requests, but no page of it.
func nextPage[T any](c echo.Context, after string, read func(ctx context.Context, after string) (portal.Page[T], error)) (portal.Page[T], error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), requestTimeout)
	defer cancel()
	http.NewResponseController(c.Response()).SetWriteDeadline(time.Now().Add(requestTimeout))
	return read(ctx, after)
}

// beginCSV begins an answer that browsers save as a file.
func beginCSV(c echo.Context, name string, columns []string) *csv.Writer {
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, "text/csv; charset=utf-8")
	header.Set(echo.HeaderContentDisposition, `attachment; filename="`+name+`"`)
	c.Response().WriteHeader(http.StatusOK)
	file := csv.NewWriter(c.Response())
	file.Write(columns)
	return file
}

func keyRecord(key portal.Key, now time.Time) []string {
	sets := make([]string, len(key.APISets))
	for i, set := range key.APISets {
		sets[i] = set.Name
	}
	return []string{
		strconv.FormatInt(key.ID, 10), key.Name, key.Description, key.Masked, string(key.Kind), key.OrganizationName, key.LicenseNumber, key.Domain, key.ApplicationName, key.Username, key.UserName,
		strings.Join(sets, ", "), yesNoCell(key.CanImpersonate), strings.Join(key.AllowedNetworks, ", "), key.RateLimit.String(), key.State(now).Label(), string(key.RefusedAs), key.CreatorName,
		instantCell(key.CreatedAt), instantCell(key.ExpiresAt), instantCell(key.LastUsedAt), key.LastUsedFrom,
	}
}

// textCells keeps a spreadsheet from taking a record's texts for formulas.
func textCells(record []string) []string {
	for i := range record {
		record[i] = textCell(record[i])
	}
	return record
}

// textCell keeps a spreadsheet from taking a text for a formula.
func textCell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

func yesNoCell(yes bool) string {
	if yes {
		return "Yes"
	}
	return "No"
}

func instantCell(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

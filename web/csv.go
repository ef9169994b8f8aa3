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

var keyColumns = []string{"ID", "Name", "Description", "Key", "Kind", "Organization", "License", "Domain", "Application", "Username", "Mapped user", "API sets", "State", "Refused as",
	"Created by", "Created", "Expires", "Last used", "Last used from"}

// exportKeys writes the list of keys as it is narrowed and sorted, all pages of
// it, as CSV. An export that fails on its way breaks the connection off, so that
// what came is not taken for all there is.
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
	filter.After, filter.Limit = "", exportPage
	found, err := s.manage.Keys(ctx, filter)
	if err != nil {
		return err
	}
	now := s.manage.Now()
	file := beginCSV(c, "api-keys-"+now.Format(time.DateOnly)+".csv", keyColumns)
	for {
		for _, key := range found.Rows {
			file.Write(keyRecord(key, now))
		}
		if filter.After = found.Next; filter.After == "" {
			file.Flush()
			return file.Error()
		}
		if found, err = s.nextPage(c, filter); err != nil || file.Error() != nil {
			s.Log.Error("an export broke off", "error", err)
			panic(http.ErrAbortHandler)
		}
	}
}

// nextPage reads another page of keys. A long export may take longer than other
// requests, but no page of it.
func (s *Server) nextPage(c echo.Context, filter portal.KeyFilter) (portal.Page[portal.Key], error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), requestTimeout)
	defer cancel()
	http.NewResponseController(c.Response()).SetWriteDeadline(time.Now().Add(requestTimeout))
	return s.manage.Keys(ctx, filter)
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
	record := []string{
		strconv.FormatInt(key.ID, 10), key.Name, key.Description, key.Masked, string(key.Kind), key.OrganizationName, key.LicenseNumber, key.Domain, key.ApplicationName, key.Username, key.UserName,
		strings.Join(sets, ", "), key.State(now).Label(), string(key.RefusedAs), key.CreatorName,
		instantCell(key.CreatedAt), instantCell(key.ExpiresAt), instantCell(key.LastUsedAt), key.LastUsedFrom,
	}
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

func instantCell(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

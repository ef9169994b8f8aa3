package store

import (
	"context"
	"database/sql"

	"keyportal/internal/portal"
)

// pendingRequest keeps the requests that are still to be decided. It is spelled
// like the condition of the indices that hold only these.
const pendingRequest = `x.state NOT IN ('approved', 'declined', 'withdrawn')`

const requestColumns = `x.id, x.organization_id, o.name, x.requester_id, u.username, u.first_name, u.last_name, x.application_id, a.name, x.license_id, l.number, l.domain,
	x.reason, x.state, x.assignee_id, s.username, s.first_name, s.last_name, x.decision, x.key_id, x.decided_at, x.version, x.created_at, x.updated_at`

// requestAge is the text that the indices of requests hold.
const requestAge = `CAST(x.created_at AS TEXT)`

const requestTables = `requests x JOIN organizations o ON o.id = x.organization_id JOIN users u ON u.id = x.requester_id
	JOIN applications a ON a.id = x.application_id JOIN licenses l ON l.id = x.license_id LEFT JOIN users s ON s.id = x.assignee_id`

func scanRequest(r row) (x portal.Request, err error) {
	var requester portal.User
	var username, first, last sql.NullString
	err = r.Scan(&x.ID, &x.OrganizationID, &x.OrganizationName, &x.RequesterID, &requester.Username, &requester.FirstName, &requester.LastName,
		&x.ApplicationID, &x.ApplicationName, &x.LicenseID, &x.LicenseNumber, &x.Domain,
		&x.Reason, &x.State, referenced{&x.AssigneeID}, &username, &first, &last, &x.Decision, referenced{&x.KeyID}, instant{&x.DecidedAt},
		&x.Version, instant{&x.CreatedAt}, instant{&x.UpdatedAt})
	x.RequesterName = requester.Name()
	x.AssigneeName = portal.User{Username: username.String, FirstName: first.String, LastName: last.String}.Name()
	return x, err
}

// Request finds a request.
func (q Queries) Request(ctx context.Context, id int64) (portal.Request, error) {
	return one(ctx, q, portal.NounRequest, scanRequest, `/* request */ SELECT `+requestColumns+` FROM `+requestTables+` WHERE x.id = $1`, id)
}

// Requests lists requests by created (the oldest first), client or application.
// The search looks at the organization, the requester, the application, the
// license's number and its domain.
func (q Queries) Requests(ctx context.Context, filter portal.RequestFilter) (portal.Page[portal.Request], error) {
	l := listing[portal.Request]{
		name: "requests", columns: requestColumns, from: requestTables, id: "x.id", scan: scanRequest,
		sorts: map[string]string{"": requestAge, "created": requestAge, "client": "o.name_folded", "application": "a.name_folded"},
	}
	l.search(filter.Search, "o.name_folded", "u.search", "a.name_folded", "l.number", "l.domain_folded")
	if filter.OrganizationID != 0 {
		l.filter("x.organization_id = ?", filter.OrganizationID)
	}
	if filter.RequesterID != 0 {
		l.filter("x.requester_id = ?", filter.RequesterID)
	}
	if filter.AssigneeID != 0 {
		l.filter("x.assignee_id = ?", filter.AssigneeID)
	}
	if filter.State != "" {
		l.filter("x.state = ?", filter.State)
	}
	if filter.Pending {
		l.where = append(l.where, pendingRequest)
	}
	return page(ctx, q, l, filter.List)
}

// PendingRequests lists the requests of an organization that are still to be
// decided, the oldest first.
func (q Queries) PendingRequests(ctx context.Context, organization int64) ([]portal.Request, error) {
	return all(ctx, q, scanRequest, `/* pending requests of an organization */ SELECT `+requestColumns+` FROM `+requestTables+`
		WHERE x.organization_id = $1 AND `+pendingRequest+` ORDER BY x.id`, organization)
}

// PendingRequest finds the request for an application and license that is still
// to be decided.
func (q Queries) PendingRequest(ctx context.Context, application, license int64) (portal.Request, error) {
	return one(ctx, q, portal.NounRequest, scanRequest, `/* pending request */ SELECT `+requestColumns+` FROM `+requestTables+`
		WHERE x.application_id = $1 AND x.license_id = $2 AND `+pendingRequest, application, license)
}

// OpenRequests counts the requests that wait for support: all that are still to
// be decided but for those that wait for an answer.
func (q Queries) OpenRequests(ctx context.Context) (int, error) {
	return one(ctx, q, portal.NounRequest, scalar[int], `/* count of open requests */ SELECT count(*) FROM requests WHERE state IN ('open', 'taken')`)
}

// AskedRequests counts the requests of a requester that wait for an answer.
func (q Queries) AskedRequests(ctx context.Context, organization, requester int64) (int, error) {
	return one(ctx, q, portal.NounRequest, scalar[int], `/* count of asked requests */ SELECT count(*) FROM requests
		WHERE requester_id = $1 AND organization_id = $2 AND state = 'asked'`, requester, organization)
}

// InsertRequest adds a request and gives it with its ID.
func (c *Change) InsertRequest(ctx context.Context, x portal.Request) (portal.Request, error) {
	id, err := one(ctx, c.Queries, portal.NounRequest, scalar[int64], `/* insert request */
		INSERT INTO requests (organization_id, requester_id, application_id, license_id, reason, state, assignee_id, decision, key_id, decided_at, version, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $11) RETURNING id`,
		x.OrganizationID, x.RequesterID, x.ApplicationID, x.LicenseID, x.Reason, x.State, ref(x.AssigneeID), x.Decision, ref(x.KeyID), at(x.DecidedAt), at(c.Now()))
	if err != nil {
		return x, err
	}
	return c.Request(ctx, id)
}

// UpdateRequest writes how far a request is if it still has the given version;
// else the error is Stale.
func (c *Change) UpdateRequest(ctx context.Context, x portal.Request) error {
	return c.execVersion(ctx, portal.NounRequest, `/* update request */
		UPDATE requests SET state = $3, assignee_id = $4, decision = $5, key_id = $6, decided_at = $7, version = version + 1, updated_at = $8 WHERE id = $1 AND version = $2`,
		x.ID, x.Version, x.State, ref(x.AssigneeID), x.Decision, ref(x.KeyID), at(x.DecidedAt), at(c.Now()))
}

// RequestMessages lists what was asked and answered about a request, the oldest
// first.
func (q Queries) RequestMessages(ctx context.Context, request int64) ([]portal.RequestMessage, error) {
	return all(ctx, q, scanRequestMessage, `/* messages of a request */ SELECT m.id, m.request_id, m.user_id, u.username, u.first_name, u.last_name, m.message, m.created_at
		FROM request_messages m JOIN users u ON u.id = m.user_id WHERE m.request_id = $1 ORDER BY m.id`, request)
}

func scanRequestMessage(r row) (m portal.RequestMessage, err error) {
	var user portal.User
	err = r.Scan(&m.ID, &m.RequestID, &m.UserID, &user.Username, &user.FirstName, &user.LastName, &m.Text, instant{&m.CreatedAt})
	m.UserName = user.Name()
	return m, err
}

// InsertRequestMessage adds a question or an answer.
func (c *Change) InsertRequestMessage(ctx context.Context, m portal.RequestMessage) error {
	return c.exec(ctx, `/* insert message of a request */ INSERT INTO request_messages (request_id, user_id, message, created_at) VALUES ($1, $2, $3, $4)`,
		m.RequestID, m.UserID, m.Text, at(c.Now()))
}

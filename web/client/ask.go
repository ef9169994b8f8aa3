package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// CallerError is why Key Portal refuses the service itself, whatever it asks: its own
// key is not valid, or the key's user does not hold the authority Verify keys.
type CallerError struct {
	Status  int    // 401, 403 or 429
	Code    string // such as "REVOKED"; "" when the answer had none
	Message string // what Key Portal says of it
}

// Error says that it is the service's own key that is refused.
func (e *CallerError) Error() string {
	return fmt.Sprintf("Key Portal refuses the key of this service itself, not the one that it asks about: %d %.50q %.300q", e.Status, e.Code, e.Message)
}

// ask asks one question. Whatever is not an answer is an error.
func (c *Client) ask(ctx context.Context, question []byte) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	status, body, err := c.post(ctx, question)
	if err != nil {
		return Answer{}, fmt.Errorf("Key Portal did not answer: %w", err)
	}
	if status != http.StatusOK {
		return Answer{}, explain(status, body)
	}
	return readAnswer(body)
}

// post sends a question, and reads what comes back up to a limit.
func (c *Client) post(ctx context.Context, question []byte) (status int, body []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(question))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header["Idempotency-Key"] = nil // not sent: it allows the question again when Key Portal had just closed an idle connection
	c.prove(r.Header)
	response, err := c.http.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, largest)) // half an answer is none
	return response.StatusCode, body, err
}

// explain gives the error of an answer with another status than 200, from the problem
// that it has (RFC 9457), if it has one.
func explain(status int, body []byte) error {
	var problem struct{ Code, Detail string }
	json.Unmarshal(body, &problem) // what can't be read has no code
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		return &CallerError{status, problem.Code, problem.Detail}
	}
	return fmt.Errorf("Key Portal answered %d %.50q %.300q", status, problem.Code, problem.Detail)
}

package api

import (
	"context"
	"net/http"
	"time"

	"keyportal/internal/manage"
	"keyportal/internal/portal"
)

func addRotations(a *API) {
	add(a, operation{http.MethodPost, "/user/apiKey/{keyId}/rotate", "rotateApiKey", "apiKey", "give an api key a new secret",
		"Answers with the new secret in clear, this once. The one before works on for the grace. For who may have the key's secret.", changeKeys}, a.rotateKey)
	add(a, operation{http.MethodPost, "/user/apiKey/{keyId}/retireOldSecret", "retireOldApiKeySecret", "apiKey", "end an api key's old secret",
		"Ends the secret that is being rotated out before its time, with its access tokens.", changeKeys}, a.retireOldSecret)
	add(a, operation{http.MethodPost, "/user/apiKey/{keyId}/cancelRotation", "cancelApiKeyRotation", "apiKey", "take an api key's rotation back",
		"The old secret works on, and the new one stops at once, with its access tokens.", changeKeys}, a.cancelRotation)
}

// Rotation is how a key gets a new secret.
type Rotation struct {
	Grace string `json:"grace,omitempty" enum:"0s,1h,24h,168h" default:"0s" example:"24h" doc:"How long the present secret goes on working; 0s ends it at once."`
}

type rotatedKey struct {
	ChangedKey
	Idempotent
	Body *Rotation
}

type foundSecret struct {
	ETag string `header:"ETag" doc:"The key's version, for If-Match."`
	Body KeyMade
}

func (a *API) rotateKey(ctx context.Context, in *rotatedKey) (*foundSecret, error) {
	rotation := Rotation{}
	if in.Body != nil {
		rotation = *in.Body
	}
	grace, err := graceOf(rotation)
	if err != nil {
		return nil, err
	}
	submission, err := in.submission(address("rotate", in.KeyID), rotation)
	if err != nil {
		return nil, err
	}
	key, err := a.manage.Key(ctx, in.KeyID)
	if err != nil {
		return nil, err
	}
	if submission.Token == "" { // a request that comes again names the version that it came with first
		if err := in.check(portal.NounKey, key.Version); err != nil {
			return nil, err
		}
	}
	generated, err := a.manage.RotateKey(ctx, manage.Rotation{KeyID: key.ID, Submission: submission, Grace: grace, Confirm: manage.RotationName(key.Key)})
	if err != nil {
		return nil, err
	}
	return &foundSecret{ETag: etag(generated.Version), Body: a.keyMade(generated)}, nil
}

func graceOf(rotation Rotation) (time.Duration, error) {
	if rotation.Grace == "" {
		return 0, nil
	}
	return time.ParseDuration(rotation.Grace)
}

func (a *API) retireOldSecret(ctx context.Context, in *ChangedKey) (*found[Key], error) {
	return a.onKey(ctx, *in, func(key portal.Key) error { return a.manage.RetireOldSecret(ctx, key.ID, manage.RotationName(key)) })
}

func (a *API) cancelRotation(ctx context.Context, in *ChangedKey) (*found[Key], error) {
	return a.onKey(ctx, *in, func(key portal.Key) error { return a.manage.CancelRotation(ctx, key.ID, manage.RotationName(key)) })
}

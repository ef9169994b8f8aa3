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
		"Answers with the new secret in clear, this once. The one before works on for the grace that you choose; one that was still being rotated out ends at once: at most two work at a time. For who may have the key's secret.", changeKeys}, a.rotateKey)
	add(a, operation{http.MethodGet, "/user/apiKey/{keyId}/secrets", "listApiKeySecrets", "apiKey", "load what is known of an api key's secrets",
		"Those that work now, the current one first, never in clear: whether an old one is being rotated out, until when, and whether it is still in use.", seeKeys}, a.listSecrets)
	add(a, operation{http.MethodPost, "/user/apiKey/{keyId}/retireOldSecret", "retireOldApiKeySecret", "apiKey", "end an api key's old secret",
		"Ends the secret that is being rotated out before its time, with its access tokens.", changeKeys}, a.retireOldSecret)
	add(a, operation{http.MethodPost, "/user/apiKey/{keyId}/cancelRotation", "cancelApiKeyRotation", "apiKey", "take an api key's rotation back",
		"The old secret works on, and the new one stops at once, with its access tokens.", changeKeys}, a.cancelRotation)
}

// Rotation is how a key gets a new secret.
type Rotation struct {
	Grace string `json:"grace" enum:"0s,1h,24h,168h" example:"24h" doc:"How long the present secret goes on working; 0s ends it at once."`
}

// KeySecret is what is known of a secret that works now.
type KeySecret struct {
	Masked       string    `json:"masked" example:"kp_…aB3d" doc:"Enough of it to know it by."`
	Current      bool      `json:"current" doc:"false: it is being rotated out."`
	EndsAt       instant   `json:"endsAt" doc:"When an old one stops; null: not before the key does."`
	CreatedAt    time.Time `json:"createdAt"`
	LastUsedAt   instant   `json:"lastUsedAt" doc:"null: never. Written down every few seconds."`
	LastUsedFrom string    `json:"lastUsedFrom,omitempty" example:"192.0.2.7"`
	Accepted     int64     `json:"accepted" doc:"How many requests were accepted with it until then."`
}

func secretOf(s portal.Secret) KeySecret {
	return KeySecret{Masked: s.Masked, Current: !s.Previous, EndsAt: instant{s.ExpiresAt}, CreatedAt: s.CreatedAt, LastUsedAt: instant{s.LastUsedAt}, LastUsedFrom: s.LastUsedFrom, Accepted: s.Accepted}
}

func (a *API) listSecrets(ctx context.Context, in *KeyPath) (*listed[KeySecret], error) {
	key, err := a.manage.Key(ctx, in.KeyID)
	if err != nil {
		return nil, err
	}
	return allOf(key.Secrets, secretOf), nil
}

type rotatedKey struct {
	ChangedKey
	Idempotent
	Body Rotation
}

type foundSecret struct {
	ETag string `header:"ETag" doc:"The key's version, for If-Match."`
	Body KeyMade
}

func (a *API) rotateKey(ctx context.Context, in *rotatedKey) (*foundSecret, error) {
	grace, err := time.ParseDuration(in.Body.Grace)
	if err != nil {
		return nil, err
	}
	submission, err := in.submission(address("rotate", in.KeyID), in.Body)
	if err != nil {
		return nil, err
	}
	key, err := a.manage.Key(ctx, in.KeyID)
	if err != nil {
		return nil, err
	}
	generated, err := a.manage.RotateKey(ctx, manage.Rotation{
		KeyID: key.ID, Submission: submission, Grace: grace, Confirm: manage.RotationName(key.Key),
		Check: func(now portal.Key) error { return in.check(portal.NounKey, now.Version) }, // not when the request comes again
	})
	if err != nil {
		return nil, err
	}
	return &foundSecret{ETag: etag(generated.Version), Body: a.keyMade(generated)}, nil
}

func (a *API) retireOldSecret(ctx context.Context, in *ChangedKey) (*found[Key], error) {
	return a.onKey(ctx, *in, func(key portal.Key) error { return a.manage.RetireOldSecret(ctx, key.ID, manage.RotationName(key)) })
}

func (a *API) cancelRotation(ctx context.Context, in *ChangedKey) (*found[Key], error) {
	return a.onKey(ctx, *in, func(key portal.Key) error { return a.manage.CancelRotation(ctx, key.ID, manage.RotationName(key)) })
}

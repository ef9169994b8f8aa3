-- +goose Up

-- Client levels and applications can be edited; applications can be retired, and
-- are not deleted, so that keys and requests keep their names.
ALTER TABLE client_levels ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE applications ADD COLUMN retired_at BIGINT;
ALTER TABLE applications ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE applications ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;

-- A domain is one license's alone: gateways bind places to domains by their names.
CREATE UNIQUE INDEX licenses_domain ON licenses (domain);

-- One request at a time for an application and license, and one one-time page
-- for a key.
CREATE UNIQUE INDEX requests_pending ON requests (application_id, license_id) WHERE state IN ('open', 'taken', 'asked');
CREATE INDEX requests_requester ON requests (requester_id, id);
CREATE UNIQUE INDEX links_delivery ON links (key_id) WHERE purpose = 'delivery';

-- When an organization's keys were last accepted.
CREATE TABLE organization_uses (
    organization_id BIGINT PRIMARY KEY REFERENCES organizations (id),
    used_at BIGINT NOT NULL
);

-- Which programs got access tokens with a secret, as they name themselves, and
-- from where.
CREATE TABLE client_uses (
    key_id BIGINT NOT NULL REFERENCES keys (id),
    secret_id BIGINT NOT NULL REFERENCES secrets (id),
    agent TEXT NOT NULL,
    address TEXT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (key_id, secret_id, agent, address)
);

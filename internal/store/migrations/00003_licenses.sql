-- +goose Up

-- Client levels and applications can be edited; applications can be retired, and
-- are not deleted, so that keys and requests keep their names.
ALTER TABLE client_levels ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE client_levels ADD COLUMN name_folded TEXT NOT NULL DEFAULT '';
UPDATE client_levels SET name_folded = lower(name);
DROP INDEX client_levels_name;
CREATE UNIQUE INDEX client_levels_name ON client_levels (name_folded);
CREATE INDEX organizations_level ON organizations (level_id);
ALTER TABLE applications ADD COLUMN retired_at BIGINT;
ALTER TABLE applications ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE applications ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
UPDATE applications SET updated_at = created_at;
CREATE INDEX keys_application ON keys (application_id) WHERE revoked_at IS NULL AND application_id IS NOT NULL;

-- A domain is one license's alone: gateways bind places to domains by their names.
ALTER TABLE licenses ADD COLUMN domain_folded TEXT NOT NULL DEFAULT '';
UPDATE licenses SET domain_folded = lower(domain);
CREATE UNIQUE INDEX licenses_domain ON licenses (domain_folded);

-- One request at a time for an application and license, and one one-time page
-- for a key.
CREATE UNIQUE INDEX requests_pending ON requests (application_id, license_id) WHERE state NOT IN ('approved', 'declined', 'withdrawn');
CREATE UNIQUE INDEX links_delivery ON links (key_id) WHERE purpose = 'delivery';

-- Lists of requests go by age, as a text like every order of a list.
DROP INDEX requests_state;
CREATE INDEX requests_state ON requests (state, (CAST(created_at AS TEXT)), id);
CREATE INDEX requests_age ON requests ((CAST(created_at AS TEXT)), id);
CREATE INDEX requests_queue ON requests ((CAST(created_at AS TEXT)), id) WHERE state NOT IN ('approved', 'declined', 'withdrawn');
CREATE INDEX requests_requester ON requests (requester_id, id);

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

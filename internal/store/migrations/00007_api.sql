-- +goose Up

-- Keys that customers had before are known by the SHA-256 of a text that has neither
-- the form nor the checksum of this program's keys.
ALTER TABLE secrets ADD COLUMN imported BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX secrets_imported ON secrets (id) WHERE imported;

-- The SHA-256 of what came with an Idempotency-Key, by which the same key with
-- something else is told. Forms have none.
ALTER TABLE submissions ADD COLUMN fingerprint BYTEA;

-- The keys that can impersonate, of all organizations, are listed.
CREATE INDEX keys_impersonating ON keys (name_folded, id) WHERE can_impersonate;

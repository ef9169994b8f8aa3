-- +goose Up

-- How often each secret was accepted: of two that work at the same time, which one is
-- still in use, and how much.
ALTER TABLE secret_uses ADD COLUMN accepted BIGINT NOT NULL DEFAULT 0;

-- +goose Up

-- Revocations of access tokens are numbered in the order in which they commit, for
-- those who follow them: whoever revokes takes the one row first.
CREATE TABLE token_revocations (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    number BIGINT NOT NULL
);
INSERT INTO token_revocations (id, number) VALUES (1, 0);
ALTER TABLE access_tokens ADD COLUMN revocation BIGINT;
CREATE INDEX access_tokens_revocation ON access_tokens (revocation) WHERE revocation IS NOT NULL;

-- +goose Up

-- Who mapped a key to its user, and whether the user was told when it was somebody
-- else. The mapper's name, a text, follows as version 6.
ALTER TABLE keys ADD COLUMN mapped_by BIGINT NOT NULL DEFAULT 0;
ALTER TABLE keys ADD COLUMN mapped_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE keys ADD COLUMN mapping_told BOOLEAN NOT NULL DEFAULT TRUE;
UPDATE keys SET mapped_by = created_by, mapped_at = created_at;
CREATE INDEX keys_untold ON keys (user_id) WHERE NOT mapping_told;

-- The tabs of Integrations list key pairs alone, of an organization that may have
-- many other keys.
CREATE INDEX keys_pairs ON keys (organization_id, data_loader, name_folded, id) WHERE kind = 'pair';

-- The Revision History is narrowed by what it is about, who it was, when and through
-- which key.
CREATE INDEX revisions_organization_noun ON revisions (organization_id, noun, id);
CREATE INDEX revisions_organization_actor ON revisions (organization_id, actor_id, id);
CREATE INDEX revisions_noun_order ON revisions (noun, id);
CREATE INDEX revisions_at ON revisions (at, id);
CREATE INDEX revisions_key ON revisions (key_id, id) WHERE key_id <> 0;

ALTER TABLE keys ADD COLUMN mapper_name TEXT NOT NULL DEFAULT '';
UPDATE keys SET mapper_name = creator_name;

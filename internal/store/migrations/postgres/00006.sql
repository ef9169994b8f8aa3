ALTER TABLE keys ADD COLUMN mapper_name TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE keys SET mapper_name = creator_name;

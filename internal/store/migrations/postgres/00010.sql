-- Keys bear the text by which their mapped user is found, too, so that indices of one
-- table know all that a search looks at: of which three characters after each other
-- texts are made. The extension comes with PostgreSQL and may be made by who may create
-- in the database; where neither is so, a search goes through all keys.
ALTER TABLE keys ADD COLUMN user_search TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE keys SET user_search = u.search FROM users u WHERE u.id = keys.user_id;
DO $$
DECLARE
    home text;
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    SELECT n.nspname INTO home FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
    EXECUTE format('CREATE INDEX keys_search ON keys USING gin (search %I.gin_trgm_ops, user_search %1$I.gin_trgm_ops)', home);
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
    RAISE WARNING 'pg_trgm can''t be used: %', SQLERRM;
END $$;

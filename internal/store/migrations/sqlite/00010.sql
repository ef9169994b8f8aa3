-- Keys bear the text by which their mapped user is found, too, so that one index knows
-- all that a search looks at: of which three characters after each other texts are made.
ALTER TABLE keys ADD COLUMN user_search TEXT NOT NULL DEFAULT '';
UPDATE keys SET user_search = (SELECT u.search FROM users u WHERE u.id = keys.user_id);
CREATE VIRTUAL TABLE key_search USING fts5(search, user_search, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram case_sensitive 1');
INSERT INTO key_search (rowid, search, user_search) SELECT id, search, user_search FROM keys;
CREATE TRIGGER keys_search_insert AFTER INSERT ON keys BEGIN
    INSERT INTO key_search (rowid, search, user_search) VALUES (NEW.id, NEW.search, NEW.user_search);
END;
CREATE TRIGGER keys_search_update AFTER UPDATE OF search, user_search ON keys
WHEN OLD.search <> NEW.search OR OLD.user_search <> NEW.user_search BEGIN
    DELETE FROM key_search WHERE rowid = OLD.id;
    INSERT INTO key_search (rowid, search, user_search) VALUES (NEW.id, NEW.search, NEW.user_search);
END;
CREATE TRIGGER keys_search_delete AFTER DELETE ON keys BEGIN
    DELETE FROM key_search WHERE rowid = OLD.id;
END;

-- Texts that came since version 2 are compared byte by byte too.
ALTER TABLE client_levels ALTER COLUMN name_folded TYPE text COLLATE "C";
ALTER TABLE licenses ALTER COLUMN domain_folded TYPE text COLLATE "C";
ALTER TABLE client_uses ALTER COLUMN agent TYPE text COLLATE "C", ALTER COLUMN address TYPE text COLLATE "C";

-- Rows of organizations and client levels are locked, so that no two transactions
-- each decide without the other one's license or level.
CREATE FUNCTION licenses_within_level() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    allowed bigint;
BEGIN
    PERFORM 1 FROM organizations o WHERE o.id = NEW.organization_id FOR NO KEY UPDATE;
    SELECT c.licenses INTO allowed FROM organizations o JOIN client_levels c ON c.id = o.level_id WHERE o.id = NEW.organization_id FOR SHARE OF c;
    IF (SELECT count(*) FROM licenses l WHERE l.organization_id = NEW.organization_id) >= allowed THEN
        RAISE EXCEPTION 'the client level allows no more licenses' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER licenses_within_level BEFORE INSERT ON licenses FOR EACH ROW EXECUTE FUNCTION licenses_within_level();

CREATE TRIGGER licenses_stay BEFORE UPDATE OF organization_id ON licenses FOR EACH ROW
WHEN (OLD.organization_id <> NEW.organization_id) EXECUTE FUNCTION refuse('a license stays with its organization');

CREATE FUNCTION organizations_within_level() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM client_levels c WHERE c.id = NEW.level_id FOR SHARE;
    IF (SELECT count(*) FROM licenses l WHERE l.organization_id = NEW.id) > (SELECT c.licenses FROM client_levels c WHERE c.id = NEW.level_id) THEN
        RAISE EXCEPTION 'the organization holds more licenses than the client level allows' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER organizations_within_level BEFORE UPDATE OF level_id ON organizations FOR EACH ROW EXECUTE FUNCTION organizations_within_level();

CREATE FUNCTION levels_above_use() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM licenses l JOIN organizations o ON o.id = l.organization_id
        WHERE o.level_id = NEW.id GROUP BY o.id HAVING count(*) > NEW.licenses) THEN
        RAISE EXCEPTION 'an organization holds more licenses than the client level would allow' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER levels_above_use BEFORE UPDATE OF licenses ON client_levels FOR EACH ROW EXECUTE FUNCTION levels_above_use();

CREATE TRIGGER licenses_within_level BEFORE INSERT ON licenses
WHEN (SELECT count(*) FROM licenses l WHERE l.organization_id = NEW.organization_id)
    >= (SELECT c.licenses FROM organizations o JOIN client_levels c ON c.id = o.level_id WHERE o.id = NEW.organization_id) BEGIN
    SELECT RAISE(ABORT, 'the client level allows no more licenses');
END;
CREATE TRIGGER licenses_stay BEFORE UPDATE OF organization_id ON licenses WHEN OLD.organization_id <> NEW.organization_id BEGIN
    SELECT RAISE(ABORT, 'a license stays with its organization');
END;
CREATE TRIGGER organizations_within_level BEFORE UPDATE OF level_id ON organizations
WHEN (SELECT count(*) FROM licenses l WHERE l.organization_id = NEW.id) > (SELECT c.licenses FROM client_levels c WHERE c.id = NEW.level_id) BEGIN
    SELECT RAISE(ABORT, 'the organization holds more licenses than the client level allows');
END;
CREATE TRIGGER levels_above_use BEFORE UPDATE OF licenses ON client_levels
WHEN EXISTS (SELECT 1 FROM licenses l JOIN organizations o ON o.id = l.organization_id
    WHERE o.level_id = NEW.id GROUP BY o.id HAVING count(*) > NEW.licenses) BEGIN
    SELECT RAISE(ABORT, 'an organization holds more licenses than the client level would allow');
END;

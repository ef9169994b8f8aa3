CREATE TRIGGER revisions_are_final BEFORE UPDATE ON revisions BEGIN
    SELECT RAISE(ABORT, 'revisions are never changed');
END;
CREATE TRIGGER revisions_stay BEFORE DELETE ON revisions BEGIN
    SELECT RAISE(ABORT, 'revisions are never deleted');
END;
CREATE TRIGGER revisions_are_not_replaced BEFORE INSERT ON revisions WHEN EXISTS (SELECT 1 FROM revisions r WHERE r.id = NEW.id) BEGIN
    SELECT RAISE(ABORT, 'revisions are never changed');
END;
CREATE TRIGGER keys_application_insert BEFORE INSERT ON keys
WHEN EXISTS (SELECT 1 FROM applications a WHERE a.id = NEW.application_id AND a.organization_id <> NEW.organization_id) BEGIN
    SELECT RAISE(ABORT, 'the application belongs to another organization');
END;
CREATE TRIGGER keys_application_update BEFORE UPDATE OF application_id, organization_id ON keys
WHEN EXISTS (SELECT 1 FROM applications a WHERE a.id = NEW.application_id AND a.organization_id <> NEW.organization_id) BEGIN
    SELECT RAISE(ABORT, 'the application belongs to another organization');
END;
CREATE TRIGGER applications_stay BEFORE UPDATE OF organization_id ON applications WHEN OLD.organization_id IS NOT NEW.organization_id BEGIN
    SELECT RAISE(ABORT, 'an application stays with its organization');
END;
CREATE TRIGGER last_super_admin BEFORE UPDATE OF staff, enabled ON users
WHEN OLD.staff = 'super_admin' AND OLD.enabled AND NOT (NEW.staff = 'super_admin' AND NEW.enabled)
    AND NOT EXISTS (SELECT 1 FROM users u WHERE u.staff = 'super_admin' AND u.enabled AND u.id <> OLD.id) BEGIN
    SELECT RAISE(ABORT, 'there must be an enabled super admin');
END;
CREATE TRIGGER last_super_admin_stays BEFORE DELETE ON users
WHEN OLD.staff = 'super_admin' AND OLD.enabled
    AND NOT EXISTS (SELECT 1 FROM users u WHERE u.staff = 'super_admin' AND u.enabled AND u.id <> OLD.id) BEGIN
    SELECT RAISE(ABORT, 'there must be an enabled super admin');
END;

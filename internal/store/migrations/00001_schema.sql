-- +goose Up

-- One schema for SQLite and PostgreSQL. Instants are microseconds since 1970
-- (UTC); NULL means "not set". What the engines spell differently follows as
-- version 2, in a folder of each.

CREATE TABLE client_levels (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    licenses BIGINT NOT NULL CHECK (licenses >= 0)
);
CREATE UNIQUE INDEX client_levels_name ON client_levels (lower(name));

CREATE TABLE organizations (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL UNIQUE,
    level_id BIGINT NOT NULL REFERENCES client_levels (id),
    suspended BOOLEAN NOT NULL,
    secret_viewing BOOLEAN NOT NULL,
    expiry_required BOOLEAN NOT NULL,
    expiry_max_days BIGINT NOT NULL CHECK (expiry_max_days >= 0),
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    username TEXT NOT NULL,
    username_folded TEXT NOT NULL UNIQUE,
    first_name TEXT NOT NULL,
    first_name_folded TEXT NOT NULL,
    last_name TEXT NOT NULL,
    last_name_folded TEXT NOT NULL,
    email TEXT NOT NULL,
    email_folded TEXT NOT NULL,
    search TEXT NOT NULL,
    staff TEXT NOT NULL CHECK (staff IN ('', 'super_admin', 'support')),
    enabled BOOLEAN NOT NULL,
    locked BOOLEAN NOT NULL,
    password_expired BOOLEAN NOT NULL,
    password_hash TEXT,
    last_sign_in_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX users_super_admins ON users (id) WHERE staff = 'super_admin';

-- A membership is never deleted: keys stay bound to it while it has ended.
CREATE TABLE memberships (
    id INTEGER PRIMARY KEY,
    organization_id BIGINT NOT NULL REFERENCES organizations (id),
    user_id BIGINT NOT NULL REFERENCES users (id),
    admin BOOLEAN NOT NULL,
    all_access BOOLEAN NOT NULL,
    ended_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (organization_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id);

CREATE TABLE api_sets (
    id INTEGER PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    retired_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE api_set_routes (
    api_set_id BIGINT NOT NULL REFERENCES api_sets (id),
    position BIGINT NOT NULL,
    pattern TEXT NOT NULL,
    PRIMARY KEY (api_set_id, position)
);

-- Roles and groups are not deleted but retired, so that history keeps its names.
CREATE TABLE roles (
    id INTEGER PRIMARY KEY,
    organization_id BIGINT REFERENCES organizations (id),
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    description TEXT NOT NULL,
    built_in BOOLEAN NOT NULL,
    deleted_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX roles_name ON roles (coalesce(organization_id, 0), name_folded) WHERE deleted_at IS NULL;

CREATE TABLE role_authorities (
    role_id BIGINT NOT NULL REFERENCES roles (id),
    authority TEXT NOT NULL,
    PRIMARY KEY (role_id, authority)
);

CREATE TABLE role_api_sets (
    role_id BIGINT NOT NULL REFERENCES roles (id),
    api_set_id BIGINT NOT NULL REFERENCES api_sets (id),
    PRIMARY KEY (role_id, api_set_id)
);
CREATE INDEX role_api_sets_set ON role_api_sets (api_set_id);

CREATE TABLE membership_roles (
    membership_id BIGINT NOT NULL REFERENCES memberships (id),
    role_id BIGINT NOT NULL REFERENCES roles (id),
    PRIMARY KEY (membership_id, role_id)
);
CREATE INDEX membership_roles_role ON membership_roles (role_id);

CREATE TABLE groups (
    id INTEGER PRIMARY KEY,
    organization_id BIGINT NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    description TEXT NOT NULL,
    deleted_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX groups_name ON groups (organization_id, name_folded) WHERE deleted_at IS NULL;

CREATE TABLE group_members (
    group_id BIGINT NOT NULL REFERENCES groups (id),
    membership_id BIGINT NOT NULL REFERENCES memberships (id),
    PRIMARY KEY (group_id, membership_id)
);
CREATE INDEX group_members_membership ON group_members (membership_id);

CREATE TABLE group_roles (
    group_id BIGINT NOT NULL REFERENCES groups (id),
    role_id BIGINT NOT NULL REFERENCES roles (id),
    PRIMARY KEY (group_id, role_id)
);
CREATE INDEX group_roles_role ON group_roles (role_id);

CREATE TABLE applications (
    id INTEGER PRIMARY KEY,
    organization_id BIGINT REFERENCES organizations (id),
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX applications_name ON applications (coalesce(organization_id, 0), name_folded);

CREATE TABLE licenses (
    id INTEGER PRIMARY KEY,
    organization_id BIGINT NOT NULL REFERENCES organizations (id),
    number TEXT NOT NULL UNIQUE,
    domain TEXT NOT NULL,
    database_label TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (organization_id, id)
);

CREATE TABLE instances (
    id INTEGER PRIMARY KEY,
    license_id BIGINT NOT NULL REFERENCES licenses (id),
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL UNIQUE,
    environment TEXT NOT NULL CHECK (environment IN ('production', 'test')),
    created_at BIGINT NOT NULL
);
CREATE INDEX instances_license ON instances (license_id);

-- The composite references keep a key, its license and its mapped user within
-- the key's organization. A revoked key stays for good. Not referenced: the
-- creator, so that a key made on the command line needs no user.
CREATE TABLE keys (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('token', 'pair', 'oauth')),
    organization_id BIGINT NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    description TEXT NOT NULL,
    search TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    created_by BIGINT NOT NULL,
    creator_name TEXT NOT NULL,
    license_id BIGINT,
    application_id BIGINT REFERENCES applications (id),
    public_id TEXT UNIQUE,
    can_impersonate BOOLEAN NOT NULL,
    data_loader BOOLEAN NOT NULL,
    allowed_networks TEXT NOT NULL,
    rate_limit BIGINT NOT NULL DEFAULT 0,
    rate_period TEXT NOT NULL DEFAULT '' CHECK (rate_period IN ('', 'second', 'minute', 'hour', 'day')),
    rate_burst BIGINT NOT NULL DEFAULT 0,
    enabled BOOLEAN NOT NULL,
    disabled_by BIGINT NOT NULL,
    revoked_at BIGINT,
    expires_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK ((kind = 'token') = (public_id IS NULL)),
    CHECK (kind <> 'oauth' OR license_id IS NOT NULL),
    FOREIGN KEY (organization_id, user_id) REFERENCES memberships (organization_id, user_id),
    FOREIGN KEY (organization_id, license_id) REFERENCES licenses (organization_id, id)
);
CREATE INDEX keys_organization ON keys (organization_id, revoked_at, user_id);
CREATE INDEX keys_organization_name ON keys (organization_id, name_folded, id);
CREATE INDEX keys_name ON keys (name_folded, id);
CREATE INDEX keys_user_name ON keys (user_id, organization_id, name_folded, id);
CREATE INDEX keys_license ON keys (license_id);
CREATE INDEX keys_expiry ON keys (organization_id, expires_at) WHERE revoked_at IS NULL AND expires_at IS NOT NULL;
CREATE UNIQUE INDEX keys_live_name ON keys (organization_id, user_id, name_folded) WHERE revoked_at IS NULL;
CREATE UNIQUE INDEX keys_live_application ON keys (application_id, license_id) WHERE revoked_at IS NULL AND license_id IS NOT NULL AND application_id IS NOT NULL;
CREATE UNIQUE INDEX keys_live_oauth ON keys (license_id) WHERE revoked_at IS NULL AND kind = 'oauth';

CREATE TABLE key_api_sets (
    key_id BIGINT NOT NULL REFERENCES keys (id),
    api_set_id BIGINT NOT NULL REFERENCES api_sets (id),
    PRIMARY KEY (key_id, api_set_id)
);
CREATE INDEX key_api_sets_set ON key_api_sets (api_set_id);

-- A key has one current secret and, while it is being rotated, a previous one
-- that must have an end.
CREATE TABLE secrets (
    id INTEGER PRIMARY KEY,
    key_id BIGINT NOT NULL REFERENCES keys (id),
    hash BYTEA NOT NULL UNIQUE,
    masked TEXT NOT NULL,
    sealed BYTEA,
    previous BOOLEAN NOT NULL CHECK (previous = TRUE OR previous = FALSE),
    expires_at BIGINT,
    retired_at BIGINT,
    created_at BIGINT NOT NULL,
    CHECK (NOT previous OR expires_at IS NOT NULL)
);
CREATE INDEX secrets_key ON secrets (key_id);
CREATE UNIQUE INDEX secrets_live ON secrets (key_id, previous) WHERE retired_at IS NULL;

-- What the check has seen, apart from the keys themselves so that counting never
-- waits for a change of a key.
CREATE TABLE secret_uses (
    secret_id BIGINT PRIMARY KEY REFERENCES secrets (id),
    key_id BIGINT NOT NULL REFERENCES keys (id),
    used_at BIGINT NOT NULL,
    used_from TEXT NOT NULL
);
CREATE INDEX secret_uses_key ON secret_uses (key_id);

CREATE TABLE key_days (
    key_id BIGINT NOT NULL REFERENCES keys (id),
    day BIGINT NOT NULL,
    accepted BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    PRIMARY KEY (key_id, day)
);

CREATE TABLE key_refusals (
    key_id BIGINT NOT NULL REFERENCES keys (id),
    code TEXT NOT NULL,
    refused_at BIGINT NOT NULL,
    refused_from TEXT NOT NULL,
    PRIMARY KEY (key_id, code)
);

CREATE TABLE access_tokens (
    hash BYTEA PRIMARY KEY,
    key_id BIGINT NOT NULL REFERENCES keys (id),
    secret_id BIGINT NOT NULL REFERENCES secrets (id),
    scope TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX access_tokens_key ON access_tokens (key_id);
CREATE INDEX access_tokens_expiry ON access_tokens (expires_at);

CREATE TABLE requests (
    id INTEGER PRIMARY KEY,
    organization_id BIGINT NOT NULL REFERENCES organizations (id),
    requester_id BIGINT NOT NULL REFERENCES users (id),
    application_id BIGINT NOT NULL REFERENCES applications (id),
    license_id BIGINT NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'taken', 'asked', 'approved', 'declined', 'withdrawn')),
    assignee_id BIGINT REFERENCES users (id),
    decision TEXT NOT NULL,
    key_id BIGINT REFERENCES keys (id),
    decided_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    FOREIGN KEY (organization_id, license_id) REFERENCES licenses (organization_id, id)
);
CREATE INDEX requests_state ON requests (state, created_at);
CREATE INDEX requests_organization ON requests (organization_id, id);

CREATE TABLE request_messages (
    id INTEGER PRIMARY KEY,
    request_id BIGINT NOT NULL REFERENCES requests (id),
    user_id BIGINT NOT NULL REFERENCES users (id),
    message TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX request_messages_request ON request_messages (request_id, id);

-- The links that open once. A delivery carries the key whose secret it shows,
-- sealed until it is opened.
CREATE TABLE links (
    hash BYTEA PRIMARY KEY,
    purpose TEXT NOT NULL CHECK (purpose IN ('setup', 'password', 'delivery')),
    user_id BIGINT REFERENCES users (id),
    key_id BIGINT REFERENCES keys (id),
    sealed BYTEA,
    created_by BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX links_user ON links (user_id);

CREATE TABLE sessions (
    hash BYTEA PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id),
    organization_id BIGINT REFERENCES organizations (id),
    instance_id BIGINT REFERENCES instances (id),
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    flash TEXT NOT NULL,
    password_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Failed sign-ins by account and by address; known_addresses spares a user the
-- account's delay where they signed in before.
CREATE TABLE throttles (
    name TEXT PRIMARY KEY,
    failures BIGINT NOT NULL,
    failed_at BIGINT NOT NULL
);

CREATE TABLE known_addresses (
    user_id BIGINT NOT NULL REFERENCES users (id),
    address TEXT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, address)
);

-- What a form or an Idempotency-Key has made already, so that sending it twice
-- makes it once.
CREATE TABLE submissions (
    user_id BIGINT NOT NULL REFERENCES users (id),
    token TEXT NOT NULL,
    noun TEXT NOT NULL,
    noun_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, token)
);
CREATE INDEX submissions_age ON submissions (created_at);

CREATE TABLE revisions (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id > 0),
    at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    actor_name TEXT NOT NULL,
    key_id BIGINT NOT NULL,
    key_name TEXT NOT NULL,
    impersonator_id BIGINT NOT NULL,
    impersonator_name TEXT NOT NULL,
    address TEXT NOT NULL,
    organization_id BIGINT NOT NULL,
    noun TEXT NOT NULL,
    noun_id BIGINT NOT NULL,
    noun_name TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    action TEXT NOT NULL,
    changes TEXT NOT NULL,
    mac BYTEA NOT NULL
);
CREATE INDEX revisions_noun ON revisions (noun, noun_id, id);
CREATE INDEX revisions_organization ON revisions (organization_id, id);
CREATE INDEX revisions_actor ON revisions (actor_id, id);
CREATE INDEX revisions_user ON revisions (user_id, id);

-- The head of the chain of revisions. Every change takes this row first, so that
-- changes happen one after the other and revisions are numbered in the order in
-- which they commit. The seal is an HMAC over the head, so that lines cannot be
-- cut off at the end.
CREATE TABLE revision_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    revision_id BIGINT NOT NULL,
    mac BYTEA NOT NULL,
    seal BYTEA NOT NULL,
    taken_at BIGINT NOT NULL
);
INSERT INTO revision_head (id, revision_id, mac, seal, taken_at) VALUES (1, 0, '', '', 0);

INSERT INTO client_levels (id, name, licenses) VALUES (1, 'Blue', 1), (2, 'Gold', 2), (3, 'Platinum', 3);

INSERT INTO roles (id, organization_id, name, name_folded, description, built_in, version, created_at, updated_at) VALUES
    (1, NULL, 'Administrator', 'administrator', 'Everything in the organization. Which API sets the holder''s keys reach comes from other roles or from All Access.', TRUE, 1, 0, 0),
    (2, NULL, 'API User', 'api user', 'Generates and manages API keys for oneself.', TRUE, 1, 0, 0),
    (3, NULL, 'Viewer', 'viewer', 'Sees users, roles, API keys and the history, and changes nothing.', TRUE, 1, 0, 0),
    (4, NULL, 'Gateway', 'gateway', 'For a gateway''s own account: verifies keys of any organization.', TRUE, 1, 0, 0);
INSERT INTO role_authorities (role_id, authority) VALUES
    (1, 'admin'),
    (2, 'admin.keys.own'), (2, 'admin.requests.create'),
    (3, 'admin.users.view'), (3, 'admin.roles.view'), (3, 'admin.keys.view'), (3, 'admin.licenses.view'), (3, 'admin.history.view'),
    (4, 'gateway.check.verify');

INSERT INTO applications (id, name, name_folded, description, created_at) VALUES
    (1, 'Workflow', 'workflow', 'The workflow application.', 0),
    (2, 'Mobile App', 'mobile app', 'The app on phones and tablets.', 0),
    (3, 'ERP (XSS)', 'erp (xss)', 'A partner''s ERP system.', 0),
    (4, 'Data Loader', 'data loader', 'Loads data in bulk.', 0);

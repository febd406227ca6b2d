-- Every way of proving: keys beside secrets and certificates, and whose word a certificate's name is taken on. SQLite
-- cannot widen a CHECK, so the table is made anew; the program reads kinds strictly.
CREATE TABLE credentials_of_every_kind (
    id          UUID PRIMARY KEY,
    client_id   TEXT NOT NULL REFERENCES consumers (client_id),
    label       TEXT NOT NULL,
    kind        TEXT NOT NULL,
    value       TEXT NOT NULL, -- a secret's Argon2id hash, a certificate's feature, a JWK, or the URI of a key set
    environment TEXT, -- of certificates: from which authorities; NULL for those that sign themselves
    issuer_key  TEXT, -- of certificates: the thumbprint of a key that must be in the path, if one must
    starts_at   BIGINT NOT NULL,
    ends_at     BIGINT, -- NULL when the end is not known
    created_at  BIGINT NOT NULL
);
INSERT INTO credentials_of_every_kind (id, client_id, label, kind, value, environment, starts_at, ends_at, created_at)
    SELECT id, client_id, label, kind, value, CASE WHEN kind = 'secret' THEN NULL ELSE 'live' END, starts_at, ends_at, created_at
    FROM credentials;
DROP TABLE credentials;
ALTER TABLE credentials_of_every_kind RENAME TO credentials;
CREATE INDEX credentials_by_client_id ON credentials (client_id, starts_at, id);

-- Assertions for the token endpoint instead of the issuer, as the NHS API platform, SMART and MSAL write them.
ALTER TABLE consumers ADD COLUMN accepts_token_endpoint_audience BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE consumers ADD COLUMN requests_per_minute BIGINT; -- NULL: the configuration's limit

CREATE TABLE credential_uses (
    credential_id       UUID PRIMARY KEY REFERENCES credentials (id),
    last_used_at        BIGINT NOT NULL, -- to within a minute
    certificate_ends_at BIGINT -- of the certificate that was used then
);

CREATE TABLE blocked_certificates (
    issuer       TEXT NOT NULL, -- a name as RFC 4514 writes it
    serial       TEXT NOT NULL, -- hexadecimal, lower case, without leading zeros
    note         TEXT NOT NULL,
    blocked_at   BIGINT NOT NULL,
    unblocked_at BIGINT, -- NULL while it is blocked
    revision     BIGINT NOT NULL,
    PRIMARY KEY (issuer, serial)
);
CREATE INDEX blocked_certificates_by_revision ON blocked_certificates (revision);

CREATE TABLE certificate_policies (
    name        TEXT PRIMARY KEY,
    host_prefix TEXT NOT NULL, -- lower case
    issuer_key  TEXT, -- NULL: whoever issued the certificate
    created_at  BIGINT NOT NULL,
    removed_at  BIGINT, -- NULL while it holds
    revision    BIGINT NOT NULL
);
CREATE INDEX certificate_policies_by_revision ON certificate_policies (revision);

CREATE TABLE certificate_policy_groups (
    name TEXT NOT NULL REFERENCES certificate_policies (name),
    urn  TEXT NOT NULL REFERENCES groups (urn),
    PRIMARY KEY (name, urn)
);

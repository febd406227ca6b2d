CREATE TABLE consumers (
    client_id         TEXT PRIMARY KEY,
    name              TEXT NOT NULL,
    asid              TEXT NOT NULL,
    ods_code          TEXT NOT NULL,
    organisation_type TEXT NOT NULL REFERENCES organisation_types (code),
    created_at        BIGINT NOT NULL,
    suspended_at      BIGINT, -- NULL while the consumer is active
    revision          BIGINT NOT NULL
);
CREATE INDEX consumers_by_revision ON consumers (revision);
CREATE INDEX consumers_by_asid ON consumers (asid);

CREATE TABLE consumer_groups (
    client_id TEXT NOT NULL REFERENCES consumers (client_id),
    urn       TEXT NOT NULL REFERENCES groups (urn),
    PRIMARY KEY (client_id, urn)
);

CREATE TABLE credentials (
    id         UUID PRIMARY KEY,
    client_id  TEXT NOT NULL REFERENCES consumers (client_id),
    label      TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('secret', 'san_dns', 'subject_dn', 'thumbprint')),
    value      TEXT NOT NULL, -- of a secret, its Argon2id hash in the PHC string format
    starts_at  BIGINT NOT NULL,
    ends_at    BIGINT, -- NULL when the end is not known
    created_at BIGINT NOT NULL
);
CREATE INDEX credentials_by_client_id ON credentials (client_id, starts_at, id);

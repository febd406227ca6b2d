CREATE TABLE providers (
    asid              TEXT PRIMARY KEY,
    ods_code          TEXT NOT NULL,
    name              TEXT NOT NULL,
    service_root      TEXT NOT NULL UNIQUE,
    signing_algorithm TEXT NOT NULL,
    token_lifetime    BIGINT NOT NULL CHECK (token_lifetime BETWEEN 1 AND 3600), -- seconds
    certificate_bound BOOLEAN NOT NULL,
    claims_profile    TEXT NOT NULL,
    created_at        BIGINT NOT NULL,
    suspended_at      BIGINT, -- NULL while the provider is active
    revision          BIGINT NOT NULL
);
CREATE INDEX providers_by_revision ON providers (revision);

CREATE TABLE provider_groups (
    asid TEXT NOT NULL REFERENCES providers (asid),
    urn  TEXT NOT NULL REFERENCES groups (urn),
    PRIMARY KEY (asid, urn)
);

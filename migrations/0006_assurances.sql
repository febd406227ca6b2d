-- A registration is of a service, run by an organisation on a system of a supplier; each of the four is assured, group by
-- group, and a service holds a group while all four assurances stand.
ALTER TABLE consumers ADD COLUMN supplier_ods_code TEXT; -- NULL: its own organisation; an older release did not ask
ALTER TABLE consumers ADD COLUMN product TEXT;
ALTER TABLE consumers ADD COLUMN product_version TEXT;
ALTER TABLE consumers ADD COLUMN party_key TEXT;
ALTER TABLE consumers ADD COLUMN retired_at BIGINT; -- NULL while it is not given up for good

ALTER TABLE providers ADD COLUMN retired_at BIGINT;
ALTER TABLE groups ADD COLUMN suspended_at BIGINT; -- NULL while tokens may contain it
ALTER TABLE provider_groups ADD COLUMN suspended_at BIGINT; -- NULL while the provider honours it

-- Which consumers a provider admits for a group; without rows of a kind, all.
CREATE TABLE provider_group_limits (
    asid  TEXT NOT NULL REFERENCES providers (asid),
    urn   TEXT NOT NULL REFERENCES groups (urn),
    kind  TEXT NOT NULL, -- organisation_type, ods_code or asid
    value TEXT NOT NULL,
    PRIMARY KEY (asid, urn, kind, value)
);

CREATE TABLE assurances (
    subject      TEXT NOT NULL, -- service, organisation, system or supplier
    identifier   TEXT NOT NULL, -- client id, ODS code, ASID, ODS code
    urn          TEXT NOT NULL REFERENCES groups (urn),
    evidence     TEXT NOT NULL,
    starts_at    BIGINT NOT NULL,
    ends_at      BIGINT, -- NULL when the end is not known
    suspended_at BIGINT, -- NULL while it is not suspended
    recorded_by  TEXT NOT NULL,
    recorded_at  BIGINT NOT NULL,
    confirmed_by TEXT, -- NULL where one administrator was enough
    revision     BIGINT NOT NULL,
    PRIMARY KEY (subject, identifier, urn)
);
CREATE INDEX assurances_by_revision ON assurances (revision);

-- What one administrator wants and another must confirm: an assurance as it would be. No registration, so no revision.
CREATE TABLE proposals (
    id           UUID PRIMARY KEY NOT NULL,
    subject      TEXT NOT NULL,
    identifier   TEXT NOT NULL,
    urn          TEXT NOT NULL REFERENCES groups (urn),
    evidence     TEXT NOT NULL,
    starts_at    BIGINT NOT NULL,
    ends_at      BIGINT,
    reason       TEXT NOT NULL,
    proposed_by  TEXT NOT NULL,
    proposed_at  BIGINT NOT NULL,
    decision     TEXT, -- NULL while it is open; then confirmed, rejected or superseded
    decided_by   TEXT,
    decided_at   BIGINT
);
CREATE INDEX proposals_by_time ON proposals (proposed_at, id);

-- Until now a group that a service held stood for all four.
UPDATE registry_revision SET revision = revision + 1;
INSERT INTO assurances (subject, identifier, urn, evidence, starts_at, recorded_by, recorded_at, revision)
    SELECT 'service', held.client_id, held.urn, 'held before assurances were recorded', consumers.created_at, 'migration',
        consumers.created_at, (SELECT revision FROM registry_revision)
    FROM consumer_groups AS held JOIN consumers ON consumers.client_id = held.client_id;
INSERT INTO assurances (subject, identifier, urn, evidence, starts_at, recorded_by, recorded_at, revision)
    SELECT 'organisation', consumers.ods_code, held.urn, 'held before assurances were recorded', MIN(consumers.created_at),
        'migration', MIN(consumers.created_at), (SELECT revision FROM registry_revision)
    FROM consumer_groups AS held JOIN consumers ON consumers.client_id = held.client_id
    GROUP BY consumers.ods_code, held.urn;
INSERT INTO assurances (subject, identifier, urn, evidence, starts_at, recorded_by, recorded_at, revision)
    SELECT 'system', consumers.asid, held.urn, 'held before assurances were recorded', MIN(consumers.created_at),
        'migration', MIN(consumers.created_at), (SELECT revision FROM registry_revision)
    FROM consumer_groups AS held JOIN consumers ON consumers.client_id = held.client_id
    GROUP BY consumers.asid, held.urn;
INSERT INTO assurances (subject, identifier, urn, evidence, starts_at, recorded_by, recorded_at, revision)
    SELECT 'supplier', identifier, urn, evidence, starts_at, recorded_by, recorded_at, revision
    FROM assurances WHERE subject = 'organisation';

CREATE INDEX consumers_by_ods_code ON consumers (ods_code);
CREATE INDEX providers_by_ods_code ON providers (ods_code);

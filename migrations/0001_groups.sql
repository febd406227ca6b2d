-- The number of the last committed change to anything that the registry holds. Every writer raises it first.
CREATE TABLE registry_revision (
    only_row BIGINT PRIMARY KEY CHECK (only_row = 1),
    revision BIGINT NOT NULL
);

CREATE TABLE groups (
    urn             TEXT PRIMARY KEY,
    scope           TEXT NOT NULL,
    entra_object_id TEXT UNIQUE, -- a UUID; as text, because this file writes literals (README.md, rule 7)
    revision        BIGINT NOT NULL
);
CREATE INDEX groups_by_revision ON groups (revision);

CREATE TABLE group_interactions (
    urn         TEXT NOT NULL REFERENCES groups (urn),
    interaction TEXT NOT NULL,
    PRIMARY KEY (urn, interaction)
);

CREATE TABLE organisation_types (
    code     TEXT PRIMARY KEY,
    display  TEXT NOT NULL,
    revision BIGINT NOT NULL
);
CREATE INDEX organisation_types_by_revision ON organisation_types (revision);

INSERT INTO registry_revision (only_row, revision) VALUES (1, 1);

INSERT INTO groups (urn, scope, entra_object_id, revision) VALUES
    ('urn:nhs:names:services:careconnect:fhir:rest:read:slot', 'organization/slot.read', 'ab412fe9-3f68-4368-9810-9dc24d1659b1', 1),
    ('urn:nhs:names:services:careconnect:fhir:rest:create:appointment', 'patient/appointment.write', 'dacb82c5-aea8-4509-887f-281324062dfd', 1),
    ('urn:nhs:names:services:careconnect:fhir:rest:read:appointment', 'patient/appointment.read', NULL, 1),
    ('urn:nhs:names:services:careconnect:fhir:rest:update:appointment', 'patient/appointment.write', NULL, 1),
    ('urn:nhs:names:services:careconnect:fhir:rest:search:appointment', 'patient/appointment.read', NULL, 1);

INSERT INTO group_interactions (urn, interaction) VALUES
    ('urn:nhs:names:services:careconnect:fhir:rest:read:slot', 'urn:nhs:names:services:careconnect:fhir:rest:read:slot'),
    ('urn:nhs:names:services:careconnect:fhir:rest:read:slot', 'urn:nhs:names:services:careconnect:fhir:rest:search:slot'),
    ('urn:nhs:names:services:careconnect:fhir:rest:read:slot', 'urn:nhs:names:services:a2si:fhir:rest:search:slot'),
    ('urn:nhs:names:services:careconnect:fhir:rest:read:slot', 'urn:nhs:names:services:careconnect:fhir:rest:read:metadata'),
    ('urn:nhs:names:services:careconnect:fhir:rest:create:appointment', 'urn:nhs:names:services:careconnect:fhir:rest:create:appointment'),
    ('urn:nhs:names:services:careconnect:fhir:rest:create:appointment', 'urn:nhs:names:services:careconnect:fhir:rest:read:metadata'),
    ('urn:nhs:names:services:careconnect:fhir:rest:read:appointment', 'urn:nhs:names:services:careconnect:fhir:rest:read:appointment'),
    ('urn:nhs:names:services:careconnect:fhir:rest:read:appointment', 'urn:nhs:names:services:careconnect:fhir:rest:read:metadata'),
    ('urn:nhs:names:services:careconnect:fhir:rest:update:appointment', 'urn:nhs:names:services:careconnect:fhir:rest:update:appointment'),
    ('urn:nhs:names:services:careconnect:fhir:rest:update:appointment', 'urn:nhs:names:services:careconnect:fhir:rest:read:metadata'),
    ('urn:nhs:names:services:careconnect:fhir:rest:search:appointment', 'urn:nhs:names:services:careconnect:fhir:rest:search:appointment'),
    ('urn:nhs:names:services:careconnect:fhir:rest:search:appointment', 'urn:nhs:names:services:careconnect:fhir:rest:read:metadata');

INSERT INTO organisation_types (code, display, revision) VALUES
    ('gp-practice', 'GP Practice', 1),
    ('urgent-care', 'Urgent Care', 1);

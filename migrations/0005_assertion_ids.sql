-- The client assertions that have been used: no registrations, so without a revision, and deleted once they have ended.
CREATE TABLE assertion_ids (
    id         UUID PRIMARY KEY NOT NULL, -- of client id and jti
    expires_at BIGINT NOT NULL
);
CREATE INDEX assertion_ids_by_expiry ON assertion_ids (expires_at);

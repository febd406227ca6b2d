-- What administrators did and were refused, each record chained to the one before it; written in the transaction of the
-- change itself. Rows are never changed or deleted.
CREATE TABLE audit (
    sequence   BIGINT PRIMARY KEY NOT NULL,
    at         BIGINT NOT NULL,
    actor      TEXT NOT NULL,
    action     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    identifier TEXT NOT NULL,
    outcome    TEXT NOT NULL, -- done or refused
    record     TEXT NOT NULL, -- all of it, as JSON: this is what is chained
    hash       TEXT NOT NULL -- of the chain up to and including this record
);
CREATE INDEX audit_by_subject ON audit (subject, identifier, sequence);
CREATE INDEX audit_by_identifier ON audit (identifier, sequence);
CREATE INDEX audit_by_actor ON audit (actor, sequence);
CREATE INDEX audit_by_time ON audit (at, sequence);

-- The end of the chain. Its row is locked by whoever writes records, so that they come one after the other.
CREATE TABLE audit_head (
    only_row BIGINT PRIMARY KEY NOT NULL CHECK (only_row = 1),
    sequence BIGINT NOT NULL,
    hash     TEXT NOT NULL
);
INSERT INTO audit_head (only_row, sequence, hash)
    VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- The chain's hash as it was at some record, signed by the server.
CREATE TABLE audit_checkpoints (
    sequence  BIGINT PRIMARY KEY NOT NULL,
    hash      TEXT NOT NULL,
    at        BIGINT NOT NULL,
    signature TEXT NOT NULL -- a JWS
);

-- Changes that were asked for with a key, so that the same request again finds what was done the first time.
CREATE TABLE idempotency_keys (
    actor       TEXT NOT NULL,
    value       TEXT NOT NULL,
    fingerprint TEXT NOT NULL, -- of the request
    sequence    BIGINT NOT NULL REFERENCES audit (sequence), -- the first record of what was done
    at          BIGINT NOT NULL,
    PRIMARY KEY (actor, value)
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (at);

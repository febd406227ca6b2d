-- Tokens that count no longer: one by its id, or with an empty id all that its consumer had been issued up to a time.
CREATE TABLE revoked_tokens (
    client_id     TEXT NOT NULL REFERENCES consumers (client_id),
    jti           TEXT NOT NULL, -- empty: all tokens of the consumer issued up to revoked_at
    revoked_at    BIGINT NOT NULL,
    matters_until BIGINT NOT NULL, -- nobody can accept such a token any more; the row may go
    revision      BIGINT NOT NULL,
    PRIMARY KEY (client_id, jti)
);
CREATE INDEX revoked_tokens_by_revision ON revoked_tokens (revision);
CREATE INDEX revoked_tokens_by_end ON revoked_tokens (matters_until);

-- What is kept of every signing key, wherever its private half is. Rows are never deleted: what was signed once can be
-- verified later. What has happened to a key is written down, so that no clock can undo it.
CREATE TABLE signing_keys (
    kid          TEXT PRIMARY KEY NOT NULL, -- its RFC 7638 thumbprint
    algorithm    TEXT NOT NULL,
    public_jwk   TEXT NOT NULL, -- as it is published
    published_at BIGINT NOT NULL,
    activates_at BIGINT NOT NULL, -- from when on it signs, until another one of its algorithm does
    retired_at   BIGINT, -- since when another one signs
    gone_at      BIGINT, -- since when it is published no longer
    withdrawn_at BIGINT, -- since when nothing that it signed counts
    kept_in      TEXT NOT NULL, -- files, database, pkcs11 or nowhere
    private_half TEXT, -- sealed, of database; the CKA_ID, of pkcs11
    proof        TEXT NOT NULL, -- that a holder of the sealing key has made this row: whoever writes rows cannot publish keys
    revision     BIGINT NOT NULL
);
CREATE INDEX signing_keys_by_revision ON signing_keys (revision);

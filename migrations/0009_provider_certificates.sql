-- What a provider proves itself with, where it asks something of us.
CREATE TABLE provider_certificates (
    asid        TEXT NOT NULL REFERENCES providers (asid),
    kind        TEXT NOT NULL,
    value       TEXT NOT NULL, -- a certificate's feature
    environment TEXT, -- from which authorities; NULL for one that signs itself
    issuer_key  TEXT, -- the thumbprint of a key that must be in the path, if one must
    PRIMARY KEY (asid, kind, value)
);

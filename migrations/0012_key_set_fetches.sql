-- Which keys a provider has seen: what was in the key set when it fetched it last. Said by the provider's certificate
-- (proven = 1), or by the caller alone (0).
CREATE TABLE key_set_fetches (
    asid       TEXT NOT NULL,
    proven     BIGINT NOT NULL,
    fetched_at BIGINT NOT NULL,
    kids       TEXT NOT NULL, -- with spaces between
    PRIMARY KEY (asid, proven)
);

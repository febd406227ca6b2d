//! The metrics of keys and of tokens that were issued.

use metrics::Unit;

use super::{Kind, Metric};

pub(super) const KEYS: &[Metric] = &[
    Metric {
        name: "careconnect_introspections_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &["outcome"],
        help: "Questions whether a token counts, by outcome: active, inactive, refused.",
    },
    Metric {
        name: "careconnect_revocations_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &["outcome"],
        help: "Requests of consumers to revoke a token, by outcome: revoked, nothing because it did not count, refused.",
    },
    Metric {
        name: "careconnect_next_key_providers",
        kind: Kind::Gauge,
        unit: Unit::Count,
        labels: &["algorithm", "state"],
        help: "Providers with tokens of this algorithm by whether they have fetched a key set with the next key: known, waiting.",
    },
    Metric {
        name: "careconnect_signing_keys",
        kind: Kind::Gauge,
        unit: Unit::Count,
        labels: &["algorithm", "state"],
        help: "Signing keys that are published, by where they are in their life: next, active, retiring.",
    },
    Metric {
        name: "careconnect_signing_key_activated_timestamp_seconds",
        kind: Kind::Gauge,
        unit: Unit::Seconds,
        labels: &["algorithm"],
        help: "Since when the key that signs does so.",
    },
    Metric {
        name: "careconnect_signing_keys_unusable",
        kind: Kind::Gauge,
        unit: Unit::Count,
        labels: &[],
        help: "Keys that sign, or will, whose private half this node cannot open.",
    },
    Metric {
        name: "careconnect_key_set_fetches_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &["outcome"],
        help: "Fetches of the key sets that consumers publish, fetched or failed.",
    },
    Metric {
        name: "careconnect_key_set_age_seconds",
        kind: Kind::Gauge,
        unit: Unit::Seconds,
        labels: &[],
        help: "Time since the last successful fetch of the key set that was fetched longest ago.",
    },
];

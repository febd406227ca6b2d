//! Every metric of the server, in one table.

use metrics::Unit;

/// One metric: its name, and what its values mean.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// The name, as code and dashboards spell it.
    pub name: &'static str,
    /// How its values behave.
    pub kind: Kind,
    /// What its values count.
    pub unit: Unit,
    /// The labels that tell its series apart.
    pub labels: &'static [&'static str],
    /// One sentence for operators.
    pub help: &'static str,
}

/// How the values of a metric behave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Is counted in buckets; these are their upper ends.
    Histogram(&'static [f64]),
}

/// From a cached secret to an Argon2 computation behind a full queue.
const LATENCY_SECONDS: &[f64] = &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// Up to the most that are written at once.
const GROUP_SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Every metric of the server. The floors below name them as text; a test holds code and table together.
pub const ALL: &[Metric] = &[
    Metric {
        name: "careconnect_tokens_issued_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &["method", "alg"],
        help: "Tokens issued, by the consumer's authentication method and the provider's signature algorithm.",
    },
    Metric {
        name: "careconnect_tokens_refused_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &["reason"],
        help: "Token requests refused, by reason.",
    },
    Metric {
        name: "careconnect_budget_refusals_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &["budget"],
        help: "Requests answered with 429, by the budget that was used up: failures of a consumer at an address, of an \
               address, requests of a consumer, or tokens that it revokes.",
    },
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
        name: "careconnect_token_request_duration_seconds",
        kind: Kind::Histogram(LATENCY_SECONDS),
        unit: Unit::Seconds,
        labels: &[],
        help: "Time from a complete token request to its answer, issued or refused.",
    },
    Metric {
        name: "careconnect_handshakes_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &["outcome", "reason"],
        help: "TLS handshakes on the public and the admin listener: accepted, resumed, or refused, by reason.",
    },
    Metric {
        name: "careconnect_crl_fetches_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &["authority", "source", "outcome"],
        help: "Attempts to fetch a revocation list: loaded, unchanged, failed, or refused for what it held.",
    },
    Metric {
        name: "careconnect_crl_age_seconds",
        kind: Kind::Gauge,
        unit: Unit::Seconds,
        labels: &["authority", "source"],
        help: "Time since the authority made the revocation list that is in use.",
    },
    Metric {
        name: "careconnect_crl_next_update_timestamp_seconds",
        kind: Kind::Gauge,
        unit: Unit::Seconds,
        labels: &["authority", "source"],
        help: "When the revocation list is due for renewal, in Unix seconds; 0 when there is none yet.",
    },
    Metric {
        name: "careconnect_accept_errors_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &[],
        help: "Connections that the operating system could not hand over, such as for want of file descriptors.",
    },
    Metric {
        name: "careconnect_tls_reloads_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &["outcome"],
        help: "Changed certificate files that were taken over, or refused and the old ones kept.",
    },
    Metric {
        name: "careconnect_tls_certificate_expiry_timestamp_seconds",
        kind: Kind::Gauge,
        unit: Unit::Seconds,
        labels: &["listener"],
        help: "When the certificate of the public or the admin listener expires, in Unix seconds.",
    },
    Metric {
        name: "careconnect_connections_open",
        kind: Kind::Gauge,
        unit: Unit::Count,
        labels: &[],
        help: "Connections on the public and the admin listener, handshakes included.",
    },
    Metric {
        name: "careconnect_registry_age_seconds",
        kind: Kind::Gauge,
        unit: Unit::Seconds,
        labels: &[],
        help: "Time since the registrations in memory were last known to agree with the database.",
    },
    Metric {
        name: "careconnect_registry_revision",
        kind: Kind::Gauge,
        unit: Unit::Count,
        labels: &[],
        help: "Revision of the registrations in memory; nodes of one database agree within a second.",
    },
    Metric {
        name: "careconnect_registry_entries",
        kind: Kind::Gauge,
        unit: Unit::Count,
        labels: &["kind"],
        help: "Registrations in memory: consumers, providers, revoked tokens.",
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
        name: "careconnect_registry_listening",
        kind: Kind::Gauge,
        unit: Unit::Count,
        labels: &[],
        help: "1 while PostgreSQL tells this node of every change at once; 0 while it is only asked for them, as SQLite is.",
    },
    Metric {
        name: "careconnect_clock_jumps_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &["direction"],
        help: "Jumps of this machine's clock, forward or back.",
    },
    Metric {
        name: "careconnect_clock_behind_seconds",
        kind: Kind::Gauge,
        unit: Unit::Seconds,
        labels: &[],
        help: "How far this machine's clock is behind the time that the server goes by, which never goes back.",
    },
    Metric {
        name: "careconnect_expiring_soon",
        kind: Kind::Gauge,
        unit: Unit::Count,
        labels: &["kind"],
        help: "What ends soon or has ended, and has no successor: certificates, secrets, keys, revocation lists, by kind.",
    },
    Metric {
        name: "careconnect_directory_comparisons_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &["outcome"],
        help: "How often the register was held against the Spine Directory Service, by outcome: believed, doubtful, failed.",
    },
    Metric {
        name: "careconnect_directory_drift",
        kind: Kind::Gauge,
        unit: Unit::Count,
        labels: &["kind"],
        help: "Registrations that the directory contradicts, by kind.",
    },
    Metric {
        name: "careconnect_directory_compared_timestamp_seconds",
        kind: Kind::Gauge,
        unit: Unit::Seconds,
        labels: &[],
        help: "When the register was last held against the directory, in Unix time.",
    },
    Metric {
        name: "careconnect_argon2_queue_depth",
        kind: Kind::Gauge,
        unit: Unit::Count,
        labels: &[],
        help: "Secrets that wait for an Argon2 computation.",
    },
    Metric {
        name: "careconnect_proxy_headers_ignored_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &["header"],
        help: "Headers with a client certificate that did not come from a configured proxy, by header.",
    },
    Metric {
        name: "careconnect_record_failures_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &[],
        help: "Lines that could not be written into the issuance record; a token whose line it was did not leave.",
    },
    Metric {
        name: "careconnect_record_writable",
        kind: Kind::Gauge,
        unit: Unit::Count,
        labels: &[],
        help: "1 while the issuance record can be written, 0 while it cannot and no tokens are issued.",
    },
    Metric {
        name: "careconnect_connections_refused_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &[],
        help: "Connections that were closed at once, because their address had its share.",
    },
    Metric {
        name: "careconnect_log_lines_dropped_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &[],
        help: "Lines that the reader of standard error did not take in time; the events happened, the log lacks them.",
    },
    Metric {
        name: "careconnect_replay_records_total",
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &["outcome"],
        help: "Client assertions put down as used: recorded, replayed, or unavailable because the database did not answer.",
    },
    Metric {
        name: "careconnect_replay_group_size",
        kind: Kind::Histogram(GROUP_SIZES),
        unit: Unit::Count,
        labels: &[],
        help: "Client assertions in one write; the fuller, the busier the database.",
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
    BUILD_INFO,
];

pub(super) const BUILD_INFO: Metric = Metric {
    name: "careconnect_build_info",
    kind: Kind::Gauge,
    unit: Unit::Count,
    labels: &["version"],
    help: "Always 1; the label names the running version.",
};

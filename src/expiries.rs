//! What ends soon, so that somebody renews it before anybody notices: one rule for the log, the metrics, `config check`
//! and `doctor`.

mod consumers;

use crate::{
    authentication::{client_trust::ClientTrust, key_sets::KeySets, revocation_list::RevocationList},
    clock::UnixTime,
    telemetry::legible,
};

pub use consumers::of_consumers;

/// What ends within so many seconds is worth a warning: 30 days.
const SOON: i64 = 30 * 86_400;

/// Every kind, so that a metric can say of each that nothing ends.
pub const KINDS: [&str; 7] =
    ["secret", "key", "certificate", "key_set", "authority", "server_certificate", "revocation_list"];

/// Something that ends soon, or has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// What kind of thing: one of [`KINDS`].
    pub kind: &'static str,
    /// Which, in words that an operator knows it by.
    pub name: String,
    /// When it ends, or has ended.
    pub ends_at: UnixTime,
}

impl Expiry {
    /// Has it ended?
    pub fn is_over(&self, now: UnixTime) -> bool {
        self.ends_at <= now
    }

    /// A line for people.
    pub fn sentence(&self, now: UnixTime) -> String {
        let verb = if self.is_over(now) { "ended" } else { "ends" };
        format!("{}: {} {verb} at {}", self.kind.replace('_', " "), legible(&self.name), self.ends_at)
    }

    /// What an operator should do about it.
    pub const fn repair(&self) -> &'static str {
        match self.kind.as_bytes() {
            b"server_certificate" => "renew it, and put it into its file: it is read again by itself",
            b"authority" => "add the authority's new certificate beside it",
            b"revocation_list" => "see that its successor arrives",
            b"key_set" => "see why it cannot be fetched",
            _ => "give the consumer another: `careconnect-auth consumer credential`",
        }
    }
}

/// In the order of their ends, each once: two listeners may have the same certificate.
pub fn sort(expiries: &mut Vec<Expiry>) {
    expiries.sort_by(|one, other| (one.ends_at, one.kind, &one.name).cmp(&(other.ends_at, other.kind, &other.name)));
    expiries.dedup();
}

/// What ends before this is worth a warning at `now`.
pub const fn horizon(now: UnixTime) -> UnixTime {
    now.plus(SOON)
}

/// The server's own certificate in `file`, which is valid until `not_after`.
pub fn of_server_certificate(file: String, not_after: UnixTime, now: UnixTime) -> Option<Expiry> {
    (not_after < horizon(now)).then_some(Expiry { kind: "server_certificate", name: file, ends_at: not_after })
}

/// The certificates of authorities, but for those whose key has a certificate that lasts, and the revocation lists.
pub fn of_trust(trust: &ClientTrust, now: UnixTime) -> Vec<Expiry> {
    let mut expiries = Vec::new();
    for authority in trust.authorities() {
        let lasts = |key| authority.issuers().any(|other| other.thumbprint == key && other.not_after >= horizon(now));
        for issuer in authority.issuers().filter(|issuer| issuer.not_after < horizon(now) && !lasts(issuer.thumbprint))
        {
            let name = format!("{}: {}", authority.label.name, issuer.subject);
            expiries.push(Expiry { kind: "authority", name, ends_at: issuer.not_after });
        }
    }
    for (authority, source) in trust.list_sources() {
        for list in source.lists.iter().filter(|list| is_due(list, now)) {
            let name = format!("{authority}: {}: the list of {}", source.name, list.issuer);
            expiries.push(Expiry { kind: "revocation_list", name, ends_at: list.next_update });
        }
    }
    expiries
}

/// Should the successor of `list` be there by now? It comes every hour or every month, so what counts is the list's own
/// life: its last quarter has begun.
pub fn is_due(list: &RevocationList, now: UnixTime) -> bool {
    let life = list.next_update.since(list.this_update);
    list.next_update.since(now) < (life / 4).min(SOON)
}

/// The key sets of consumers that could not be fetched for so long that their keys will count no more.
pub fn of_key_sets(key_sets: &KeySets, now: UnixTime) -> Vec<Expiry> {
    let stale = key_sets.stale(now).into_iter();
    stale.map(|(uri, ends_at)| Expiry { kind: "key_set", name: uri.to_string(), ends_at }).collect()
}

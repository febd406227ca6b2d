//! The ways in of consumers that end soon.

use std::{collections::HashMap, sync::Arc};

use super::{Expiry, horizon};
use crate::{
    clock::UnixTime,
    domain::{ConsumerSystem, Credential, CredentialId, CredentialKind},
    storage::CredentialUse,
};

/// The ways in of active consumers that end soon and have no successor of their kind, in the order of their ends. A
/// certificate that is registered by its name ends with the one that was used last.
pub fn of_consumers<'a>(
    consumers: impl IntoIterator<Item = &'a Arc<ConsumerSystem>>,
    uses: &[CredentialUse],
    now: UnixTime,
) -> Vec<Expiry> {
    let until = horizon(now);
    let certificate_ends: HashMap<CredentialId, UnixTime> =
        uses.iter().filter_map(|used| Some((used.credential, used.certificate_ends_at?))).collect();
    let end_of = |credential: &Credential| {
        let certificate = certificate_ends.get(&credential.id).copied();
        credential.ends_at.into_iter().chain(certificate).min()
    };
    let mut expiries = Vec::new();
    for consumer in consumers.into_iter().filter(|consumer| consumer.is_active()) {
        for credential in consumer.credentials_at(now) {
            let Some(ends_at) = end_of(credential).filter(|end| *end < until) else { continue };
            let succeeds = |other: &&Arc<Credential>| {
                family(&other.kind) == family(&credential.kind) && end_of(other).is_none_or(|end| end >= until)
            };
            if !consumer.credentials.iter().any(|other| succeeds(&other)) {
                let name = format!("{:?} of consumer {} ({})", credential.label, consumer.client_id, consumer.name);
                expiries.push(Expiry { kind: family(&credential.kind), name, ends_at });
            }
        }
    }
    expiries.sort_by_key(|expiry| expiry.ends_at);
    expiries
}

/// Its kind among [`KINDS`](super::KINDS).
const fn family(kind: &CredentialKind) -> &'static str {
    match kind {
        CredentialKind::Secret(_) => "secret",
        CredentialKind::Certificate(_) => "certificate",
        CredentialKind::Key(_) | CredentialKind::KeySet(_) => "key",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::SecretHash, random};

    const NOW: UnixTime = UnixTime(1_800_000_000);
    /// The rest of a month.
    const MONTH: i64 = 30 * 86_400;

    fn ending(kind: CredentialKind, ends_at: Option<i64>) -> Arc<Credential> {
        let (id, ends_at) = (CredentialId(random::uuid()), ends_at.map(|seconds| NOW.plus(seconds)));
        Arc::new(Credential { id, label: "first".to_owned(), kind, starts_at: NOW, ends_at })
    }

    fn secret(ends_at: Option<i64>) -> Arc<Credential> {
        ending(CredentialKind::Secret(SecretHash::new("$argon2id$")), ends_at)
    }

    fn consumer(credentials: Vec<Arc<Credential>>) -> Arc<ConsumerSystem> {
        Arc::new(ConsumerSystem { credentials, ..ConsumerSystem::example() })
    }

    fn found(consumers: &[Arc<ConsumerSystem>], uses: &[CredentialUse]) -> Vec<(&'static str, i64)> {
        let expiries = of_consumers(consumers, uses, NOW);
        expiries.into_iter().map(|expiry| (expiry.kind, expiry.ends_at.since(NOW))).collect()
    }

    #[test]
    fn what_ends_soon_and_has_no_successor_is_found() {
        let consumers = [
            consumer(vec![secret(Some(90))]),
            consumer(vec![secret(Some(50)), secret(Some(60))]),
            consumer(vec![secret(Some(10)), secret(None)]),
            consumer(vec![secret(Some(MONTH))]),
        ];
        assert_eq!(found(&consumers, &[]), [("secret", 50), ("secret", 60), ("secret", 90)]);
    }

    #[test]
    fn a_certificate_ends_with_the_one_that_was_used_last() {
        let held = ending(CredentialKind::Certificate(named()), None);
        let credential = held.id;
        let used =
            |seconds| CredentialUse { credential, last_used_at: NOW, certificate_ends_at: Some(NOW.plus(seconds)) };
        let consumers = [consumer(vec![held])];
        assert_eq!(found(&consumers, &[]), []);
        assert_eq!(found(&consumers, &[used(30)]), [("certificate", 30)]);
        assert_eq!(found(&consumers, &[used(MONTH)]), []);
    }

    fn named() -> crate::domain::RegisteredCertificate {
        crate::domain::CertificateIdentity::SanDns("a.nhs.uk".parse().unwrap()).into()
    }
}

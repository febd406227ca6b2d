//! What was done to the ways in of a consumer, in one word for the audit.

use std::{cmp::Ordering, sync::Arc};

use super::{Credential, CredentialKind};
use crate::clock::UnixTime;

/// None when none was added, and each ends when it did.
pub(super) fn done_to_credentials(before: &[Arc<Credential>], after: &[Arc<Credential>]) -> Option<&'static str> {
    let end = |credential: &Credential| credential.ends_at.unwrap_or(UnixTime(i64::MAX));
    let earlier = |held: &Credential| before.iter().find(|other| other.id == held.id);
    let added = after.iter().find(|held| earlier(held).is_none());
    let moved = |to| after.iter().any(|held| earlier(held).is_some_and(|was| end(held).cmp(&end(was)) == to));
    match (added, moved(Ordering::Less)) {
        (Some(new), true) if matches!(new.kind, CredentialKind::Secret(_)) => Some("secret_rotated"),
        (Some(_), true) => Some("credential_rotated"),
        (Some(_), false) => Some("credential_added"),
        (None, true) => Some("credential_ended"),
        (None, false) => moved(Ordering::Greater).then_some("credential_extended"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{CertificateIdentity, CredentialId, SecretHash},
        random,
    };

    fn held(kind: CredentialKind, ends_at: Option<i64>) -> Arc<Credential> {
        let (id, starts_at) = (CredentialId(random::uuid()), UnixTime(1));
        Arc::new(Credential { id, label: "a".to_owned(), kind, starts_at, ends_at: ends_at.map(UnixTime) })
    }

    fn until(held: &Credential, end: Option<i64>) -> Arc<Credential> {
        Arc::new(Credential { ends_at: end.map(UnixTime), ..held.clone() })
    }

    #[test]
    fn what_is_done_to_ways_in_is_called_what_it_is() {
        let secret = || held(CredentialKind::Secret(SecretHash::new("x")), None);
        let certificate = || held(CertificateIdentity::parse("san_dns", "a.nhs.uk").unwrap().into(), None);
        let with =
            |credentials: &[&Arc<Credential>]| -> Vec<_> { credentials.iter().map(|held| Arc::clone(held)).collect() };
        let (old, new_secret, new_certificate) = (certificate(), secret(), certificate());
        let (ending, later) = (until(&old, Some(10)), until(&old, Some(20)));
        for (before, after, done) in [
            (with(&[&old]), with(&[&old, &new_certificate]), Some("credential_added")),
            (with(&[&old]), with(&[&ending]), Some("credential_ended")),
            (with(&[&later]), with(&[&ending]), Some("credential_ended")),
            (with(&[&ending]), with(&[&later]), Some("credential_extended")),
            (with(&[&ending]), with(&[&old]), Some("credential_extended")),
            (with(&[&old]), with(&[&ending, &new_secret]), Some("secret_rotated")),
            (with(&[&old]), with(&[&ending, &new_certificate]), Some("credential_rotated")),
            (with(&[&old]), with(&[&old]), None),
        ] {
            assert_eq!(done_to_credentials(&before, &after), done);
        }
    }
}

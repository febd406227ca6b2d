//! A consumer: one registration of one service, run by one organisation on one accredited system.

use std::sync::Arc;

use careconnect_verifier::{Asid, ClientId, OdsCode, OrganisationType};
use serde::Serialize;

use super::{
    AssuredSubject, ClientKey, Credential, CredentialId, CredentialKind, DisplayName, KeySetUri, PartyKey,
    RegisteredCertificate, RegistrationStatus, SecretHash,
};
use crate::clock::UnixTime;

/// A registered service that asks for tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerSystem {
    /// The registration's id, which OAuth calls `client_id`.
    pub client_id: ClientId,
    /// What people call the service.
    pub name: DisplayName,
    /// The accredited system; several services of one organisation and system may share it.
    pub asid: Asid,
    /// Who delivers the service.
    pub organisation: Organisation,
    /// Who supplies that system.
    pub supplier: OdsCode,
    /// What the supplier calls it.
    pub product: Option<DisplayName>,
    /// Which version of it is in use.
    pub product_version: Option<DisplayName>,
    /// The key that ties it to its endpoints in the Spine Directory Service.
    pub party_key: Option<PartyKey>,
    /// Its ways in.
    pub credentials: Vec<Arc<Credential>>,
    /// Whether its assertions may name the token endpoint as their audience, and not only the issuer.
    pub accepts_token_endpoint_audience: bool,
    /// How many tokens it may ask for in a minute, 0 for as many as it likes; none for the configuration's limit.
    pub requests_per_minute: Option<u32>,
    /// Whether it may come in at all.
    pub status: RegistrationStatus,
    /// When it was registered.
    pub created_at: UnixTime,
}

/// The organisation that a consumer works for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Organisation {
    /// Its code in the Organisation Data Service.
    pub ods_code: OdsCode,
    /// Its type in the open code list that `searchFilter` used to claim.
    pub organisation_type: OrganisationType,
}

impl ConsumerSystem {
    /// The credentials that count at `now`.
    pub fn credentials_at(&self, now: UnixTime) -> impl Iterator<Item = &Arc<Credential>> {
        self.credentials.iter().filter(move |credential| credential.is_valid_at(now))
    }

    /// The certificates that it may come with at `now`.
    pub fn certificates_at(&self, now: UnixTime) -> impl Iterator<Item = (CredentialId, &RegisteredCertificate)> {
        self.held_at(now, |kind| match kind {
            CredentialKind::Certificate(certificate) => Some(certificate),
            _ => None,
        })
    }

    /// The secrets that count at `now`.
    pub fn secrets_at(&self, now: UnixTime) -> impl Iterator<Item = (CredentialId, &SecretHash)> {
        self.held_at(now, |kind| match kind {
            CredentialKind::Secret(hash) => Some(hash),
            _ => None,
        })
    }

    /// The registered keys that count at `now`.
    pub fn keys_at(&self, now: UnixTime) -> impl Iterator<Item = (CredentialId, &ClientKey)> {
        self.held_at(now, |kind| match kind {
            CredentialKind::Key(key) => Some(key),
            _ => None,
        })
    }

    /// Where its further keys are at `now`.
    pub fn key_sets_at(&self, now: UnixTime) -> impl Iterator<Item = (CredentialId, &KeySetUri)> {
        self.held_at(now, |kind| match kind {
            CredentialKind::KeySet(uri) => Some(uri),
            _ => None,
        })
    }

    fn held_at<'a, T: 'a>(
        &'a self,
        now: UnixTime,
        part: impl Fn(&'a CredentialKind) -> Option<&'a T>,
    ) -> impl Iterator<Item = (CredentialId, &'a T)> {
        self.credentials_at(now).filter_map(move |credential| Some((credential.id, part(&credential.kind)?)))
    }

    /// What an assurance of the service is about, beside the service itself.
    pub const fn identity(&self) -> (&Asid, &Organisation, &OdsCode) {
        (&self.asid, &self.organisation, &self.supplier)
    }

    /// The four that must be assured: itself, its organisation, its system and its supplier.
    pub fn assured_subjects(&self) -> [AssuredSubject; 4] {
        [
            AssuredSubject::Service(self.client_id.clone()),
            AssuredSubject::Organisation(self.organisation.ods_code.clone()),
            AssuredSubject::System(self.asid.clone()),
            AssuredSubject::Supplier(self.supplier.clone()),
        ]
    }

    /// May it come in?
    pub const fn is_active(&self) -> bool {
        self.status.is_active()
    }
}

#[cfg(test)]
impl ConsumerSystem {
    /// For unit tests: an active consumer without credentials.
    pub(crate) fn example() -> Self {
        Self {
            client_id: crate::random::client_id(),
            name: "Example 111".parse().unwrap(),
            asid: "200000000205".parse().unwrap(),
            organisation: Organisation {
                ods_code: "A1001".parse().unwrap(),
                organisation_type: "urgent-care".parse().unwrap(),
            },
            supplier: "A1001".parse().unwrap(),
            product: None,
            product_version: None,
            party_key: None,
            credentials: Vec::new(),
            accepts_token_endpoint_audience: false,
            requests_per_minute: None,
            status: RegistrationStatus::Active,
            created_at: UnixTime(0),
        }
    }
}

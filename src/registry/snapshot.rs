//! One state of the register, with the ways to find things in it.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
    sync::Arc,
};

use super::{
    by_key::{ByAsid, ByClientId, ByServiceRoot},
    sharded_map::ShardedMap,
};
use crate::{
    clock::UnixTime,
    domain::{
        Assured, Audience, BlockedCertificate, CertificateIdentity, CertificatePolicy, ConsumerSystem, CredentialKind,
        GroupDefinition, KeySetUri, OrganisationTypeDefinition, Periods, ProviderSystem, SerialNumber,
        SigningKeyRecord, SubjectKind,
    },
    storage::{AssurancePeriod, RegistryContents},
};

/// The register at one revision. A copy with some changes shares the rest with the original.
#[derive(Clone, Default)]
pub(super) struct Snapshot {
    pub(super) revision: i64,
    pub(super) groups: Arc<[GroupDefinition]>,
    pub(super) organisation_types: Arc<[OrganisationTypeDefinition]>,
    consumers: ShardedMap<ByClientId, Arc<ConsumerSystem>>,
    providers: ShardedMap<ByAsid, Arc<ProviderSystem>>,
    providers_by_root: ShardedMap<ByServiceRoot, Arc<ProviderSystem>>,
    /// By the kind of subject, then by its identifier.
    assurances: [ShardedMap<Box<str>, Periods>; 4],
    /// Serial numbers by issuer, blocked or blocked no longer.
    blocked: Arc<HashMap<String, HashMap<SerialNumber, BlockedCertificate>>>,
    pub(super) policies: Arc<[CertificatePolicy]>,
    pub(super) signing_keys: Arc<[SigningKeyRecord]>,
    /// By the hash of a certificate identity: those that may have it, for hashes collide.
    candidates: ShardedMap<u64, Vec<Arc<ConsumerSystem>>>,
    identity_hasher: RandomState,
}

impl Snapshot {
    pub(super) fn of(contents: RegistryContents) -> Self {
        Self::default().with(contents)
    }

    /// This state with what has changed since.
    pub(super) fn with(&self, changes: RegistryContents) -> Self {
        let mut next = self.clone();
        next.revision = changes.revision;
        changes.consumers.into_iter().for_each(|consumer| next.put_consumer(Arc::new(consumer)));
        changes.providers.into_iter().for_each(|provider| next.put_provider(&Arc::new(provider)));
        changes.assurances.into_iter().for_each(|period| next.put_assurance(period));
        next.groups = merged(&self.groups, changes.groups, |definition| definition.group.as_str());
        next.organisation_types =
            merged(&self.organisation_types, changes.organisation_types, |definition| definition.code.as_str());
        next.policies = merged(&self.policies, changes.certificate_policies, |policy| policy.name.as_str());
        next.signing_keys = merged(&self.signing_keys, changes.signing_keys, |key| &key.kid);
        if !changes.blocked_certificates.is_empty() {
            let all = Arc::make_mut(&mut next.blocked);
            for blocked in changes.blocked_certificates {
                all.entry(blocked.issuer.clone()).or_default().insert(blocked.serial.clone(), blocked);
            }
        }
        next
    }

    pub(super) fn consumer(&self, client_id: &str) -> Option<&Arc<ConsumerSystem>> {
        self.consumers.get(client_id)
    }

    pub(super) fn consumers(&self) -> impl Iterator<Item = &Arc<ConsumerSystem>> {
        self.consumers.values()
    }

    pub(super) fn providers(&self) -> impl Iterator<Item = &Arc<ProviderSystem>> {
        self.providers.values()
    }

    pub(super) fn consumers_with<'a>(
        &'a self,
        identity: &'a CertificateIdentity,
    ) -> impl Iterator<Item = &'a Arc<ConsumerSystem>> {
        let candidates = self.candidates.get(&self.identity_hasher.hash_one(identity));
        candidates.into_iter().flatten().filter(move |consumer| identities(consumer).any(|held| held == identity))
    }

    pub(super) fn blocked(&self, issuer: &str, serial: &SerialNumber) -> Option<&BlockedCertificate> {
        self.blocked.get(issuer)?.get(serial).filter(|blocked| blocked.unblocked_at.is_none())
    }

    pub(super) fn assured(&self, consumer: &ConsumerSystem) -> Assured {
        let [services, organisations, systems, suppliers] = &self.assurances;
        let of = |periods: &ShardedMap<Box<str>, Periods>, identifier: &str| periods.get(identifier).cloned();
        Assured::of(
            of(services, consumer.client_id.as_str()).unwrap_or_default(),
            of(organisations, consumer.organisation.ods_code.as_str()).unwrap_or_default(),
            of(systems, consumer.asid.as_str()).unwrap_or_default(),
            of(suppliers, consumer.supplier.as_str()).unwrap_or_default(),
        )
    }

    pub(super) fn provider(&self, audience: &Audience) -> Option<&Arc<ProviderSystem>> {
        match audience {
            Audience::ServiceRoot(root) => self.providers_by_root.get(root.as_str()),
            Audience::Asid(asid) => self.providers.get(asid.as_str()),
        }
    }

    pub(super) fn key_set_uris(&self, now: UnixTime) -> Vec<KeySetUri> {
        let active = self.consumers().filter(|consumer| consumer.is_active());
        active.flat_map(|consumer| consumer.key_sets_at(now)).map(|(_, uri)| uri.clone()).collect()
    }

    /// Consumers and providers.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.consumers.len(), self.providers.len())
    }

    fn put_consumer(&mut self, consumer: Arc<ConsumerSystem>) {
        if let Some(old) = self.consumers.insert(ByClientId(consumer.clone()), consumer.clone()) {
            self.forget_identities(&old);
        }
        for identity in identities(&consumer) {
            let hash = self.identity_hasher.hash_one(identity);
            let mut candidates = self.candidates.remove(&hash).unwrap_or_default();
            if !candidates.iter().any(|candidate| Arc::ptr_eq(candidate, &consumer)) {
                candidates.reserve_exact(1);
                candidates.push(consumer.clone());
            }
            self.candidates.insert(hash, candidates);
        }
    }

    fn forget_identities(&mut self, old: &Arc<ConsumerSystem>) {
        for identity in identities(old) {
            let hash = self.identity_hasher.hash_one(identity);
            let mut candidates = self.candidates.remove(&hash).unwrap_or_default();
            candidates.retain(|candidate| !Arc::ptr_eq(candidate, old));
            if !candidates.is_empty() {
                self.candidates.insert(hash, candidates);
            }
        }
    }

    fn put_assurance(&mut self, changed: AssurancePeriod) {
        let AssurancePeriod { subject, group, period } = changed;
        let [services, organisations, systems, suppliers] = &mut self.assurances;
        let known = match subject.kind() {
            SubjectKind::Service => services,
            SubjectKind::Organisation => organisations,
            SubjectKind::System => systems,
            SubjectKind::Supplier => suppliers,
        };
        let others = known.get(subject.identifier()).into_iter().flat_map(|periods| periods.iter());
        let others = others.filter(|(other, _)| *other != group).cloned();
        let periods: Periods = others.chain([(group.clone(), period)]).collect();
        known.insert(subject.identifier().into(), periods);
    }

    fn put_provider(&mut self, provider: &Arc<ProviderSystem>) {
        if let Some(old) = self.providers.insert(ByAsid(provider.clone()), provider.clone()) {
            self.providers_by_root.remove(old.service_root.as_str());
        }
        self.providers_by_root.insert(ByServiceRoot(provider.clone()), provider.clone());
    }
}

fn identities(consumer: &ConsumerSystem) -> impl Iterator<Item = &CertificateIdentity> {
    consumer.credentials.iter().filter_map(|credential| match &credential.kind {
        CredentialKind::Certificate(held) => Some(&held.identity),
        _ => None,
    })
}

/// `old` with `changes` in place of, or beside, what has the same key; in the order of keys.
fn merged<T: Clone>(old: &Arc<[T]>, changes: Vec<T>, key: fn(&T) -> &str) -> Arc<[T]> {
    if changes.is_empty() {
        return old.clone();
    }
    let unchanged = old.iter().filter(|&value| !changes.iter().any(|changed| key(changed) == key(value)));
    let mut all: Vec<T> = unchanged.cloned().collect();
    all.extend(changes);
    all.sort_by(|one, other| key(one).cmp(key(other)));
    all.into()
}

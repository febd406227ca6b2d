//! One state of the register, with the ways to find things in it.

use std::{collections::HashMap, sync::Arc};

use careconnect_verifier::ClientId;
use uuid::Uuid;

use super::{
    by_key::{ByAsid, ByClientId, ByServiceRoot},
    identities::Candidates,
    sharded_map::ShardedMap,
};
use crate::{
    clock::UnixTime,
    domain::{
        Assured, Audience, BlockedCertificate, CertificateIdentity, CertificatePolicy, ConsumerSystem, GroupDefinition,
        KeySetUri, OrganisationTypeDefinition, Periods, ProviderSystem, RevokedToken, SerialNumber, SigningKeyRecord,
        SubjectKind,
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
    /// Those that are suspended or retired, once more.
    inactive: ShardedMap<ByClientId, Arc<ConsumerSystem>>,
    /// By consumer and `jti`, or none for all tokens up to a time.
    revoked: ShardedMap<(ClientId, Option<Uuid>), RevokedToken>,
    providers: ShardedMap<ByAsid, Arc<ProviderSystem>>,
    providers_by_root: ShardedMap<ByServiceRoot, Arc<ProviderSystem>>,
    /// By the kind of subject, then by its identifier.
    assurances: [ShardedMap<Box<str>, Periods>; 4],
    /// Serial numbers by issuer, blocked or blocked no longer.
    blocked: Arc<HashMap<String, HashMap<SerialNumber, BlockedCertificate>>>,
    pub(super) policies: Arc<[CertificatePolicy]>,
    pub(super) signing_keys: Arc<[SigningKeyRecord]>,
    candidates: Candidates<ConsumerSystem>,
    provider_candidates: Candidates<ProviderSystem>,
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
        for revoked in changes.revoked_tokens {
            next.revoked.insert((revoked.client_id.clone(), revoked.token_id), revoked);
        }
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
        self.candidates.with(identity)
    }

    pub(super) fn providers_with<'a>(
        &'a self,
        identity: &'a CertificateIdentity,
    ) -> impl Iterator<Item = &'a Arc<ProviderSystem>> {
        self.provider_candidates.with(identity)
    }

    /// Consumers that are suspended or retired.
    pub(super) fn inactive(&self) -> impl Iterator<Item = &Arc<ConsumerSystem>> {
        self.inactive.values()
    }

    /// All that is revoked and has not been forgotten.
    pub(super) fn revoked(&self) -> impl Iterator<Item = &RevokedToken> {
        self.revoked.values()
    }

    /// Is a token of `client_id` with this `jti` and `iat` revoked, alone or with others?
    pub(super) fn is_revoked(&self, client_id: &ClientId, token_id: Uuid, issued_at: UnixTime) -> bool {
        let (one, all) = ((client_id.clone(), Some(token_id)), (client_id.clone(), None));
        self.revoked.get(&one).is_some() || self.revoked.get(&all).is_some_and(|all| issued_at <= all.revoked_at)
    }

    /// The same without what has ceased to matter; none when all of it matters.
    pub(super) fn without_ended(&self, now: UnixTime) -> Option<Self> {
        let ended = self.revoked().filter(|revoked| !revoked.matters_at(now));
        let ended: Vec<_> = ended.map(|revoked| (revoked.client_id.clone(), revoked.token_id)).collect();
        if ended.is_empty() {
            return None;
        }
        let mut next = self.clone();
        ended.iter().for_each(|key| drop(next.revoked.remove(key)));
        Some(next)
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
            self.candidates.forget(&old);
        }
        self.candidates.add(&consumer);
        match consumer.is_active() {
            true => drop(self.inactive.remove(consumer.client_id.as_str())),
            false => drop(self.inactive.insert(ByClientId(consumer.clone()), consumer)),
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
            self.provider_candidates.forget(&old);
        }
        self.provider_candidates.add(provider);
        self.providers_by_root.insert(ByServiceRoot(provider.clone()), provider.clone());
    }
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

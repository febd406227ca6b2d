//! What is registered, in memory: token requests read this and never the database.

mod by_key;
mod find;
mod follow;
mod identities;
mod prune;
mod revocations;
pub mod search;
mod sharded_map;
mod snapshot;

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use arc_swap::ArcSwap;
use careconnect_verifier::Group;
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    authentication::{client_trust::IsBlocked, key_sets::RegisteredKeySets},
    clock::{Clock, UnixTime},
    domain::{
        Assured, Audience, BlockedCertificate, CertificateIdentity, CertificatePolicy, ConsumerSystem, GroupDefinition,
        KeySetUri, OrganisationTypeDefinition, ProviderSystem, SerialNumber, SigningKeyRecord,
    },
    storage::{Database, StorageError},
};
pub use revocations::{Revocations, RevokedConsumer};
use snapshot::Snapshot;

/// Everything registered, as of the last look at the database. Reading takes no lock and waits for nobody.
pub struct Registry {
    database: Database,
    clock: Arc<dyn Clock>,
    snapshot: ArcSwap<Snapshot>,
    synced_at: AtomicI64,
    /// Tells of each snapshot by its revision.
    revisions: watch::Sender<i64>,
    /// Whoever brings it up to date: an older state must not take the place of a newer one.
    catching_up: tokio::sync::Mutex<()>,
}

impl Registry {
    /// Reads everything.
    pub async fn load(database: Database, clock: Arc<dyn Clock>) -> Result<Self, StorageError> {
        let now = clock.now();
        let snapshot = Snapshot::of(database.load_all().await?);
        snapshot.report("the register is loaded");
        let revisions = watch::Sender::new(snapshot.revision);
        let (snapshot, synced_at) = (ArcSwap::from_pointee(snapshot), AtomicI64::new(now.0));
        Ok(Self { database, clock, snapshot, synced_at, revisions, catching_up: tokio::sync::Mutex::default() })
    }

    /// The database that it reads.
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// The consumer of that client id, which may be any text.
    pub fn consumer(&self, client_id: &str) -> Option<Arc<ConsumerSystem>> {
        self.snapshot.load().consumer(client_id).cloned()
    }

    /// The consumers with a credential for that certificate identity, whether it counts now or not.
    pub fn consumers_with(&self, identity: &CertificateIdentity) -> Vec<Arc<ConsumerSystem>> {
        self.snapshot.load().consumers_with(identity).cloned().collect()
    }

    /// All consumers, in no order.
    pub fn consumers(&self) -> Vec<Arc<ConsumerSystem>> {
        self.snapshot.load().consumers().cloned().collect()
    }

    /// All providers, in no order.
    pub fn providers(&self) -> Vec<Arc<ProviderSystem>> {
        self.snapshot.load().providers().cloned().collect()
    }

    /// The providers with that certificate identity, active or not.
    pub fn providers_with(&self, identity: &CertificateIdentity) -> Vec<Arc<ProviderSystem>> {
        self.snapshot.load().providers_with(identity).cloned().collect()
    }

    /// Has any consumer or provider registered that certificate identity, whether it counts now or not?
    pub fn has_credential_for(&self, identity: &CertificateIdentity) -> bool {
        let snapshot = self.snapshot.load();
        snapshot.consumers_with(identity).next().is_some() || snapshot.providers_with(identity).next().is_some()
    }

    /// What an administrator says of the certificate with that serial number, if it is blocked. The issuer is its name
    /// as RFC 4514 writes it.
    pub fn blocked(&self, issuer: &str, serial: &SerialNumber) -> Option<BlockedCertificate> {
        self.snapshot.load().blocked(issuer, serial).cloned()
    }

    /// Whether a certificate is blocked, asked again whenever it matters.
    pub fn blocks(self: &Arc<Self>) -> IsBlocked {
        let registry = self.clone();
        Arc::new(move |issuer: &str, serial: &SerialNumber| registry.blocked(issuer, serial).is_some())
    }

    /// All certificate policies, removed ones too, in the order of their names.
    pub fn certificate_policies(&self) -> Arc<[CertificatePolicy]> {
        self.snapshot.load().policies.clone()
    }

    /// All signing keys there ever were.
    pub fn signing_keys(&self) -> Arc<[SigningKeyRecord]> {
        self.snapshot.load().signing_keys.clone()
    }

    /// Where active consumers publish keys at `now`; an address as often as it is registered.
    pub fn key_set_uris(&self, now: UnixTime) -> Vec<KeySetUri> {
        self.snapshot.load().key_set_uris(now)
    }

    /// What is recorded of the four behind a consumer.
    pub fn assured(&self, consumer: &ConsumerSystem) -> Assured {
        self.snapshot.load().assured(consumer)
    }

    /// The provider of that service root or ASID.
    pub fn provider(&self, audience: &Audience) -> Option<Arc<ProviderSystem>> {
        self.snapshot.load().provider(audience).cloned()
    }

    /// What stood for a group in the original Azure AD tokens.
    pub fn entra_object_id(&self, group: &Group) -> Option<Uuid> {
        self.snapshot.load().groups.iter().find(|known| known.group == *group)?.entra_object_id
    }

    /// All groups in the order of their URNs.
    pub fn groups(&self) -> Arc<[GroupDefinition]> {
        self.snapshot.load().groups.clone()
    }

    /// All organisation types in the order of their codes.
    pub fn organisation_types(&self) -> Arc<[OrganisationTypeDefinition]> {
        self.snapshot.load().organisation_types.clone()
    }

    /// How many consumers and providers there are.
    pub fn counts(&self) -> (usize, usize) {
        self.snapshot.load().counts()
    }

    /// The last change that is in memory.
    pub fn revision(&self) -> i64 {
        self.snapshot.load().revision
    }

    /// Hears of every change that is in memory from now on, by its revision. What was read anew may have the revision that
    /// there was before, or an older one.
    pub fn revisions(&self) -> watch::Receiver<i64> {
        self.revisions.subscribe()
    }

    /// When memory was last known to agree with the database.
    pub fn synced_at(&self) -> UnixTime {
        UnixTime(self.synced_at.load(Ordering::Acquire))
    }

    /// Seconds since memory was last known to agree with the database.
    pub fn age(&self, now: UnixTime) -> i64 {
        now.since(self.synced_at()).max(0)
    }
}

impl RegisteredKeySets for Registry {
    fn revision(&self) -> i64 {
        self.revision()
    }

    fn uris(&self, now: UnixTime) -> Vec<KeySetUri> {
        self.key_set_uris(now)
    }
}

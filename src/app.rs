//! The assembled parts, passed by reference.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use careconnect_verifier::AccessTokenClaims;

use crate::{
    authentication::{AuthenticatedConsumer, Authenticator, Method, client_trust::ClientTrust, key_sets::KeySets},
    clock::{Clock, UnixTime},
    config::{self, Config, Issuer},
    credential_uses::CredentialUses,
    domain::{
        ClaimsProfile, DirectoryComparison, FailedCheck, ProviderSystem, Reason, Refusal, key_set_address::Permitted,
    },
    own_tokens::OwnTokens,
    rate_limit::RateLimits,
    record::IssuanceRecord,
    registry::Registry,
    replay::ReplayGuard,
    revocation_list::RevocationList,
    signing::{KeyRing, SignedToken, SigningError},
};

/// Everything that a running server is made of, but its listeners.
pub struct App {
    /// Who issues: the `iss` of every token.
    pub issuer: Issuer,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What is registered, in memory.
    pub registry: Arc<Registry>,
    /// The keys that sign.
    pub key_ring: Arc<KeyRing>,
    /// When credentials were used last.
    pub uses: CredentialUses,
    /// What proofs are held against.
    pub authenticator: Authenticator,
    /// Tokens that were issued, read back.
    pub own_tokens: OwnTokens,
    /// Which of them count no longer, for verifiers.
    pub revocation_list: RevocationList,
    /// Which assertions have been used.
    pub replay: ReplayGuard,
    /// What was answered to each token request.
    pub record: IssuanceRecord,
    /// How many requests a consumer may make.
    pub rate_limits: RateLimits,
    /// How long tokens are issued from memory without a look at the database, in seconds.
    pub max_staleness: i64,
    /// For how long others may keep the key set, in seconds.
    pub jwks_max_age: u64,
    /// Where the key sets of consumers may be.
    pub key_set_addresses: Permitted,
    /// How the Spine Directory Service is asked, if it can be.
    pub directory: config::Directory,
    /// What was found when the register was last held against it.
    pub compared: ArcSwapOption<DirectoryComparison>,
}

/// The parts that had to be opened, read or fetched.
pub struct Opened {
    /// What is registered.
    pub registry: Arc<Registry>,
    /// The keys that sign.
    pub key_ring: Arc<KeyRing>,
    /// Where answers are recorded.
    pub record: IssuanceRecord,
    /// Where used assertions are.
    pub replay: ReplayGuard,
    /// Which certificates are believed.
    pub trust: Arc<ArcSwap<ClientTrust>>,
    /// The keys that consumers publish.
    pub key_sets: Arc<KeySets>,
}

impl App {
    /// Puts the parts together.
    pub fn assemble(config: &Config, issuer: &Issuer, clock: Arc<dyn Clock>, opened: Opened) -> Self {
        let Opened { registry, key_ring, record, replay, trust, key_sets } = opened;
        Self {
            issuer: issuer.clone(),
            uses: CredentialUses::default(),
            own_tokens: OwnTokens::default(),
            revocation_list: RevocationList::default(),
            authenticator: Authenticator::new(&config.limits, issuer.clone(), trust, key_sets),
            rate_limits: RateLimits::of(&config.limits),
            max_staleness: i64::try_from(config.registry.max_staleness_seconds.duration().as_secs())
                .unwrap_or(i64::MAX),
            key_set_addresses: Permitted { private: config.assertions.allow_private_jwks_addresses },
            jwks_max_age: config.keys.jwks_max_age_seconds.duration().as_secs(),
            directory: config.directory.clone(),
            compared: ArcSwapOption::empty(),
            clock,
            registry,
            key_ring,
            replay,
            record,
        }
    }

    /// Writes the figures that nobody counts into the metrics.
    pub fn write_gauges(&self) {
        let age = self.registry.age(self.clock.now());
        metrics::gauge!("careconnect_registry_age_seconds").set(figure(age));
        let (consumers, providers) = self.registry.counts();
        let revoked = self.registry.revoked_count();
        for (kind, count) in [("consumers", consumers), ("providers", providers), ("revoked_tokens", revoked)] {
            metrics::gauge!("careconnect_registry_entries", "kind" => kind).set(figure(count));
        }
        metrics::gauge!("careconnect_registry_revision").set(figure(self.registry.revision()));
        metrics::gauge!("careconnect_record_writable").set(figure(!self.record.is_failing()));
        metrics::gauge!("careconnect_argon2_queue_depth").set(figure(self.authenticator.secrets.waiting()));
    }

    /// Is what is known of the register recent enough to issue tokens from?
    pub fn registry_is_fresh(&self, now: UnixTime) -> Result<(), Refusal> {
        let age = self.registry.age(now);
        if age <= self.max_staleness {
            return Ok(());
        }
        let sentence = "the register has not been seen for too long: tokens will be issued again when it is";
        let expected = format!("a register seen within {} s", self.max_staleness);
        let check = FailedCheck::new("registry_stale", expected, format!("seen {age} s ago"));
        Err(Refusal::new(Reason::RegistryStale, sentence).with_check(check))
    }

    /// Signs `claims` in the shape that `provider` is registered for.
    pub fn sign(
        &self,
        requester: &AuthenticatedConsumer,
        provider: &ProviderSystem,
        claims: &AccessTokenClaims,
    ) -> Result<SignedToken, SigningError> {
        match provider.claims_profile {
            ClaimsProfile::CareConnect => self.key_ring.sign(provider.signing_algorithm, claims),
            ClaimsProfile::Entra => {
                let appidacr = if requester.method() == Method::Secret { "1" } else { "2" };
                let object_id_of = |group: &_| self.registry.entra_object_id(group);
                self.key_ring.sign_entra(provider.signing_algorithm, claims, appidacr, object_id_of)
            }
        }
    }
}

/// A figure as Prometheus takes it; beyond 2^32 its last digits do not matter.
fn figure(value: impl TryInto<u32>) -> f64 {
    f64::from(value.try_into().unwrap_or(u32::MAX))
}

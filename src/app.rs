//! The assembled parts, passed by reference.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use arc_swap::{ArcSwap, ArcSwapOption};
use careconnect_verifier::AccessTokenClaims;

use crate::{
    authentication::{AuthenticatedConsumer, Authenticator, Method, client_trust::ClientTrust, key_sets::KeySets},
    clock::{SteadyClock, UnixTime},
    config::{self, Config, Issuer},
    credential_uses::CredentialUses,
    domain::{
        ClaimsProfile, DirectoryComparison, FailedCheck, KeyState, ProviderSystem, Reason, Refusal, key_schedule,
        key_set_address::Permitted,
    },
    key_set_fetches::KeySetFetches,
    own_tokens::OwnTokens,
    rate_limit::RateLimits,
    record::IssuanceRecord,
    registry::Registry,
    replay::ReplayGuard,
    revocation_list::RevocationList,
    signing::{Keys, SignedToken, SigningError},
};

/// Everything that a running server is made of, but its listeners.
pub struct App {
    /// Who issues: the `iss` of every token.
    pub issuer: Issuer,
    /// The time, which never goes back.
    pub clock: Arc<SteadyClock>,
    /// Has the end been announced? Whoever balances requests shall send none any more; those that come are answered.
    is_stopping: AtomicBool,
    /// What is registered, in memory.
    pub registry: Arc<Registry>,
    /// The keys that sign.
    pub keys: Arc<Keys>,
    /// Which providers have fetched the key set.
    pub key_set_fetches: KeySetFetches,
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
    pub jwks_max_age: i64,
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
    pub keys: Arc<Keys>,
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
    pub fn assemble(config: &Config, issuer: &Issuer, clock: Arc<SteadyClock>, opened: Opened) -> Self {
        let Opened { registry, keys, record, replay, trust, key_sets } = opened;
        Self {
            issuer: issuer.clone(),
            uses: CredentialUses::default(),
            key_set_fetches: KeySetFetches::default(),
            own_tokens: OwnTokens::default(),
            revocation_list: RevocationList::default(),
            authenticator: Authenticator::new(&config.limits, issuer.clone(), trust, key_sets),
            rate_limits: RateLimits::of(&config.limits),
            max_staleness: i64::try_from(config.registry.max_staleness_seconds.duration().as_secs())
                .unwrap_or(i64::MAX),
            key_set_addresses: Permitted { private: config.assertions.allow_private_jwks_addresses },
            jwks_max_age: i64::try_from(config.keys.jwks_max_age_seconds.duration().as_secs()).unwrap_or(i64::MAX),
            directory: config.directory.clone(),
            compared: ArcSwapOption::empty(),
            is_stopping: AtomicBool::new(false),
            clock,
            registry,
            keys,
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
        metrics::gauge!("careconnect_clock_behind_seconds").set(figure(self.clock.behind()));
        self.write_key_gauges();
        metrics::gauge!("careconnect_record_writable").set(figure(!self.record.is_failing()));
        metrics::gauge!("careconnect_argon2_queue_depth").set(figure(self.authenticator.secrets.waiting()));
    }

    /// Says from now on that the server is about to stop.
    pub fn announce_stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
    }

    /// Has that been said?
    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    fn write_key_gauges(&self) {
        let (ring, now) = (self.keys.ring(), self.clock.now());
        for algorithm in ring.algorithms() {
            let own = || ring.records().iter().filter(move |key| key.algorithm == algorithm);
            for state in [KeyState::Next, KeyState::Active, KeyState::Retiring] {
                let count = own().filter(|key| ring.schedule().state(key, ring.records(), now) == state).count();
                let (algorithm, state) = (algorithm.name(), state.name());
                let gauge = metrics::gauge!("careconnect_signing_keys", "algorithm" => algorithm, "state" => state);
                gauge.set(figure(count));
            }
            let since = key_schedule::active(ring.records(), algorithm, now).map_or(0, |key| key.activates_at.0);
            let gauge =
                metrics::gauge!("careconnect_signing_key_activated_timestamp_seconds", "algorithm" => algorithm.name());
            gauge.set(figure(since));
        }
        metrics::gauge!("careconnect_signing_keys_unusable").set(figure(ring.unopened().count()));
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
    pub async fn sign(
        &self,
        requester: &AuthenticatedConsumer,
        provider: &ProviderSystem,
        claims: &AccessTokenClaims,
        now: UnixTime,
    ) -> Result<SignedToken, SigningError> {
        match provider.claims_profile {
            ClaimsProfile::CareConnect => self.keys.sign(provider.signing_algorithm, claims, now).await,
            ClaimsProfile::Entra => {
                let appidacr = if requester.method() == Method::Secret { "1" } else { "2" };
                let object_id_of = |group: &_| self.registry.entra_object_id(group);
                self.keys.sign_entra(provider.signing_algorithm, claims, appidacr, object_id_of, now).await
            }
        }
    }
}

/// A figure as Prometheus takes it; beyond 2^32 its last digits do not matter.
fn figure(value: impl TryInto<u32>) -> f64 {
    f64::from(value.try_into().unwrap_or(u32::MAX))
}

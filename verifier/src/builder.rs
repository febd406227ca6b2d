//! The steps to a verifier. What must not be forgotten is a step of its own; everything else has a safe default.

use std::{fmt, sync::Arc, time::Duration};

use crate::{Algorithm, KeySource, Revocations, TokenVerifier, clock::Clock, policy::Policy};

/// The longest leeway that can be asked for, in seconds.
const MAX_LEEWAY: i64 = 60;

/// A verifier that lacks the provider's service root and the issuer's keys.
#[derive(Debug)]
#[must_use = "call audience()"]
pub struct NeedsAudience {
    issuer: String,
}

/// A verifier that lacks the issuer's keys.
#[derive(Debug)]
#[must_use = "call keys()"]
pub struct NeedsKeys {
    issuer: String,
    audience: String,
}

/// A verifier with every option at its default: ES256 and RS256, 5 seconds of leeway, the system's clock.
#[must_use = "call build()"]
pub struct TokenVerifierBuilder {
    policy: Policy,
    keys: Arc<dyn KeySource>,
    revocations: Option<Revocations>,
    cached_tokens: usize,
}

/// A verifier cannot be made of these options.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidOptions {
    /// An empty issuer or audience would match an empty claim.
    #[error("expected an {0}, received an empty text")]
    Empty(&'static str),
    /// RFC 7519 §4.1.4 speaks of a few minutes at most; within one, clocks can be kept.
    #[error("expected a leeway of at most {MAX_LEEWAY} seconds, received {0}")]
    Leeway(i64),
    /// Without an algorithm every token would be refused.
    #[error("expected at least one algorithm")]
    NoAlgorithm,
    /// A list of revocations would be stale before it is asked for again.
    #[error("expected revocations to be stale after more than poll_every, {poll_every:?}, received {stale_after:?}")]
    StaleBeforeNextPoll {
        /// How often the source is asked.
        poll_every: Duration,
        /// What came.
        stale_after: Duration,
    },
}

impl NeedsAudience {
    pub(crate) fn new(issuer: String) -> Self {
        Self { issuer }
    }

    /// Accepts tokens for `service_root` only: this provider's service root URL, exactly as it is registered. Compared as
    /// a whole string; a prefix is not enough.
    pub fn audience(self, service_root: impl Into<String>) -> NeedsKeys {
        NeedsKeys { issuer: self.issuer, audience: service_root.into() }
    }
}

impl NeedsKeys {
    /// Takes the issuer's keys from `source`.
    pub fn keys(self, source: impl KeySource) -> TokenVerifierBuilder {
        TokenVerifierBuilder {
            policy: Policy {
                issuer: self.issuer,
                audience: self.audience,
                algorithms: vec![Algorithm::Es256, Algorithm::Rs256],
                leeway: 5,
                max_age: None,
                must_be_bound: false,
                clock: Clock::default(),
            },
            keys: Arc::new(source),
            revocations: None,
            cached_tokens: 2048,
        }
    }
}

impl TokenVerifierBuilder {
    /// Allows these algorithms instead of ES256 and RS256. A key still decides which of them it is for.
    pub fn algorithms(mut self, algorithms: &[Algorithm]) -> Self {
        self.policy.algorithms = algorithms.to_vec();
        self
    }

    /// Allows for clocks that differ by up to `seconds`; at most 60.
    pub fn leeway(mut self, seconds: u32) -> Self {
        self.policy.leeway = i64::from(seconds);
        self
    }

    /// Refuses tokens that were issued more than `seconds` ago, however long the issuer lets them live.
    pub fn max_age(mut self, seconds: u32) -> Self {
        self.policy.max_age = Some(i64::from(seconds));
        self
    }

    /// Refuses tokens that are not bound to a certificate. A bound token always needs its certificate, with or without this.
    pub fn require_certificate_binding(mut self) -> Self {
        self.policy.must_be_bound = true;
        self
    }

    /// Takes the time, in Unix seconds, from `clock` instead of the system's.
    pub fn clock(mut self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.policy.clock = Clock::new(clock);
        self
    }

    /// Refuses what the issuer has withdrawn, as a `RemoteRevocations`, or another source, tells it. Without this, the
    /// verifier stays offline, and a token is accepted until it ends.
    pub fn revocations(mut self, revocations: impl Into<Revocations>) -> Self {
        self.revocations = Some(revocations.into());
        self
    }

    /// Keeps up to `tokens` verified tokens, rounded up to a multiple of eight, so that their signature need not be checked
    /// again; everything that can change is judged with every request, so the verdicts are the same. Tokens of more than
    /// 4 KiB are not kept: an ordinary one costs 2 KiB of memory, and none more than 32 KiB. Default: 2048; 0 keeps none.
    pub fn cache(mut self, tokens: usize) -> Self {
        self.cached_tokens = tokens;
        self
    }

    /// The verifier, unless an option is one that would make it unsafe or useless.
    pub fn build(self) -> Result<TokenVerifier, InvalidOptions> {
        let Self { policy, keys, revocations, cached_tokens } = self;
        if policy.issuer.is_empty() {
            return Err(InvalidOptions::Empty("issuer"));
        }
        if policy.audience.is_empty() {
            return Err(InvalidOptions::Empty("audience"));
        }
        if policy.algorithms.is_empty() {
            return Err(InvalidOptions::NoAlgorithm);
        }
        if policy.leeway > MAX_LEEWAY {
            return Err(InvalidOptions::Leeway(policy.leeway));
        }
        if let Some(Revocations { source, stale_after, .. }) = &revocations {
            let (poll_every, stale_after) = (source.poll_every(), *stale_after);
            if stale_after <= poll_every {
                return Err(InvalidOptions::StaleBeforeNextPoll { poll_every, stale_after });
            }
        }
        Ok(TokenVerifier::new(policy, keys, revocations, cached_tokens))
    }
}

impl fmt::Debug for TokenVerifierBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifierBuilder")
            .field("policy", &self.policy)
            .field("revocations", &self.revocations)
            .finish_non_exhaustive()
    }
}

//! The one decision: is this token the issuer's, for this provider, valid now, and its bearer's?

use std::{fmt, sync::Arc};

use crate::{
    FixedKeys, KeySource, KeyState, KeysUnavailable, Presented, Rejection, RevocationState, Revocations,
    RevocationsUnavailable, VerifiedToken, builder::NeedsAudience, meters, policy::Policy, revocations::Following,
    token_cache::TokenCache, unverified::UnverifiedToken,
};

/// Verifies access tokens of one issuer for one provider. Cheap to clone; clones share everything.
///
/// Neither issuer nor audience can be forgotten:
///
/// ```compile_fail,E0599
/// use careconnect_verifier::{FixedKeys, KeySet, TokenVerifier};
/// # let keys = FixedKeys::new(KeySet::default());
/// let verifier = TokenVerifier::for_issuer("https://auth.example.nhs.uk").keys(keys).build();
/// ```
#[derive(Clone)]
pub struct TokenVerifier {
    policy: Arc<Policy>,
    keys: Arc<dyn KeySource>,
    /// None for who wants to stay offline.
    revocations: Option<Arc<Following>>,
    cache: Arc<TokenCache>,
}

/// A token that has passed every check but the last.
struct Proven {
    token: VerifiedToken,
    /// Not by its signature, but by the cache.
    from_cache: bool,
}

impl TokenVerifier {
    /// Begins a verifier that trusts `issuer`, which is compared with `iss` as a whole string.
    pub fn for_issuer(issuer: impl Into<String>) -> NeedsAudience {
        NeedsAudience::new(issuer.into())
    }

    pub(crate) fn new(
        policy: Policy,
        keys: Arc<dyn KeySource>,
        revocations: Option<Revocations>,
        cached_tokens: usize,
    ) -> Self {
        meters::describe();
        let policy = Arc::new(policy);
        let follow = |revocations| Arc::new(Following::new(Arc::clone(&policy), Arc::clone(&keys), revocations));
        let revocations = revocations.map(follow);
        Self { policy, keys, revocations, cache: Arc::new(TokenCache::new(cached_tokens)) }
    }

    /// Verifies a token. Waits only when its key is not known, or the known keys are too old; and, with revocations, for
    /// the first list.
    pub async fn verify(&self, presented: impl Into<Presented<'_>>) -> Result<VerifiedToken, Rejection> {
        let verdict = self.decide(presented.into()).await;
        meters::verified(&verdict);
        verdict
    }

    async fn decide(&self, presented: Presented<'_>) -> Result<VerifiedToken, Rejection> {
        let proven = match self.prove(presented, self.keys.as_ref()) {
            Err(Rejection::UnknownKey { .. } | Rejection::KeysUnavailable(_)) => {
                self.prove(presented, &FixedKeys::from(self.keys.refreshed().await?))
            }
            verdict => verdict,
        }?;
        if let Some(revocations) = &self.revocations {
            revocations.keep_up().await;
        }
        self.unless_revoked(proven, presented)
    }

    /// Verifies a token with the keys and revocations that are there, and never waits: for
    /// [`FixedKeys`](crate::FixedKeys).
    pub fn verify_offline<'a>(&self, presented: impl Into<Presented<'a>>) -> Result<VerifiedToken, Rejection> {
        let verdict = self.decide_offline(presented.into());
        meters::verified(&verdict);
        verdict
    }

    fn decide_offline(&self, presented: Presented<'_>) -> Result<VerifiedToken, Rejection> {
        let proven = self.prove(presented, self.keys.as_ref())?;
        if let Some(revocations) = &self.revocations {
            revocations.keep_up_offline();
        }
        self.unless_revoked(proven, presented)
    }

    /// Asks for the issuer's revocations now, so that a provider can do it before its first request, or when it is told
    /// that there are new ones. Not needed, and no error is final. Does nothing for a verifier without revocations.
    pub async fn refresh_revocations(&self) -> Result<(), RevocationsUnavailable> {
        match &self.revocations {
            Some(revocations) => revocations.poll().await,
            None => Ok(()),
        }
    }

    /// The time by this verifier's clock, Unix seconds.
    #[cfg(feature = "tower")]
    pub(crate) fn now(&self) -> i64 {
        self.policy.clock.now()
    }

    /// How well it is known what the issuer has withdrawn; none for a verifier without revocations.
    pub fn revocation_state(&self) -> Option<RevocationState> {
        self.revocations.as_ref().map(|revocations| revocations.state())
    }

    /// How well the issuer's keys are known; none with [`FixedKeys`].
    pub fn key_state(&self) -> Option<KeyState> {
        self.keys.state()
    }

    /// Every check but the last. The cache only spares what would prove the same again.
    fn prove(&self, presented: Presented<'_>, keys: &dyn KeySource) -> Result<Proven, Rejection> {
        let known = self.cache.read(presented.token, |token| self.prove_again(token, presented, keys));
        match known.transpose()?.flatten() {
            Some(token) => Ok(Proven { token, from_cache: true }),
            None => Ok(Proven { token: self.prove_anew(presented, keys)?, from_cache: false }),
        }
    }

    /// What can have changed since these bytes were proven, in the order of [`Self::prove_anew`]: the time, the keys, and
    /// who presents them. None if the key of that name is another now.
    fn prove_again(
        &self,
        token: &VerifiedToken,
        presented: Presented<'_>,
        keys: &dyn KeySource,
    ) -> Result<Option<VerifiedToken>, Rejection> {
        self.policy.check_times_of(token)?;
        let mut is_same_key = None;
        keys.read_current(&mut |keys| {
            let key = keys.ok_or_else(none_fetched).and_then(|keys| keys.find(token.key_id()));
            is_same_key = Some(key.map(|key| token.is_signed_with(key.identity())));
        });
        if !is_same_key.unwrap_or_else(|| Err(none_fetched()))? {
            return Ok(None);
        }
        self.policy.check_bearer(token, &presented)?;
        Ok(Some(token.clone()))
    }

    /// Every check but the last, in the one order in which they are made. Keys are asked for only if the token is worth
    /// it.
    fn prove_anew(&self, presented: Presented<'_>, keys: &dyn KeySource) -> Result<VerifiedToken, Rejection> {
        let token = UnverifiedToken::read(presented.token, &self.policy.algorithms)?;
        let claims = self.policy.screen(&token)?;
        let key_id = token.header.key_id()?;
        let keys = keys.current().ok_or_else(none_fetched)?;
        let key = keys.find(key_id)?;
        key.check_signature_of(&token)?;
        let token = VerifiedToken::new(claims.into_claims(&self.policy.audience)?, key_id, key.identity());
        self.policy.check_bearer(&token, &presented)?;
        Ok(token)
    }

    /// The last check, for tokens that are genuine: strangers learn nothing from it. What has passed it is remembered.
    fn unless_revoked(&self, proven: Proven, presented: Presented<'_>) -> Result<VerifiedToken, Rejection> {
        let Proven { token, from_cache } = proven;
        meters::proven(from_cache);
        if let Some(revocations) = &self.revocations {
            revocations.check(&token)?;
        }
        if !from_cache {
            let now = self.policy.clock.now();
            self.cache.insert(presented.token, &token, |other| self.policy.has_ended(other.expires_at(), now));
        }
        Ok(token)
    }
}

fn none_fetched() -> Rejection {
    KeysUnavailable("none that may be used are at hand".to_owned()).into()
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifier")
            .field("policy", &self.policy)
            .field("revocations", &self.revocations)
            .finish_non_exhaustive()
    }
}

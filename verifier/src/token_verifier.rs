//! The one decision: is this token the issuer's, for this provider, valid now, and its bearer's?

use std::{fmt, sync::Arc};

use crate::{
    KeySet, KeySource, KeysUnavailable, Presented, Rejection, RevocationState, Revocations, RevocationsUnavailable,
    VerifiedToken, builder::NeedsAudience, policy::Policy, revocations::Following, unverified::UnverifiedToken,
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
}

impl TokenVerifier {
    /// Begins a verifier that trusts `issuer`, which is compared with `iss` as a whole string.
    pub fn for_issuer(issuer: impl Into<String>) -> NeedsAudience {
        NeedsAudience::new(issuer.into())
    }

    pub(crate) fn new(policy: Policy, keys: Arc<dyn KeySource>, revocations: Option<Revocations>) -> Self {
        let policy = Arc::new(policy);
        let follow = |revocations| Arc::new(Following::new(Arc::clone(&policy), Arc::clone(&keys), revocations));
        let revocations = revocations.map(follow);
        Self { policy, keys, revocations }
    }

    /// Verifies a token. Waits only when its key is not known, or the known keys are too old; and, with revocations, for
    /// the first list.
    pub async fn verify(&self, presented: impl Into<Presented<'_>>) -> Result<VerifiedToken, Rejection> {
        let presented = presented.into();
        let proven = match self.prove(presented, || self.keys.current()) {
            Err(Rejection::UnknownKey { .. } | Rejection::KeysUnavailable(_)) => {
                let keys = self.keys.refreshed().await?;
                self.prove(presented, || Some(keys))
            }
            verdict => verdict,
        }?;
        if let Some(revocations) = &self.revocations {
            revocations.keep_up().await;
        }
        self.unless_revoked(proven)
    }

    /// Verifies a token with the keys and revocations that are there, and never waits: for
    /// [`FixedKeys`](crate::FixedKeys).
    pub fn verify_offline<'a>(&self, presented: impl Into<Presented<'a>>) -> Result<VerifiedToken, Rejection> {
        let proven = self.prove(presented.into(), || self.keys.current())?;
        if let Some(revocations) = &self.revocations {
            revocations.keep_up_offline();
        }
        self.unless_revoked(proven)
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
        (self.policy.clock)()
    }

    /// How well it is known what the issuer has withdrawn; none for a verifier without revocations.
    pub fn revocation_state(&self) -> Option<RevocationState> {
        self.revocations.as_ref().map(|revocations| revocations.state())
    }

    /// Every check but the last, in the one order in which they are made. Keys are asked for only if the token is worth
    /// it. Gives the `kid` as well.
    fn prove(
        &self,
        presented: Presented<'_>,
        keys: impl FnOnce() -> Option<Arc<KeySet>>,
    ) -> Result<(VerifiedToken, String), Rejection> {
        let token = UnverifiedToken::read(presented.token, &self.policy.algorithms)?;
        let claims = self.policy.screen(&token)?;
        let key_id = token.header.key_id()?;
        let keys = keys().ok_or_else(|| KeysUnavailable("none have been fetched yet".to_owned()))?;
        keys.find(key_id)?.check_signature_of(&token)?;
        Ok((self.policy.judge(claims, &presented)?, key_id.to_owned()))
    }

    /// The last check, for tokens that are genuine: strangers learn nothing from it.
    fn unless_revoked(&self, (token, key_id): (VerifiedToken, String)) -> Result<VerifiedToken, Rejection> {
        if let Some(revocations) = &self.revocations {
            revocations.check(&token, &key_id)?;
        }
        Ok(token)
    }
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifier")
            .field("policy", &self.policy)
            .field("revocations", &self.revocations)
            .finish_non_exhaustive()
    }
}

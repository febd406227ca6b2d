//! The one decision: is this token the issuer's, for this provider, valid now, and its bearer's?

use std::{fmt, sync::Arc};

use crate::{
    KeySet, KeySource, KeysUnavailable, Presented, Rejection, VerifiedToken, builder::NeedsAudience, policy::Policy,
    unverified::UnverifiedToken,
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
}

impl TokenVerifier {
    /// Begins a verifier that trusts `issuer`, which is compared with `iss` as a whole string.
    pub fn for_issuer(issuer: impl Into<String>) -> NeedsAudience {
        NeedsAudience::new(issuer.into())
    }

    pub(crate) fn new(policy: Policy, keys: Arc<dyn KeySource>) -> Self {
        Self { policy: Arc::new(policy), keys }
    }

    /// Verifies a token. Waits only when its key is not known, or the known keys are too old.
    pub async fn verify(&self, presented: impl Into<Presented<'_>>) -> Result<VerifiedToken, Rejection> {
        let presented = presented.into();
        match self.verify_offline(presented) {
            Err(Rejection::UnknownKey { .. } | Rejection::KeysUnavailable(_)) => {
                let keys = self.keys.refreshed().await?;
                self.decide(presented, || Some(keys))
            }
            verdict => verdict,
        }
    }

    /// Verifies a token with the keys that are there, and never waits: for [`FixedKeys`](crate::FixedKeys).
    pub fn verify_offline<'a>(&self, presented: impl Into<Presented<'a>>) -> Result<VerifiedToken, Rejection> {
        self.decide(presented.into(), || self.keys.current())
    }

    /// Every check, in the one order in which they are made. Keys are asked for only if the token is worth it.
    fn decide(
        &self,
        presented: Presented<'_>,
        keys: impl FnOnce() -> Option<Arc<KeySet>>,
    ) -> Result<VerifiedToken, Rejection> {
        let token = UnverifiedToken::read(presented.token, &self.policy.algorithms)?;
        let claims = self.policy.screen(&token)?;
        let key_id = token.header.key_id()?;
        let keys = keys().ok_or_else(|| KeysUnavailable("none have been fetched yet".to_owned()))?;
        keys.find(key_id)?.check_signature_of(&token)?;
        self.policy.judge(claims, &presented)
    }
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifier").field("policy", &self.policy).finish_non_exhaustive()
    }
}

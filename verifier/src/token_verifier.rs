//! The one decision: is this token the issuer's, for this provider, valid now, and its bearer's?

use std::{fmt, sync::Arc};

use crate::{
    KeySet, KeySource, Presented, PublicKey, Rejection, VerifiedToken,
    builder::NeedsAudience,
    policy::Policy,
    unverified::{UnverifiedToken, excerpt},
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
        let now = self.policy.now();
        let token = UnverifiedToken::read(presented.token)?;
        let claims = self.policy.screen(&token, now)?;
        let key_id = token.header.key_id()?;
        let keys = match self.keys.current() {
            Some(keys) if keys.find(key_id).is_some() => keys,
            _ => self.keys.refreshed(key_id).await.map_err(|unavailable| Rejection::KeysUnavailable(unavailable.0))?,
        };
        check_signature(&token, find_key(&keys, key_id)?)?;
        self.policy.judge(claims, &presented)
    }

    /// Verifies a token with the keys that are there, and never waits: for [`FixedKeys`](crate::FixedKeys).
    pub fn verify_offline<'a>(&self, presented: impl Into<Presented<'a>>) -> Result<VerifiedToken, Rejection> {
        let presented = presented.into();
        let now = self.policy.now();
        let token = UnverifiedToken::read(presented.token)?;
        let claims = self.policy.screen(&token, now)?;
        let key_id = token.header.key_id()?;
        let none = || Rejection::KeysUnavailable("none have been fetched yet".to_owned());
        let keys = self.keys.current().ok_or_else(none)?;
        check_signature(&token, find_key(&keys, key_id)?)?;
        self.policy.judge(claims, &presented)
    }
}

fn find_key<'k>(keys: &'k KeySet, key_id: &str) -> Result<&'k PublicKey, Rejection> {
    match keys.find(key_id) {
        Some(Ok(key)) => Ok(key),
        Some(Err(problem)) => Err(Rejection::UnusableKey { key_id: excerpt(key_id), problem: problem.clone() }),
        None => Err(Rejection::UnknownKey { key_id: excerpt(key_id) }),
    }
}

fn check_signature(token: &UnverifiedToken<'_>, key: &PublicKey) -> Result<(), Rejection> {
    key.verify_signature(token.header.algorithm, token.signed, &token.signature)
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifier").field("policy", &self.policy).finish_non_exhaustive()
    }
}

//! What is fetched must be a key set.

use std::time::Duration;

use crate::{
    InvalidKeySet, KeySet, UnusableKey,
    https::{Answer, Ask, FetchError, Fetcher},
    unverified::excerpt,
};

/// A set of a hundred RSA keys is a tenth of this.
const MAX_BYTES: usize = 512 * 1024;

#[derive(Debug, thiserror::Error)]
pub(super) enum NoKeys {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    NotAKeySet(#[from] InvalidKeySet),
    #[error("expected at least one key that can be used, received {0}")]
    NoneUsable(String),
}

/// What the issuer publishes.
pub(super) struct Published {
    pub(super) keys: KeySet,
    /// The same as it came.
    pub(super) jwks: Vec<u8>,
    /// For how long the issuer says that they may be kept.
    pub(super) lifetime: Option<Duration>,
}

pub(super) async fn fetch_keys(fetcher: &Fetcher) -> Result<Published, NoKeys> {
    let ask = Ask { accept: "application/jwk-set+json, application/json", known: None, most_bytes: MAX_BYTES };
    let (jwks, lifetime) = match fetcher.fetch(ask).await? {
        Answer::Document { body, max_age, .. } => (body, max_age),
        Answer::Unchanged => (Vec::new(), None), // only who knows something is told this
    };
    // An issuer that has lost its keys has not withdrawn them: the old ones serve until they are too stale.
    let keys = KeySet::parse(&jwks)?;
    if keys.key_ids().next().is_none() {
        return Err(NoKeys::NoneUsable(problems(&keys)));
    }
    Ok(Published { keys, jwks, lifetime })
}

/// What is wrong with the first few keys.
fn problems(keys: &KeySet) -> String {
    let told = |(key_id, problem): (&str, &UnusableKey)| format!("{:?}, which {problem}", excerpt(key_id));
    let problems: Vec<_> = keys.unusable().take(4).map(told).collect();
    if problems.is_empty() { "none".to_owned() } else { problems.join("; ") }
}

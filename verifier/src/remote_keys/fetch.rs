//! One fetch of a key set: bounded in time, in size, and to one host.

use std::time::Duration;

use reqwest::{Client, Response, StatusCode, Url, header};

use crate::{InvalidKeySet, KeySet, UnusableKey, unverified::excerpt};

/// A set of a hundred RSA keys is a tenth of this.
const MAX_BYTES: usize = 512 * 1024;

/// Fetches one URL.
pub(super) struct Fetcher {
    client: Client,
    url: Url,
    timeout: Duration,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("expected an answer within {0:?}")]
    Timeout(Duration),
    #[error("the request failed: {}", causes(.0))]
    Http(#[from] reqwest::Error),
    #[error("expected status 200, received {0}")]
    Status(StatusCode),
    #[error("expected an answer of {expected}, received one of {received}")]
    Redirected { expected: String, received: String },
    #[error("expected at most {MAX_BYTES} bytes")]
    TooLarge,
    #[error(transparent)]
    NotAKeySet(#[from] InvalidKeySet),
    #[error("expected at least one key that can be used, received {0}")]
    NoKeys(String),
}

impl Fetcher {
    pub(super) fn new(client: Client, url: Url, timeout: Duration) -> Self {
        Self { client, url, timeout }
    }

    pub(super) fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The keys, and for how long the issuer says that they may be kept.
    pub(super) async fn fetch(&self) -> Result<(KeySet, Option<Duration>), FetchError> {
        tokio::time::timeout(self.timeout, self.fetch_slowly()).await.map_err(|_| FetchError::Timeout(self.timeout))?
    }

    async fn fetch_slowly(&self) -> Result<(KeySet, Option<Duration>), FetchError> {
        let mut response = self
            .client
            .get(self.url.clone())
            .header(header::ACCEPT, "application/jwk-set+json, application/json")
            .send()
            .await?;
        if response.url().origin() != self.url.origin() {
            let [expected, received] = [&self.url, response.url()].map(|url| url.origin().ascii_serialization());
            return Err(FetchError::Redirected { expected, received });
        }
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let lifetime = max_age(&response);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        // An issuer that has lost its keys has not withdrawn them: the old ones serve until they are too stale.
        let keys = KeySet::parse(&body)?;
        if keys.key_ids().next().is_none() {
            return Err(FetchError::NoKeys(problems(&keys)));
        }
        Ok((keys, lifetime))
    }
}

/// What is wrong with the first few keys.
fn problems(keys: &KeySet) -> String {
    let told = |(key_id, problem): (&str, &UnusableKey)| format!("{:?}, which {problem}", excerpt(key_id));
    let problems: Vec<_> = keys.unusable().take(4).map(told).collect();
    if problems.is_empty() { "none".to_owned() } else { problems.join("; ") }
}

/// RFC 9111 §5.2.2.1.
fn max_age(response: &Response) -> Option<Duration> {
    let directives = response.headers().get(header::CACHE_CONTROL)?.to_str().ok()?;
    let seconds = directives.split(',').find_map(|directive| directive.trim().strip_prefix("max-age="))?;
    seconds.parse().ok().map(Duration::from_secs)
}

/// The whole chain: the outermost says only that a request failed, the innermost why.
fn causes(error: &reqwest::Error) -> String {
    let first: &dyn std::error::Error = error;
    let causes: Vec<_> = std::iter::successors(Some(first), |error| error.source()).map(ToString::to_string).collect();
    causes.join(": ")
}

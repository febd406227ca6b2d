//! The issuer's list, fetched over HTTPS.

use std::{fmt, time::Duration};

use super::{PublishedRevocations, RevocationSource, RevocationsUnavailable, document::MAX_BYTES};
use crate::{
    BoxFuture,
    https::{Answer, Ask, Fetcher, HttpsOptions, RemoteError, https_options},
};

/// Revocations that follow the issuer's list. Needs a tokio runtime.
pub struct RemoteRevocations {
    fetcher: Fetcher,
    poll_every: Duration,
}

/// Options of [`RemoteRevocations`], each at a default that suits a provider in production.
#[derive(Debug)]
#[must_use = "call build()"]
pub struct RemoteRevocationsBuilder {
    https: HttpsOptions,
    poll_every: Duration,
}

impl RemoteRevocations {
    /// Begins to follow the list at `url`: `{issuer}/oauth2/revocations`.
    pub fn from_url(url: impl Into<String>) -> RemoteRevocationsBuilder {
        RemoteRevocationsBuilder { https: HttpsOptions::new(url.into()), poll_every: Duration::from_secs(5) }
    }
}

impl RemoteRevocationsBuilder {
    https_options!();

    /// Asks for the list this often; what has not changed does not come again. Default: 5 seconds; at least a second.
    pub fn poll_every(mut self, pause: Duration) -> Self {
        self.poll_every = pause;
        self
    }

    /// The list, not fetched yet: a provider starts while its issuer is away.
    pub fn build(self) -> Result<RemoteRevocations, RemoteError> {
        let fetcher = self.https.fetcher()?;
        RemoteError::unless_long_enough("a poll_every", self.poll_every)?;
        Ok(RemoteRevocations { fetcher, poll_every: self.poll_every })
    }
}

impl RevocationSource for RemoteRevocations {
    fn fetch<'a>(
        &'a self,
        known: Option<&'a str>,
    ) -> BoxFuture<'a, Result<PublishedRevocations, RevocationsUnavailable>> {
        Box::pin(async move {
            let ask = Ask { accept: "application/jwt, */*;q=0.1", known, most_bytes: MAX_BYTES };
            match self.fetcher.fetch(ask).await {
                Ok(Answer::Unchanged) => Ok(PublishedRevocations::Unchanged),
                Ok(Answer::Document { body: document, entity_tag, .. }) => {
                    Ok(PublishedRevocations::List { document, entity_tag })
                }
                Err(error) => Err(RevocationsUnavailable(format!("{}: {error}", self.fetcher.url()))),
            }
        })
    }

    fn poll_every(&self) -> Duration {
        self.poll_every
    }
}

impl fmt::Debug for RemoteRevocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteRevocations")
            .field("url", &self.fetcher.url())
            .field("poll_every", &self.poll_every)
            .finish_non_exhaustive()
    }
}

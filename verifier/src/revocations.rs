//! What the issuer has withdrawn before its time: tokens, consumers, keys. A verifier looks into the issuer's signed list,
//! which it keeps in memory and asks for every few seconds.
//!
//! | the list | what a verification does |
//! |---|---|
//! | none yet, the first is on its way | waits for it, up to the time that a fetch may take |
//! | confirmed within `stale_after`, and not ended | refuses what is in it |
//! | stale | refuses what was in it; all else as configured |

#[cfg(feature = "remote-keys")]
mod background;
mod document;
mod following;
#[cfg(not(feature = "remote-keys"))]
mod inline;
mod list;
#[cfg(feature = "remote-keys")]
mod remote;
mod source;

#[cfg(feature = "remote-keys")]
use background::Polling;
#[cfg(not(feature = "remote-keys"))]
use inline::Polling;
#[cfg(not(feature = "remote-keys"))]
use std::time::Instant;
#[cfg(feature = "remote-keys")]
use tokio::time::Instant;

use std::{fmt, sync::Arc, time::Duration};

pub(crate) use following::Following;
pub use list::Withdrawn;
#[cfg(feature = "remote-keys")]
pub use remote::{RemoteRevocations, RemoteRevocationsBuilder};
pub use source::{FixedRevocations, PublishedRevocations, RevocationSource, RevocationsUnavailable};

/// A source of revocations, and what to do when it fails. Every [`RevocationSource`] becomes one with the defaults.
#[must_use = "give it to TokenVerifierBuilder::revocations()"]
pub struct Revocations {
    pub(crate) source: Arc<dyn RevocationSource>,
    pub(crate) stale_after: Duration,
    accept_when_stale: bool,
}

impl<S: RevocationSource> From<S> for Revocations {
    fn from(source: S) -> Self {
        Self { source: Arc::new(source), stale_after: Duration::from_secs(60), accept_when_stale: false }
    }
}

impl Revocations {
    /// Takes the list for stale when the issuer has not confirmed it for this long. Default: 60 seconds; longer than the
    /// source's `poll_every`. A list that has ended, five minutes after it was made, is stale in any case.
    pub fn stale_after(mut self, age: Duration) -> Self {
        self.stale_after = age;
        self
    }

    /// With a stale list, refuses every token with status 503: nothing that was withdrawn is accepted, and an issuer that
    /// is away stops the provider. This is the default.
    pub fn refuse_when_stale(mut self) -> Self {
        self.accept_when_stale = false;
        self
    }

    /// With a stale list or none, accepts tokens that are not in it: an issuer that is away stops nobody, and what it
    /// withdraws meanwhile is accepted until it ends. A warning tells when that begins.
    pub fn accept_when_stale(mut self) -> Self {
        self.accept_when_stale = true;
        self
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations")
            .field("poll_every", &self.source.poll_every())
            .field("stale_after", &self.stale_after)
            .field("accept_when_stale", &self.accept_when_stale)
            .finish_non_exhaustive()
    }
}

/// How a verifier's knowledge of revocations is, for health pages and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevocationState {
    /// Must verifications do without a list that can be relied on? Then they refuse or accept, as configured.
    pub is_stale: bool,
    /// How long ago the issuer last confirmed the list; none when it never has.
    pub confirmed_ago: Option<Duration>,
    /// When the list was made, Unix seconds.
    pub issued_at: Option<i64>,
    /// The first second in which the list has ended, Unix time.
    pub ends_at: Option<i64>,
    /// How many tokens are withdrawn.
    pub tokens: usize,
    /// How many consumers are.
    pub clients: usize,
    /// How many keys are.
    pub keys: usize,
    /// What the last attempt to get the list met; none when it went well.
    pub failure: Option<String>,
}

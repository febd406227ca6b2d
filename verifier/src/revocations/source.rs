//! Where the issuer's list of revocations comes from.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;

use crate::BoxFuture;

/// The issuer's revocations are not to be had; the text says what went wrong, for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RevocationsUnavailable(pub String);

/// What a source has to say.
#[derive(Clone, PartialEq, Eq)]
pub enum PublishedRevocations {
    /// The list that the verifier has is the list that there is.
    Unchanged,
    /// A list. The verifier checks it, so a source may be anybody.
    List {
        /// The list as the issuer signed it: a JWT in compact form, of at most 1 MiB.
        document: Vec<u8>,
        /// What names this very list (RFC 9110 §8.8.3), if anything does.
        entity_tag: Option<String>,
    },
}

/// Gives a verifier the issuer's revocations.
pub trait RevocationSource: Send + Sync + 'static {
    /// Asks for the list as it is now; must end in bounded time. `known` is the entity tag of the list that the verifier
    /// has, which need not come again.
    fn fetch<'a>(
        &'a self,
        known: Option<&'a str>,
    ) -> BoxFuture<'a, Result<PublishedRevocations, RevocationsUnavailable>>;

    /// How long to wait between two times. Default: 5 seconds.
    fn poll_every(&self) -> Duration {
        Duration::from_secs(5)
    }
}

/// A list that the caller brings, and replaces before it ends, five minutes after it was made. Clones share it.
#[derive(Clone)]
pub struct FixedRevocations(Arc<Brought>);

struct Brought {
    document: ArcSwap<(Vec<u8>, String)>,
    replaced: AtomicU64,
}

impl FixedRevocations {
    /// The list in `document`, as the issuer signed it.
    pub fn new(document: impl Into<Vec<u8>>) -> Self {
        let document = ArcSwap::from_pointee((document.into(), "0".to_owned()));
        Self(Arc::new(Brought { document, replaced: AtomicU64::new(0) }))
    }

    /// A newer list, which a verifier sees when it looks again: within `poll_every`, or at once when it is told to by
    /// [`TokenVerifier::refresh_revocations`](crate::TokenVerifier::refresh_revocations).
    pub fn replace(&self, document: impl Into<Vec<u8>>) {
        let version = self.0.replaced.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.document.store(Arc::new((document.into(), version.to_string())));
    }
}

impl RevocationSource for FixedRevocations {
    fn fetch<'a>(
        &'a self,
        known: Option<&'a str>,
    ) -> BoxFuture<'a, Result<PublishedRevocations, RevocationsUnavailable>> {
        let brought = self.0.document.load_full();
        let (document, version) = &*brought;
        let published = if known == Some(version) {
            PublishedRevocations::Unchanged
        } else {
            PublishedRevocations::List { document: document.clone(), entity_tag: Some(version.clone()) }
        };
        Box::pin(std::future::ready(Ok(published)))
    }
}

impl<S: RevocationSource> RevocationSource for Arc<S> {
    fn fetch<'a>(
        &'a self,
        known: Option<&'a str>,
    ) -> BoxFuture<'a, Result<PublishedRevocations, RevocationsUnavailable>> {
        self.as_ref().fetch(known)
    }

    fn poll_every(&self) -> Duration {
        self.as_ref().poll_every()
    }
}

impl fmt::Debug for FixedRevocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedRevocations").field("version", &self.0.document.load().1).finish_non_exhaustive()
    }
}

impl fmt::Debug for PublishedRevocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchanged => f.write_str("Unchanged"),
            Self::List { document, entity_tag } => write!(f, "List({} bytes, {entity_tag:?})", document.len()),
        }
    }
}

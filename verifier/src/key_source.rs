//! Where the issuer's keys come from.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use crate::KeySet;

/// A future that can be kept in a box, so that any source fits into one verifier type.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The issuer's keys are not to be had; the text says what went wrong, for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeysUnavailable(pub String);

/// Gives a verifier the issuer's keys.
pub trait KeySource: Send + Sync + 'static {
    /// The keys, if they can be used as they are; never waits.
    fn current(&self) -> Option<Arc<KeySet>>;

    /// Shows `reader`, once, what [`current`](Self::current) gives. A source that can do so without counting a reference
    /// should: the count is the one memory that every thread of a busy provider would write to.
    fn read_current(&self, reader: &mut dyn FnMut(Option<&KeySet>)) {
        reader(self.current().as_deref());
    }

    /// Called when [`current`](Self::current) has nothing, or not the key that a token names: looks again, if that can
    /// help and is not too early, and gives the best keys that there are.
    fn refreshed(&self) -> BoxFuture<'_, Result<Arc<KeySet>, KeysUnavailable>>;

    /// How it stands, for health pages; none for a source that cannot fail.
    fn state(&self) -> Option<KeyState> {
        None
    }
}

/// How well the issuer's keys are known, for health pages and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyState {
    /// How long ago the issuer gave them; none while there are none.
    pub age: Option<Duration>,
    /// Where they came from; none while there are none.
    pub origin: Option<KeyOrigin>,
    /// For how long they still serve if the issuer does not answer. Zero: every token is refused with 503
    /// `keys_unavailable`.
    pub remaining: Duration,
    /// What the last attempt to get them met; none when it went well.
    pub failure: Option<String>,
    /// Whether the issuer is being asked now.
    pub is_fetching: bool,
}

/// Who gave the keys to this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyOrigin {
    /// The issuer itself.
    Issuer,
    /// The file that was written when the issuer last did.
    Snapshot,
}

/// Keys that the caller brings and that do not change.
#[derive(Debug, Clone)]
pub struct FixedKeys(Arc<KeySet>);

impl FixedKeys {
    /// Exactly these keys.
    pub fn new(keys: KeySet) -> Self {
        Self(Arc::new(keys))
    }
}

impl From<Arc<KeySet>> for FixedKeys {
    fn from(keys: Arc<KeySet>) -> Self {
        Self(keys)
    }
}

impl From<KeySet> for FixedKeys {
    fn from(keys: KeySet) -> Self {
        Self::new(keys)
    }
}

impl KeySource for FixedKeys {
    fn current(&self) -> Option<Arc<KeySet>> {
        Some(Arc::clone(&self.0))
    }

    fn read_current(&self, reader: &mut dyn FnMut(Option<&KeySet>)) {
        reader(Some(&self.0));
    }

    fn refreshed(&self) -> BoxFuture<'_, Result<Arc<KeySet>, KeysUnavailable>> {
        Box::pin(std::future::ready(Ok(Arc::clone(&self.0))))
    }
}

impl<S: KeySource> KeySource for Arc<S> {
    fn current(&self) -> Option<Arc<KeySet>> {
        self.as_ref().current()
    }

    fn read_current(&self, reader: &mut dyn FnMut(Option<&KeySet>)) {
        self.as_ref().read_current(reader);
    }

    fn refreshed(&self) -> BoxFuture<'_, Result<Arc<KeySet>, KeysUnavailable>> {
        self.as_ref().refreshed()
    }

    fn state(&self) -> Option<KeyState> {
        self.as_ref().state()
    }
}

//! The crate as its users see it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accepts;
mod garbage;
#[cfg(feature = "tower")]
mod guard;
mod issuer;
mod key_sets;
#[cfg(feature = "axum")]
mod layer;
#[cfg(feature = "remote-keys")]
mod list_publisher;
#[cfg(all(feature = "remote-keys", feature = "metrics"))]
mod meters;
#[cfg(feature = "tower")]
mod migration;
#[cfg(all(feature = "remote-keys", feature = "tower"))]
mod old_demonstrator;
#[cfg(feature = "remote-keys")]
#[cfg(unix)]
mod outage;
#[cfg(feature = "remote-keys")]
mod publisher;
mod rejects;
#[cfg(feature = "remote-keys")]
mod remote_keys;
#[cfg(feature = "remote-keys")]
mod remote_revocations;
mod revocations;
mod token_cache;
mod vectors;
#[cfg(feature = "test-issuer")]
mod zoo;

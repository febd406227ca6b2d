//! The one crypto back-end of this build: aws-lc-rs by default, ring by feature. Both have the same interface.

use std::sync::Arc;

use rustls::server::ProducesTickets;

#[cfg(feature = "aws-lc-rs")]
pub use aws_lc_rs::{aead, digest, hmac, rand, signature};
#[cfg(not(feature = "aws-lc-rs"))]
pub use ring::{aead, digest, hmac, rand, signature};

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
compile_error!("choose a crypto back-end: feature `aws-lc-rs` (default) or `ring`");

/// Can this build generate RSA keys? With ring they are imported.
pub const MAKES_RSA_KEYS: bool = cfg!(feature = "aws-lc-rs");

/// The back-end for TLS: TLS 1.2 and 1.3 suites with AEAD and forward secrecy only (R52).
pub fn tls_provider() -> Arc<rustls::crypto::CryptoProvider> {
    #[cfg(feature = "aws-lc-rs")]
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    #[cfg(not(feature = "aws-lc-rs"))]
    let provider = rustls::crypto::ring::default_provider();
    Arc::new(provider)
}

/// A maker of session tickets with keys of its own, which it changes every six hours and nobody else learns.
pub fn session_tickets() -> Result<Arc<dyn ProducesTickets>, rustls::Error> {
    #[cfg(feature = "aws-lc-rs")]
    let tickets = rustls::crypto::aws_lc_rs::Ticketer::new()?;
    #[cfg(not(feature = "aws-lc-rs"))]
    let tickets = rustls::crypto::ring::Ticketer::new()?;
    Ok(tickets)
}

/// Makes the back-end the default of this process, for libraries that ask for one. Later calls change nothing.
pub fn install() {
    let _already_installed = tls_provider().as_ref().clone().install_default();
}

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut output = [0; 32];
    output.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    output
}

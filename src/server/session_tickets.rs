//! Resumption without memory: what the client needs for its next handshake travels with it, sealed.

use std::sync::Arc;

use rustls::server::ProducesTickets;

use crate::crypto;

/// A ticket holds the client's whole chain, and has a length field of two octets. Longer chains have no resumption.
const MAX_OCTETS: usize = 16 * 1024;

/// Tickets of at most [`MAX_OCTETS`], under keys of their own: with a new value, older tickets are worth nothing.
pub(super) fn tickets() -> Result<Arc<dyn ProducesTickets>, rustls::Error> {
    Ok(Arc::new(ShortTickets(crypto::session_tickets()?)))
}

#[derive(Debug)]
struct ShortTickets(Arc<dyn ProducesTickets>);

impl ProducesTickets for ShortTickets {
    fn enabled(&self) -> bool {
        self.0.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.0.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        (plain.len() <= MAX_OCTETS).then(|| self.0.encrypt(plain)).flatten()
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.0.decrypt(cipher)
    }
}

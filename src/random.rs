//! The one source of randomness: the crypto back-end's generator.

use careconnect_verifier::ClientId;
use uuid::{Builder, Uuid};

use crate::crypto::rand::{SecureRandom, SystemRandom};

/// `N` random bytes.
///
/// # Panics
/// When the operating system has no randomness to give, for nothing here can go on without.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(clippy::expect_used, reason = "a server without randomness must stop")]
    SystemRandom::new().fill(&mut bytes).expect("the operating system provides randomness");
    bytes
}

/// A random UUID (version 4), for token ids and trace ids, which must not tell when they were made.
pub fn uuid() -> Uuid {
    Builder::from_random_bytes(bytes()).into_uuid()
}

/// The id of a new registration.
pub fn client_id() -> ClientId {
    #[expect(clippy::expect_used, reason = "a UUID's text satisfies the rule of client ids")]
    ClientId::parse(&uuid().to_string()).expect("a UUID is a client id")
}

//! How tokens are signed: private keys, the ring that they form, what of them is published, and the one place where a
//! token is put together.

mod entra;
mod error;
mod jws;
mod key_files;
mod key_pair;
mod key_ring;
mod key_set;
pub mod pkcs11;
mod pkcs8;
mod private_file;
mod signing_key;

#[cfg(test)]
mod conformance;

pub use crate::domain::PublicJwk;
pub use error::{KeyRejection, SigningError};
pub use jws::SignedToken;
pub use key_files::{KeyFiles, StoredKey};
pub use key_ring::{KeyRing, PublishedKey, newest_key};
pub use key_set::KeySet;
pub use signing_key::SigningKey;

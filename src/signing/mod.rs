//! How tokens are signed: where private keys are kept, the ring that they form, what of them is published, and the one
//! place where a token is put together.

mod entra;
mod error;
mod jws;
mod key_pair;
mod key_ring;
mod key_set;
mod key_store;
mod keys;
mod pem_files;
pub mod pkcs11;
mod pkcs8;
mod private_file;
mod private_jwk;
mod sealed_files;
mod sealed_rows;
mod sealing;
mod signing_key;

#[cfg(test)]
mod conformance;

pub use crate::domain::PublicJwk;
pub use error::{KeyRejection, SigningError};
pub use jws::SignedToken;
pub use key_ring::KeyRing;
pub use key_set::KeySet;
pub use key_store::{KeyPlaces, KeyStore, KeyStores, NewKey};
pub use keys::Keys;
pub use pem_files::{PemFile, pem_files, read_private_key};
pub use pkcs8::Pkcs8;
pub use sealed_files::SealedFiles;
pub use sealed_rows::SealedRows;
pub use sealing::SealingKeys;
pub use signing_key::SigningKey;

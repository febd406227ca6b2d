//! The back-end that keeps private keys in a token (PKCS#11 v2.40 and later): an HSM, a smart card, SoftHSM. They are
//! made there, sign there and never leave. For ES256 and RS256, which all tokens know. Everything here blocks.

mod error;
mod import;
mod key;
mod module;
mod objects;
mod pair;
mod sessions;
mod store;

#[cfg(test)]
pub(super) mod softhsm;
#[cfg(test)]
mod tests;

use std::{path::PathBuf, sync::Arc};

use careconnect_verifier::Algorithm;
use cryptoki::{object::Attribute, session::Session};
use secrecy::SecretString;

use self::{objects::PublicHalf, sessions::Sessions};
use super::{PublicJwk, SigningError};
use crate::random;

pub use error::Pkcs11Error;
pub use key::Pkcs11Key;
pub(super) use store::ALGORITHMS;

/// Which token, and how to get in.
#[derive(Debug, Clone)]
pub struct Pkcs11Settings {
    /// The maker's shared library.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// The PIN of the token's user.
    pub pin: SecretString,
}

/// The private keys in a token. A key's handle is its `CKA_ID` in lower-case hexadecimal.
#[derive(Debug)]
pub struct Pkcs11Store {
    sessions: Arc<Sessions>,
}

impl Pkcs11Store {
    /// Loads the module unless this process has it already, finds the token and logs in.
    pub fn open(settings: &Pkcs11Settings) -> Result<Self, SigningError> {
        Ok(Self { sessions: Arc::new(Sessions::open(settings)?) })
    }

    /// Makes a key that cannot leave the token and can only sign. RSA keys have 2048 bits.
    pub fn generate(&self, algorithm: Algorithm) -> Result<(PublicJwk, String), SigningError> {
        let mechanism = objects::generation(algorithm)?;
        let handle = self.sessions.with(|session, _| {
            // Another id for another attempt: what an attempt that broke off has left must not be in its way.
            let id = random::bytes::<16>();
            let public = [objects::public_rules(&id), objects::generated_form(algorithm)].concat();
            let (public, private) = session.generate_key_pair(&mechanism, &public, &objects::private_rules(&id))?;
            finish(session, algorithm, &id).inspect_err(|_| objects::discard(session, &[public, private]))?;
            Ok(to_hex(&id))
        })?;
        Ok((self.key(algorithm, &handle)?.into_public(), handle))
    }

    /// Puts a private key (PKCS#8) into the token, from which it cannot be read again. Whoever made it should now
    /// destroy all other copies. Tokens that take none, as many HSMs are set up, say so.
    pub fn import(&self, algorithm: Algorithm, pkcs8: &[u8]) -> Result<(PublicJwk, String), SigningError> {
        let pair = import::read(algorithm, pkcs8)?;
        let handle = self.sessions.with(|session, _| {
            let id = random::bytes::<16>();
            let made = pair.create(session, &id)?;
            finish(session, algorithm, &id).inspect_err(|_| objects::discard(session, &made))?;
            Ok(to_hex(&id))
        })?;
        Ok((self.key(algorithm, &handle)?.into_public(), handle))
    }

    /// The key with this handle. It has signed once, so that its two halves are known to belong together.
    pub fn key(&self, algorithm: Algorithm, handle: &str) -> Result<Pkcs11Key, SigningError> {
        Pkcs11Key::find(&self.sessions, algorithm, &from_hex(handle)?)
    }

    /// Destroys both halves of the key with this handle, for ever.
    pub fn destroy(&self, handle: &str) -> Result<(), SigningError> {
        let id = from_hex(handle)?;
        Ok(self.sessions.with(|session, _| {
            let found = objects::logged_in(session, session.find_objects(&[Attribute::Id(id.clone())])?)?;
            if found.is_empty() {
                return Err(Pkcs11Error::KeyGone { handle: handle.to_owned() });
            }
            found.into_iter().try_for_each(|object| Ok(session.destroy_object(object)?))
        })?)
    }
}

/// Labels a new pair for those who look at the token with other tools, and makes sure that it is as it was asked for.
fn finish(session: &Session, algorithm: Algorithm, id: &[u8]) -> Result<(), Pkcs11Error> {
    let private = objects::private_key(session, algorithm, id)?;
    objects::refuse_readable(session, private)?;
    let kid = PublicHalf::find(session, algorithm, id)?.jwk().thumbprint();
    let label = Attribute::Label(format!("careconnect-auth {algorithm} {kid}").into_bytes());
    for object in session.find_objects(&[Attribute::Id(id.to_vec())])? {
        if let Err(error) = session.update_attributes(object, std::slice::from_ref(&label)) {
            tracing::warn!(%kid, %error, "the token labels no keys; this one has no name in other tools");
        }
    }
    Ok(())
}

fn to_hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(handle: &str) -> Result<Vec<u8>, Pkcs11Error> {
    let octets = handle.as_bytes().chunks(2).map(|pair| {
        let digits = std::str::from_utf8(pair).ok().filter(|digits| digits.len() == 2 && !digits.starts_with('+'))?;
        u8::from_str_radix(digits, 16).ok()
    });
    let id: Option<Vec<u8>> = octets.collect();
    id.filter(|id| !id.is_empty()).ok_or_else(|| Pkcs11Error::NoHandle { received: handle.to_owned() })
}

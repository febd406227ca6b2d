//! A private key in a token, ready to sign.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use careconnect_verifier::Algorithm;
use cryptoki::{
    error::{Error, RvError},
    mechanism::Mechanism,
    object::ObjectHandle,
    session::Session,
};

use super::{
    error::Pkcs11Error,
    objects::{self, PublicHalf},
    sessions::Sessions,
    to_hex,
};
use crate::{
    crypto,
    signing::{PublicJwk, SigningError},
};

/// What a key signs once to show that it is the half of its pair. It is no JWS, so this is no token (RFC 7515 §5.1).
const TRIAL: &[u8] = b"careconnect-auth: do these halves belong together?";

/// A private key that signs in its token. Its `Debug` shows which one.
pub struct Pkcs11Key {
    sessions: Arc<Sessions>,
    algorithm: Algorithm,
    id: Vec<u8>,
    public: PublicJwk,
    signature_length: usize,
    /// What the token called the key, and in which generation of sessions: names do not outlive them.
    object: Mutex<Option<(u64, ObjectHandle)>>,
}

impl Pkcs11Key {
    pub(super) fn find(sessions: &Arc<Sessions>, algorithm: Algorithm, id: &[u8]) -> Result<Self, SigningError> {
        let half = sessions.with(|session, _| {
            objects::refuse_readable(session, objects::private_key(session, algorithm, id)?)?;
            PublicHalf::find(session, algorithm, id)
        })?;
        let key = Self {
            sessions: sessions.clone(),
            algorithm,
            id: id.to_vec(),
            public: half.jwk(),
            signature_length: half.signature_length(),
            object: Mutex::new(None),
        };
        let mut signature = Vec::new();
        key.sign(TRIAL, &mut signature)?;
        match half.verifies(TRIAL, &signature) {
            true => Ok(key),
            false => Err(Pkcs11Error::HalvesDiffer { handle: to_hex(id) }.into()),
        }
    }

    /// Its public half.
    pub const fn public(&self) -> &PublicJwk {
        &self.public
    }

    pub(super) fn into_public(self) -> PublicJwk {
        self.public
    }

    /// Appends the signature of `message` to `signature`, in the form that JWS wants (RFC 7518 §3.3, §3.4). Blocks until
    /// the token has signed.
    pub fn sign(&self, message: &[u8], signature: &mut Vec<u8>) -> Result<(), SigningError> {
        // A digest for ECDSA, which every token signs; RSA tokens hash themselves, which keeps padding out of our hands.
        let digest;
        let (mechanism, data) = match self.algorithm {
            Algorithm::Es256 => {
                digest = crypto::sha256(message);
                (Mechanism::Ecdsa, digest.as_slice())
            }
            _ => (Mechanism::Sha256RsaPkcs, message),
        };
        let made = self.sessions.with(|session, generation| self.sign_in(session, generation, &mechanism, data))?;
        if made.len() != self.signature_length {
            let (algorithm, expected, received) = (self.algorithm, self.signature_length, made.len());
            return Err(Pkcs11Error::SignatureLength { algorithm, expected, received }.into());
        }
        signature.extend_from_slice(&made);
        Ok(())
    }

    fn sign_in(
        &self,
        session: &Session,
        generation: u64,
        mechanism: &Mechanism<'_>,
        data: &[u8],
    ) -> Result<Vec<u8>, Pkcs11Error> {
        let known = *self.object.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, object)) = known.filter(|(known_in, _)| *known_in == generation) {
            match session.sign(mechanism, object, data) {
                Err(Error::Pkcs11(RvError::KeyHandleInvalid | RvError::ObjectHandleInvalid, _)) => {} // look again
                outcome => return Ok(outcome?),
            }
        }
        let object = objects::private_key(session, self.algorithm, &self.id)?;
        *self.object.lock().unwrap_or_else(PoisonError::into_inner) = Some((generation, object));
        Ok(session.sign(mechanism, object, data)?)
    }
}

impl fmt::Debug for Pkcs11Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pkcs11Key({} {} in {:?})", self.algorithm, to_hex(&self.id), self.sessions)
    }
}

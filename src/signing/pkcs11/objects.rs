//! How our keys look in a token: what they may do, how they are found, and what is published of them.

use careconnect_verifier::Algorithm;
use cryptoki::{
    error::{Error, RvError},
    mechanism::Mechanism,
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::{Session, SessionState},
};

pub(super) use super::pair::PublicHalf;
use super::{error::Pkcs11Error, to_hex};

/// The object identifier of P-256 in DER (RFC 5480 §2.1.1.1), which is how a token names it.
pub(super) const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
pub(super) const RSA_EXPONENT: &[u8] = &[1, 0, 1];
const RSA_BITS: u32 = 2048;

/// What makes a pair for `algorithm`.
pub(super) fn generation(algorithm: Algorithm) -> Result<Mechanism<'static>, Pkcs11Error> {
    match key_type(algorithm)? {
        KeyType::EC => Ok(Mechanism::EccKeyPairGen),
        _ => Ok(Mechanism::RsaPkcsKeyPairGen),
    }
}

pub(super) fn key_type(algorithm: Algorithm) -> Result<KeyType, Pkcs11Error> {
    match algorithm {
        Algorithm::Es256 => Ok(KeyType::EC),
        Algorithm::Rs256 => Ok(KeyType::RSA),
        other => Err(Pkcs11Error::Algorithm(other)),
    }
}

/// What the public half of a new pair says of the kind of key.
pub(super) fn generated_form(algorithm: Algorithm) -> Vec<Attribute> {
    match algorithm {
        Algorithm::Es256 => vec![Attribute::EcParams(P256.to_vec())],
        _ => vec![Attribute::ModulusBits(u64::from(RSA_BITS).into()), Attribute::PublicExponent(RSA_EXPONENT.to_vec())],
    }
}

/// A private key that stays in the token, cannot be read, and signs.
pub(super) fn private_rules(id: &[u8]) -> Vec<Attribute> {
    vec![
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::SignRecover(false),
        Attribute::Decrypt(false),
        Attribute::Unwrap(false),
        Attribute::Derive(false),
        Attribute::Id(id.to_vec()),
        Attribute::Label(b"careconnect-auth".to_vec()),
    ]
}

/// A public key that stays in the token, and verifies.
pub(super) fn public_rules(id: &[u8]) -> Vec<Attribute> {
    vec![
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Verify(true),
        Attribute::VerifyRecover(false),
        Attribute::Encrypt(false),
        Attribute::Wrap(false),
        Attribute::Id(id.to_vec()),
        Attribute::Label(b"careconnect-auth".to_vec()),
    ]
}

/// The private key with this id.
pub(super) fn private_key(session: &Session, algorithm: Algorithm, id: &[u8]) -> Result<ObjectHandle, Pkcs11Error> {
    let found = session.find_objects(&[
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::KeyType(key_type(algorithm)?),
        Attribute::Id(id.to_vec()),
    ])?;
    match logged_in(session, found)?.as_slice() {
        [] => Err(Pkcs11Error::KeyGone { handle: to_hex(id) }),
        [key] => Ok(*key),
        several => Err(Pkcs11Error::KeyAmbiguous { handle: to_hex(id), found: several.len() }),
    }
}

/// Who is not logged in finds no private key: then it is the session that is wrong, and not the id.
pub(super) fn logged_in(session: &Session, found: Vec<ObjectHandle>) -> Result<Vec<ObjectHandle>, Pkcs11Error> {
    use cryptoki::context::Function::FindObjects;
    match session.get_session_info()?.session_state() {
        SessionState::RoUser | SessionState::RwUser => Ok(found),
        _ => Err(Error::Pkcs11(RvError::UserNotLoggedIn, FindObjects).into()),
    }
}

/// A private key that can be read is none, wherever it is kept.
pub(super) fn refuse_readable(session: &Session, key: ObjectHandle) -> Result<(), Pkcs11Error> {
    let rules = session.get_attributes(key, &[AttributeType::Sensitive, AttributeType::Extractable])?;
    let holds = rules.contains(&Attribute::Sensitive(true)) && rules.contains(&Attribute::Extractable(false));
    if holds { Ok(()) } else { Err(Pkcs11Error::Readable) }
}

/// Destroys what is half done. When that fails too, the first failure is the one to be told.
pub(super) fn discard(session: &Session, objects: &[ObjectHandle]) {
    for &object in objects {
        if let Err(error) = session.destroy_object(object) {
            tracing::warn!(%error, "an unfinished key stays in the token");
        }
    }
}

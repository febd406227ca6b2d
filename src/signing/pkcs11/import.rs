//! A private key that was made elsewhere, as a token takes it.

use careconnect_verifier::Algorithm;
use cryptoki::{
    object::{Attribute, ObjectClass, ObjectHandle},
    session::Session,
};
use x509_parser::asn1_rs::{Any, FromDer};
use zeroize::Zeroize;

use super::{
    error::Pkcs11Error,
    objects::{self, P256, RSA_EXPONENT, key_type},
    pair::without_leading_zeros,
};
use crate::{
    crypto::signature::KeyPair as _,
    signing::{KeyRejection, key_pair::KeyPair},
};

/// A pair in parts.
pub(super) struct Parts {
    algorithm: Algorithm,
    private: Secret,
    public: Vec<Attribute>,
}

/// Attributes whose values are wiped when they are dropped.
struct Secret(Vec<Attribute>);

/// Reads a PKCS#8 private key that is fit for `algorithm`.
pub(super) fn read(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Parts, Pkcs11Error> {
    key_type(algorithm)?;
    let (pair, _) = KeyPair::parse(algorithm, pkcs8)?;
    let unreadable = || KeyRejection::unfit(algorithm, "a key in a form of PKCS#8 that is not known");
    // PrivateKeyInfo (RFC 5958 §2): version, algorithm, key.
    let [_, _, key, ..] = members(pkcs8).ok_or_else(unreadable)?[..] else { return Err(unreadable().into()) };
    let integers = members(key).ok_or_else(unreadable)?;
    let integer = |integer: &[u8]| without_leading_zeros(integer).to_vec();
    let (private, public) = match (pair, &integers[..]) {
        // ECPrivateKey (RFC 5915 §3): version, key.
        (KeyPair::Ec(pair), [_, key, ..]) => {
            let point = pair.public_key().as_ref();
            let length = u8::try_from(point.len()).map_err(|_| unreadable())?;
            let (curve, point) = (Attribute::EcParams(P256.to_vec()), [&[0x04, length], point].concat());
            (vec![curve.clone(), Attribute::Value(key.to_vec())], vec![curve, Attribute::EcPoint(point)])
        }
        // RSAPrivateKey (RFC 8017 §A.1.2).
        (KeyPair::Rsa(..), [_, n, _, d, p, q, dp, dq, qi, ..]) => {
            let public = vec![Attribute::Modulus(integer(n)), Attribute::PublicExponent(RSA_EXPONENT.to_vec())];
            let private = vec![
                Attribute::PrivateExponent(integer(d)),
                Attribute::Prime1(integer(p)),
                Attribute::Prime2(integer(q)),
                Attribute::Exponent1(integer(dp)),
                Attribute::Exponent2(integer(dq)),
                Attribute::Coefficient(integer(qi)),
            ];
            ([public.clone(), private].concat(), public)
        }
        _ => return Err(unreadable().into()),
    };
    Ok(Parts { algorithm, private: Secret(private), public })
}

impl Parts {
    /// Makes both halves in the token, or none.
    pub(super) fn create(&self, session: &Session, id: &[u8]) -> Result<[ObjectHandle; 2], Pkcs11Error> {
        let key_type = key_type(self.algorithm)?;
        let kind = |class| vec![Attribute::Class(class), Attribute::KeyType(key_type)];
        let private =
            Secret([kind(ObjectClass::PRIVATE_KEY), objects::private_rules(id), self.private.0.clone()].concat());
        let private = session.create_object(&private.0)?;
        let public = [kind(ObjectClass::PUBLIC_KEY), objects::public_rules(id), self.public.clone()].concat();
        let public = session.create_object(&public).inspect_err(|_| objects::discard(session, &[private]))?;
        Ok([private, public])
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        use Attribute::{Coefficient, Exponent1, Exponent2, Prime1, Prime2, PrivateExponent, Value};
        for attribute in &mut self.0 {
            if let Value(secret)
            | PrivateExponent(secret)
            | Prime1(secret)
            | Prime2(secret)
            | Exponent1(secret)
            | Exponent2(secret)
            | Coefficient(secret) = attribute
            {
                secret.zeroize();
            }
        }
    }
}

/// The contents of the members of a sequence in DER.
fn members(sequence: &[u8]) -> Option<Vec<&[u8]>> {
    let (_, sequence) = Any::from_der(sequence).ok()?;
    let (mut rest, mut members) = (sequence.data, Vec::new());
    while !rest.is_empty() {
        let (after, member) = Any::from_der(rest).ok()?;
        members.push(member.data);
        rest = after;
    }
    Some(members)
}

//! The public half of a pair in a token.

use careconnect_verifier::Algorithm;
use cryptoki::{
    object::{Attribute, AttributeType, ObjectClass},
    session::Session,
};

use super::{
    error::Pkcs11Error,
    objects::{P256, RSA_EXPONENT, key_type},
    to_hex,
};
use crate::{
    crypto::signature::{
        ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
    },
    signing::{KeyRejection, PublicJwk},
};

const COORDINATE: usize = 32;

#[derive(Debug)]
pub(super) enum PublicHalf {
    /// 04, x, y (SEC 1 §2.3.3), on P-256.
    Ec(Vec<u8>),
    /// The modulus, with the exponent 65537.
    Rsa(Vec<u8>),
}

impl PublicHalf {
    /// Reads it from the public key with this id, or, where there is none, from what the private key tells.
    pub(super) fn find(session: &Session, algorithm: Algorithm, id: &[u8]) -> Result<Self, Pkcs11Error> {
        for class in [ObjectClass::PUBLIC_KEY, ObjectClass::PRIVATE_KEY] {
            let (class, key_type) = (Attribute::Class(class), Attribute::KeyType(key_type(algorithm)?));
            for object in session.find_objects(&[class, key_type, Attribute::Id(id.to_vec())])? {
                let wanted = match algorithm {
                    Algorithm::Es256 => [AttributeType::EcParams, AttributeType::EcPoint],
                    _ => [AttributeType::PublicExponent, AttributeType::Modulus],
                };
                if let Some(half) = Self::read(algorithm, session.get_attributes(object, &wanted)?)? {
                    return Ok(half);
                }
            }
        }
        Err(Pkcs11Error::PublicHalfGone { handle: to_hex(id) })
    }

    fn read(algorithm: Algorithm, attributes: Vec<Attribute>) -> Result<Option<Self>, KeyRejection> {
        let unfit = |received: String| KeyRejection::unfit(algorithm, received);
        match <[Attribute; 2]>::try_from(attributes) {
            Ok([Attribute::EcParams(curve), Attribute::EcPoint(_)]) if curve != P256 => {
                Err(unfit(format!("a key on the curve with the identifier {}", to_hex(&curve))))
            }
            Ok([Attribute::EcParams(_), Attribute::EcPoint(point)]) => match point.as_slice() {
                // An octet string in DER, as the standard says, or the point itself, as some tokens have it.
                [0x04, 0x41, point @ ..] | point if point.len() == 2 * COORDINATE + 1 && point[0] == 4 => {
                    Ok(Some(Self::Ec(point.to_vec())))
                }
                other => Err(unfit(format!("a point of {} octets", other.len()))),
            },
            Ok([Attribute::PublicExponent(exponent), Attribute::Modulus(modulus)]) => {
                let modulus = without_leading_zeros(&modulus);
                let bits = modulus.len() * 8 - usize::from(modulus.first().is_some_and(|&byte| byte < 0x80));
                match (without_leading_zeros(&exponent), bits) {
                    (RSA_EXPONENT, 2048..) => Ok(Some(Self::Rsa(modulus.to_vec()))),
                    (RSA_EXPONENT, bits) => Err(unfit(format!("an RSA key of {bits} bits"))),
                    (other, _) => Err(unfit(format!("an RSA key with the exponent 0x{}", to_hex(other)))),
                }
            }
            _ => Ok(None),
        }
    }

    /// What is published.
    pub(super) fn jwk(&self) -> PublicJwk {
        match self {
            Self::Ec(point) => {
                let (x, y) = point[1..].split_at(COORDINATE);
                PublicJwk::ec("P-256", x, y)
            }
            Self::Rsa(modulus) => PublicJwk::rsa(modulus, RSA_EXPONENT),
        }
    }

    /// How long its signatures are, in octets.
    pub(super) const fn signature_length(&self) -> usize {
        match self {
            Self::Ec(_) => 2 * COORDINATE,
            Self::Rsa(modulus) => modulus.len(),
        }
    }

    /// Is this a signature of `message` by the other half?
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Ec(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            Self::Rsa(n) => {
                let key = RsaPublicKeyComponents { n: n.as_slice(), e: RSA_EXPONENT };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
        }
    }
}

pub(super) fn without_leading_zeros(integer: &[u8]) -> &[u8] {
    &integer[integer.iter().take_while(|&&byte| byte == 0).count()..]
}

//! Client keys with both halves, and whatever assertions they sign.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use careconnect_auth::{
    crypto::{
        rand::SystemRandom,
        signature::{
            ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
            Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256,
            RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
        },
    },
    domain::ClientKey,
};
use careconnect_verifier::Algorithm;
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde_json::{Value, json};
use x509_parser::{prelude::FromDer, public_key::RSAPublicKey};

pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client's key pair for one algorithm.
pub(crate) struct AssertionKey {
    algorithm: Algorithm,
    pair: Pair,
    public: Value,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
}

impl AssertionKey {
    /// A new key; of RSA always the same one.
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Es256 => Self::ec(algorithm, &ECDSA_P256_SHA256_FIXED_SIGNING, "P-256"),
            Algorithm::Es384 => Self::ec(algorithm, &ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"),
            Algorithm::EdDsa => Self::ed25519(),
            Algorithm::Rs256 => Self::rsa(algorithm, &RSA_PKCS1_SHA256),
            Algorithm::Rs384 => Self::rsa(algorithm, &RSA_PKCS1_SHA384),
            Algorithm::Rs512 => Self::rsa(algorithm, &RSA_PKCS1_SHA512),
            Algorithm::Ps256 => Self::rsa(algorithm, &RSA_PSS_SHA256),
            Algorithm::Ps384 => Self::rsa(algorithm, &RSA_PSS_SHA384),
            Algorithm::Ps512 => Self::rsa(algorithm, &RSA_PSS_SHA512),
        }
    }

    fn ec(algorithm: Algorithm, signing: &'static EcdsaSigningAlgorithm, curve: &str) -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(signing, &SystemRandom::new()).unwrap();
        #[cfg(feature = "aws-lc-rs")]
        let pair = EcdsaKeyPair::from_pkcs8(signing, pkcs8.as_ref()).unwrap();
        #[cfg(not(feature = "aws-lc-rs"))]
        let pair = EcdsaKeyPair::from_pkcs8(signing, pkcs8.as_ref(), &SystemRandom::new()).unwrap();
        let point = &pair.public_key().as_ref()[1..];
        let (x, y) = point.split_at(point.len() / 2);
        let public = json!({ "kty": "EC", "crv": curve, "x": encoded(x), "y": encoded(y) });
        Self { algorithm, pair: Pair::Ec(pair), public }
    }

    fn ed25519() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        let public = json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded(pair.public_key().as_ref()) });
        Self { algorithm: Algorithm::EdDsa, pair: Pair::Ed25519(pair), public }
    }

    fn rsa(algorithm: Algorithm, encoding: &'static dyn RsaEncoding) -> Self {
        let pem = include_bytes!("../../throwaway_keys/rsa-2048.pem");
        let pkcs8 = PrivatePkcs8KeyDer::from_pem_slice(pem).unwrap();
        let pair = RsaKeyPair::from_pkcs8(pkcs8.secret_pkcs8_der()).unwrap();
        let (_, public) = RSAPublicKey::from_der(pair.public_key().as_ref()).unwrap();
        let [n, e] = [public.modulus, public.exponent].map(|integer| {
            let zeros = integer.iter().take_while(|&&octet| octet == 0).count();
            encoded(&integer[zeros..])
        });
        let public = json!({ "kty": "RSA", "n": n, "e": e });
        Self { algorithm, pair: Pair::Rsa(Box::new(pair), encoding), public }
    }

    /// The public half as a JWK with `alg` and further members, such as `kid`.
    pub(crate) fn jwk(&self, more: &Value) -> Value {
        let mut jwk = self.public.clone();
        jwk["alg"] = self.algorithm.name().into();
        jwk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        jwk
    }

    /// The public half as it is registered under `kid`.
    pub(crate) fn registered_as(&self, kid: &str) -> ClientKey {
        ClientKey::from_jwk(&self.jwk(&json!({ "kid": kid })).to_string()).unwrap()
    }

    /// Header, claims and a signature over them, whatever they say.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = unsigned(header, claims);
        format!("{signed}.{}", encoded(&self.signature(signed.as_bytes())))
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; 256];
                pair.sign(*encoding, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }
}

/// What a signature covers.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encoded(header.to_string().as_bytes()), encoded(claims.to_string().as_bytes()))
}

pub(crate) fn encoded(octets: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(octets)
}

/// `json` with these members put in, or taken out where they are null.
pub(crate) fn with(json: &Value, changes: Value) -> Value {
    let mut json = json.clone();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            json.as_object_mut().unwrap().remove(name);
        } else {
            json[name] = value.clone();
        }
    }
    json
}

//! An issuer with real keys, made for the test that uses it.

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs as backend;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use ring as backend;

use backend::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use careconnect_verifier::{FixedKeys, KeySet, Rejection, TokenVerifier, TokenVerifierBuilder, VerifiedToken};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://auth.example.nhs.uk/careconnect";
pub(crate) const AUDIENCE: &str = "https://provider.example.nhs.uk/A20047/STU3/1";
pub(crate) const NOW: i64 = 1_800_000_000;

/// Signs with one ES256 key.
pub(crate) struct Issuer {
    key_id: &'static str,
    key: EcdsaKeyPair,
}

impl Issuer {
    pub(crate) fn new(key_id: &'static str) -> Self {
        let random = SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        #[cfg(feature = "aws-lc-rs")]
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref()).unwrap();
        #[cfg(not(feature = "aws-lc-rs"))]
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref(), &random).unwrap();
        Self { key_id, key }
    }

    pub(crate) fn jwk(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.key_id, "use": "sig", "alg": "ES256" })
    }

    pub(crate) fn jwks(&self) -> String {
        json!({ "keys": [self.jwk()] }).to_string()
    }

    pub(crate) fn header(&self) -> Value {
        json!({ "alg": "ES256", "typ": "at+jwt", "kid": self.key_id })
    }

    pub(crate) fn token(&self) -> String {
        self.sign(&self.header(), &claims())
    }

    /// A token in which `change` has been made to the claims.
    pub(crate) fn token_with(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = claims();
        change(&mut claims);
        self.sign(&self.header(), &claims)
    }

    /// A token in which `change` has been made to the header.
    pub(crate) fn token_with_header(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut header = self.header();
        change(&mut header);
        self.sign(&header, &claims())
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    pub(crate) fn sign_text(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", encode(signature.as_ref()))
    }

    pub(crate) fn verifier(&self) -> TokenVerifierBuilder {
        verifier(&self.jwks())
    }

    /// What a verifier without options says.
    pub(crate) fn verify(&self, token: &str) -> Result<VerifiedToken, Rejection> {
        self.verifier().build().unwrap().verify_offline(token)
    }

    /// The reason for which a verifier without options refuses.
    pub(crate) fn reason(&self, token: &str) -> &'static str {
        self.verify(token).map_or_else(|rejection| rejection.reason(), |_| "accepted")
    }
}

pub(crate) fn verifier(jwks: &str) -> TokenVerifierBuilder {
    let keys = FixedKeys::new(KeySet::parse(jwks.as_bytes()).unwrap());
    TokenVerifier::for_issuer(ISSUER).audience(AUDIENCE).keys(keys).clock(|| NOW)
}

/// The claims of an ordinary token.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "https://fhir.nhs.uk/Id/accredited-system|200000000205", "aud": AUDIENCE,
        "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 290, "jti": "6f1c2d3e-0000-4000-8000-000000000001",
        "client_id": "92d85f9d-0666-49bc-a31c-12b45b04a7de", "scope": "organization/slot.read",
        "asid": "200000000205", "ods_code": "A1001", "org_type": "urgent-care",
        "groups": ["urn:nhs:names:services:careconnect:fhir:rest:read:slot"]
    })
}

/// An Ed25519 key: the token that it signs, and the set that it is published in.
pub(crate) fn eddsa_token() -> (String, String) {
    let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let key = Ed25519KeyPair::from_pkcs8(der.as_ref()).unwrap();
    let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "ed" }).to_string();
    let signed = format!("{}.{}", encode(header.as_bytes()), encode(claims().to_string().as_bytes()));
    let token = format!("{signed}.{}", encode(key.sign(signed.as_bytes()).as_ref()));
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(key.public_key().as_ref()), "kid": "ed" });
    (token, json!({ "keys": [jwk] }).to_string())
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

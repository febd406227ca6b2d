//! What is signed in the suite, and how a signature is proven.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use careconnect_verifier::{AccessTokenClaims, Asid, ClientId, Group, OdsCode, OrganisationType};
use serde_json::Value;

use super::super::{Keys, SignedToken};
use crate::crypto::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

pub(super) fn claims() -> AccessTokenClaims {
    AccessTokenClaims {
        iss: "https://auth.example.nhs.uk".into(),
        sub: "https://fhir.nhs.uk/Id/accredited-system|200000000205".into(),
        aud: "https://provider.thirdparty.nhs.uk/A20047/STU3/1".into(),
        iat: 1_800_000_000,
        nbf: Some(1_800_000_000),
        exp: 1_800_000_300,
        jti: "6f1c".into(),
        client_id: ClientId::parse("client").unwrap(),
        scope: None,
        asid: Asid::parse("200000000205").unwrap(),
        ods_code: OdsCode::parse("A1001").unwrap(),
        org_type: OrganisationType::parse("urgent-care").unwrap(),
        groups: vec![Group::CREATE_APPOINTMENT, Group::READ_SLOT],
        requesting_system: None,
        requesting_organization: None,
        reason_for_request: None,
        cnf: None,
    }
}

pub(super) fn published(keys: &Keys) -> Vec<Value> {
    let mut document: Value = serde_json::from_str(keys.key_set().json()).unwrap();
    serde_json::from_value(document["keys"].take()).unwrap()
}

/// Verifies with the published key that the header names; gives header and claims.
pub(super) fn verify(keys: &Keys, token: &SignedToken) -> [Value; 2] {
    let (message, signature) = token.expose().rsplit_once('.').unwrap();
    let parts = [message.split_once('.').unwrap().0, message.split_once('.').unwrap().1];
    let [header, payload] = parts.map(|part| serde_json::from_slice::<Value>(&decode(part)).unwrap());
    let key = published(keys).into_iter().find(|key| key["kid"] == header["kid"]).expect("a published key");
    assert_eq!(key["alg"], header["alg"]);
    assert!(is_valid(&key, message.as_bytes(), &decode(signature)), "{header}");
    [header, payload]
}

pub(super) fn is_valid(key: &Value, message: &[u8], signature: &[u8]) -> bool {
    let member = |name: &str| decode(key[name].as_str().unwrap());
    let raw = |algorithm: &'static dyn VerificationAlgorithm, public: Vec<u8>| {
        UnparsedPublicKey::new(algorithm, public).verify(message, signature).is_ok()
    };
    let rsa = |parameters: &RsaParameters| {
        RsaPublicKeyComponents { n: member("n"), e: member("e") }.verify(parameters, message, signature).is_ok()
    };
    match key["alg"].as_str().unwrap() {
        "ES256" => raw(&ECDSA_P256_SHA256_FIXED, [vec![4], member("x"), member("y")].concat()),
        "ES384" => raw(&ECDSA_P384_SHA384_FIXED, [vec![4], member("x"), member("y")].concat()),
        "EdDSA" => raw(&ED25519, member("x")),
        "PS256" => rsa(&RSA_PSS_2048_8192_SHA256),
        _ => rsa(&RSA_PKCS1_2048_8192_SHA256),
    }
}

pub(super) fn decode(text: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
}

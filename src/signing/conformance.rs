//! What every back-end of private keys and every crypto back-end must do: one suite.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use careconnect_verifier::{AccessTokenClaims, Algorithm, Asid, ClientId, Group, OdsCode, OrganisationType};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use super::{KeyFiles, KeyRing, SignedToken};
use crate::crypto::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

#[test]
fn every_algorithm_signs_what_the_published_key_verifies() {
    // R1
    let ring = full_ring().1;
    assert_eq!(ring.algorithms(), Algorithm::FOR_TOKENS);
    for algorithm in Algorithm::FOR_TOKENS {
        let token = ring.sign(algorithm, &claims()).unwrap();
        let [header, payload] = verify(&ring, &token);
        assert_eq!(header["alg"], algorithm.name());
        assert_eq!(header["typ"], "at+jwt");
        assert_eq!(header.as_object().unwrap().len(), 3);
        assert_eq!(payload, serde_json::to_value(claims()).unwrap());
    }
}

#[test]
fn a_changed_byte_breaks_the_signature() {
    let ring = full_ring().1;
    for algorithm in Algorithm::FOR_TOKENS {
        let token = ring.sign(algorithm, &claims()).unwrap();
        let (message, signature) = token.expose().rsplit_once('.').unwrap();
        let signature = decode(signature);
        let changed = message.replace(char::from(message.as_bytes()[message.len() / 2]), "_");
        let key = published(&ring).into_iter().find(|key| key["alg"] == algorithm.name()).unwrap();
        assert!(!is_valid(&key, changed.as_bytes(), &signature), "{algorithm}");
    }
}

#[test]
fn the_entra_profile_says_what_azure_ad_said() {
    let ring = full_ring().1;
    let object_id = Uuid::from_u128(0xab41_2fe9_3f68_4368_9810_9dc2_4d16_59b1);
    let object_id_of = |group: &Group| (*group == Group::READ_SLOT).then_some(object_id);
    let token = ring.sign_entra(Algorithm::Es256, &claims(), "1", object_id_of).unwrap();
    let [header, payload] = verify(&ring, &token);
    assert_eq!(header["typ"], "JWT");
    let expected = json!(["ab412fe9-3f68-4368-9810-9dc24d1659b1", Group::CREATE_APPOINTMENT]);
    assert_eq!(payload["groups"], expected);
    assert_eq!([&payload["appid"], &payload["appidacr"], &payload["ver"]], ["client", "1", "1.0"]);
    assert_eq!(payload["asid"], "200000000205");
}

#[test]
fn the_key_set_holds_public_halves_only_each_under_its_own_kid() {
    // R43
    let ring = full_ring().1;
    let keys = published(&ring);
    let mut kids: Vec<_> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    kids.sort_unstable();
    kids.dedup();
    assert_eq!(kids.len(), Algorithm::FOR_TOKENS.len());
    for key in &keys {
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(key.get(private).is_none(), "{private} in {key}");
        }
        assert_eq!(key["use"], "sig");
    }
}

#[test]
fn opening_again_gives_the_same_keys_and_the_same_entity_tag() {
    let (directory, ring) = full_ring();
    let again = KeyRing::open(directory.path()).unwrap();
    assert_eq!(again.key_set().json(), ring.key_set().json());
    assert_eq!(again.key_set().etag(), ring.key_set().etag());
    assert!(ring.key_set().etag().starts_with('"') && ring.key_set().etag().ends_with('"'));
}

#[test]
fn the_newest_key_signs_and_the_older_stays_published() {
    let (directory, ring) = full_ring();
    let imported = KeyFiles::new(directory.path()).import(Algorithm::Es256, &pem("p256.sec1.pem")).unwrap();
    let file = std::fs::File::options().write(true).open(&imported.path).unwrap();
    file.set_modified(imported.written + std::time::Duration::from_secs(1)).unwrap(); // file systems tick in milliseconds
    let later = KeyRing::open(directory.path()).unwrap();
    let (old, new) =
        (ring.sign(Algorithm::Es256, &claims()).unwrap(), later.sign(Algorithm::Es256, &claims()).unwrap());
    assert_ne!(verify(&ring, &old)[0]["kid"], verify(&later, &new)[0]["kid"]);
    verify(&later, &old);
    assert_ne!(ring.key_set().etag(), later.key_set().etag());
}

#[test]
fn a_token_and_a_key_do_not_print_themselves() {
    let ring = full_ring().1;
    let token = ring.sign(Algorithm::EdDsa, &claims()).unwrap();
    let signature = token.expose().rsplit_once('.').unwrap().1;
    let printed = format!("{token:?} {ring:?}");
    assert!(printed.contains("jti: 6f1c") && !printed.contains(signature));
}

/// A ring with a key of every algorithm on every crypto back-end: those that this one cannot make are imported.
fn full_ring() -> (TempDir, KeyRing) {
    let directory = tempfile::tempdir().unwrap();
    let files = KeyFiles::new(directory.path());
    files.import(Algorithm::Rs256, &pem("rsa-2048.pem")).unwrap();
    if !crate::crypto::MAKES_RSA_KEYS {
        files.import(Algorithm::Ps256, &pem("rsa-2048-other.pkcs1.pem")).unwrap();
    }
    let ring = KeyRing::open(directory.path()).unwrap();
    (directory, ring)
}

pub(super) fn pem(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/throwaway_keys").join(name)
}

fn claims() -> AccessTokenClaims {
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

fn published(ring: &KeyRing) -> Vec<Value> {
    let mut document: Value = serde_json::from_str(ring.key_set().json()).unwrap();
    serde_json::from_value(document["keys"].take()).unwrap()
}

/// Verifies with the published key that the header names; gives header and claims.
fn verify(ring: &KeyRing, token: &SignedToken) -> [Value; 2] {
    let (message, signature) = token.expose().rsplit_once('.').unwrap();
    let parts = [message.split_once('.').unwrap().0, message.split_once('.').unwrap().1];
    let [header, payload] = parts.map(|part| serde_json::from_slice::<Value>(&decode(part)).unwrap());
    let key = published(ring).into_iter().find(|key| key["kid"] == header["kid"]).expect("a published key");
    assert_eq!(key["alg"], header["alg"]);
    assert!(is_valid(&key, message.as_bytes(), &decode(signature)), "{header}");
    [header, payload]
}

fn is_valid(key: &Value, message: &[u8], signature: &[u8]) -> bool {
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

fn decode(text: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
}

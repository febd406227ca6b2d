//! Files with faults: nothing is changed, and every fault is named.

use careconnect_auth::domain::ConsumerSystem;
use careconnect_verifier::Group;
use serde_json::{Value, json};

use super::{OPTIONS, actions, apply, apply_as, export_json, faults, filled::filled, plan};
use crate::support::{
    changes::{Changes, act},
    databases::TestDatabase,
    registrations::{REGISTERED_AT, consumer},
};

fn entry(client_id: &str, asid: &str, ods_code: &str) -> Value {
    json!({
        "client_id": client_id, "name": client_id, "asid": asid, "ods_code": ods_code, "organisation_type": "urgent-care",
        "supplier_ods_code": "SUP1",
    })
}

fn with(mut entry: Value, name: &str, value: Value) -> Value {
    entry[name] = value;
    entry
}

#[tokio::test]
async fn a_file_with_a_fault_changes_nothing_and_all_its_faults_are_named() {
    // R50
    let database = TestDatabase::fresh().await;
    let handle = database.handle();
    handle.insert_consumer(&consumer()).await.unwrap();
    let (revision, records) = (handle.revision().await.unwrap(), handle.audit_head().await.unwrap());
    let good = entry("good", "200000000001", "A1001");
    let key = json!({"kind": "key", "value": {"kty": "oct", "k": "AAAA"}});
    let file = json!({
        "consumers": [
            good.clone(),
            entry("stranger", "000000000205", "B2002"),
            with(good.clone(), "name", json!("again")),
            with(entry("typo", "2", "A1001"), "credentails", json!([])),
            with(entry("key", "200000000002", "A1001"), "credentials", json!([key, {"kind": "secret"}])),
            with(entry("type", "200000000003", "A1001"), "organisation_type", json!("unheard-of")),
        ],
        "assurances": [
            {"subject": "service", "identifier": "nobody", "group": "urn:nhs:x", "evidence": "e"},
            {"subject": "supplier", "identifier": "SUP1", "group": "urn:nhs:x", "evidence": "e"},
            {"subject": "service", "identifier": "key", "group": Group::READ_SLOT, "evidence": "of a consumer with faults"},
        ],
        "consumer": [],
    });
    let expected = [
        "/assurances/0",
        "/assurances/1",
        "/consumer",
        "/consumers/1",
        "/consumers/2",
        "/consumers/3/asid",
        "/consumers/3/credentails",
        "/consumers/4/credentials/0/value",
        "/consumers/4/credentials/1/id",
        "/consumers/5",
    ];
    for outcome in [apply(handle, &file.to_string(), OPTIONS).await, plan(handle, &file.to_string(), OPTIONS).await] {
        let found = faults(outcome);
        let pointers: Vec<&str> = found.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, expected, "{found:#?}");
        let stranger = &found.iter().find(|fault| fault.pointer == "/consumers/1").unwrap().detail;
        assert!(stranger.contains("000000000205 is held by the organisation A1001"), "{stranger}");
    }
    assert_eq!(handle.revision().await.unwrap(), revision);
    assert_eq!(handle.audit_head().await.unwrap(), records);
    let without_reason = careconnect_auth::domain::Act { reason: None, ..act(REGISTERED_AT) };
    let file = json!({"consumers": [good]}).to_string();
    assert_eq!(faults(apply_as(handle, &file, OPTIONS, without_reason).await)[0].pointer, "/reason");
}

#[tokio::test]
async fn what_no_administrator_may_register_is_refused_in_a_file_too() {
    // R50
    let database = TestDatabase::fresh().await;
    let point = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let rows = [
        ("key", json!({"kty": "OKP", "crv": "Ed25519", "x": point, "d": point})),
        ("key", json!({"kty": "OKP", "crv": "Ed25519", "x": point, "alg": "none"})),
        ("key", json!({"kty": "RSA", "alg": "RS256", "e": "AQAB", "n": point})),
        ("key_set", json!("https://127.0.0.1/jwks.json")),
        ("key_set", json!("http://keys.supplier.example/jwks.json")),
        ("subject_dn", json!("CN=*,O=NHS")),
        ("san_dns", json!("*.nhs.uk")),
    ];
    let credentials: Vec<Value> = rows.iter().map(|(kind, value)| json!({"kind": kind, "value": value})).collect();
    let file = json!({"consumers": [with(entry("one", "200000000001", "A1001"), "credentials", json!(credentials))]});
    let found = faults(apply(database.handle(), &file.to_string(), OPTIONS).await);
    let pointers: Vec<&str> = found.iter().map(|fault| fault.pointer.as_str()).collect();
    let expected: Vec<String> = (0..rows.len()).map(|row| format!("/consumers/0/credentials/{row}/value")).collect();
    assert_eq!(pointers, expected, "{found:#?}");
    assert!(found.iter().all(|fault| !fault.detail.contains(point)), "{found:#?}");
}

#[tokio::test]
async fn an_asid_moves_with_all_that_hold_it_or_not_at_all() {
    let database = TestDatabase::fresh().await;
    let handle = database.handle();
    let (one, other) = (entry("one", "200000000001", "A1001"), entry("other", "200000000001", "A1001"));
    apply(handle, &json!({"consumers": [one.clone(), other.clone()]}).to_string(), OPTIONS).await.unwrap();
    let moved = |entry: Value| with(entry, "ods_code", json!("B2002"));
    let refused = faults(apply(handle, &json!({"consumers": [moved(one.clone())]}).to_string(), OPTIONS).await);
    assert!(refused[0].detail.contains("held by the organisation A1001"), "{refused:?}");
    let both = json!({"consumers": [moved(one), moved(other)]}).to_string();
    assert_eq!(actions(&apply(handle, &both, OPTIONS).await.unwrap()), ["consumer.changed", "consumer.changed"]);
}

#[tokio::test]
async fn a_secret_comes_with_its_hash_or_not_at_all() {
    // R16
    let filled = filled().await;
    let all = export_json(filled.database.handle()).await;
    let consumers = all["consumers"].as_array().unwrap();
    let is_whole = |known: &&Value| known["client_id"] == filled.consumer.client_id.as_str();
    let whole = consumers.iter().find(is_whole).unwrap();
    let secret = whole["credentials"].as_array().unwrap().iter().find(|held| held["kind"] == "secret").unwrap();
    let file = |change: &dyn Fn(&mut Value)| {
        let mut secret = secret.clone();
        change(&mut secret);
        json!({"consumers": [with(whole.clone(), "credentials", json!([secret]))]}).to_string()
    };
    let without = |name: &'static str| move |secret: &mut Value| drop(secret.as_object_mut().unwrap().remove(name));
    let other = TestDatabase::fresh().await;
    for (text, expected) in [
        (file(&without("hash")), "the register has no secret of this id"),
        (file(&|secret| secret["value"] = json!("ccas_plain")), "a secret stands in no file"),
        (file(&|secret| secret["hash"] = json!("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA")), "expected the hash"),
        (file(&|secret| secret["hash"] = json!(["x"])), "expected a text"),
    ] {
        let found = faults(apply(other.handle(), &text, OPTIONS).await);
        assert!(found.len() == 1 && found[0].detail.contains(expected), "{expected}: {found:?}");
        assert!(!found[0].detail.contains("ccas_plain"));
    }
    apply(other.handle(), &file(&without("id")), OPTIONS).await.unwrap();
    apply(other.handle(), &file(&without("id")), OPTIONS).await.unwrap();
    let held: ConsumerSystem = other.handle().find_consumer(&filled.consumer.client_id).await.unwrap().unwrap();
    assert_eq!(held.credentials.len(), 1, "told by its hash");
    let another = file(&|secret| secret["hash"] = json!(secret["hash"].as_str().unwrap().replace("t=2", "t=3")));
    let found = faults(apply(filled.database.handle(), &another, OPTIONS).await);
    assert!(found[0].detail.contains("proves something else"), "{found:?}");
}

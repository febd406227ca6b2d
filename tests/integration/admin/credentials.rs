//! The ways in of a consumer.

use reqwest::Method;
use serde_json::{Value, json};

use super::registering::{actions, audit, items, patch, registered, registration, token_status};
use crate::support::{soon::until, test_server::TestServer};

#[tokio::test]
async fn a_secret_is_shown_in_the_answer_that_makes_it_and_never_again() {
    // R16
    let server = TestServer::start().await;
    let admin = server.admin();
    server.register_provider(|_| {}).await;
    let (path, first) = registered(&admin, &[careconnect_verifier::Group::READ_SLOT]).await;
    until("the new consumer", async || token_status(&server, &path, &first).await == 200).await;
    let added = admin.post(&format!("{path}/credentials"), &json!({"kind": "secret", "label": "second"})).await;
    assert_eq!(added.status, 201, "{}", added.text());
    let second = added.json()["client_secret"].as_str().unwrap().to_owned();
    let rotated =
        admin.post(&format!("{path}/secret-rotations"), &json!({"overlap_seconds": 60, "label": "third"})).await;
    assert_eq!(rotated.status, 201, "{}", rotated.text());
    let third = rotated.json()["client_secret"].as_str().unwrap().to_owned();
    assert_eq!(rotated.json()["ending"].as_array().unwrap().len(), 2);
    for secret in [&first, &second, &third] {
        until("the new secrets", async || token_status(&server, &path, secret).await == 200).await;
    }
    let one = added.header("location").strip_prefix("/admin/v1").unwrap();
    let read = [path.clone(), format!("{path}/credentials"), one.to_owned(), "/consumers".to_owned()];
    for path in read {
        let text = admin.get(&path).await.text();
        assert!(text.contains("\"secret\"") && !text.contains("argon2"), "{text}");
        assert!([&first, &second, &third].iter().all(|secret| !text.contains(secret.as_str())), "{text}");
    }
    let records = server.database.handle().read_audit(0, 100).await.unwrap();
    assert!(records.iter().all(|record| !record.record.contains(&first) && !record.record.contains("argon2")));
    server.clock.advance(60);
    until("the end of the others", async || token_status(&server, &path, &first).await == 401).await;
    assert_eq!(token_status(&server, &path, &third).await, 200);
}

#[tokio::test]
async fn every_kind_is_added_read_renamed_and_ended() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let (path, _) = registered(&admin, &[]).await;
    let all = format!("{path}/credentials");
    let point = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    for body in [
        json!({"kind": "san_dns", "value": "A.nhs.uk", "environment": "path-to-live", "issuer_key": "ab".repeat(32)}),
        json!({"kind": "san_uri", "value": "spiffe://nhs.uk/a", "label": "mesh"}),
        json!({"kind": "subject_dn", "value": "CN=a,O=b", "starts_at": "2027-02-01T00:00:00Z"}),
        json!({"kind": "thumbprint", "value": "cd".repeat(32), "self_signed": true}),
        json!({"kind": "public_key", "value": "cd".repeat(32), "ends_at": "2027-02-01T00:00:00Z"}),
        json!({"kind": "key", "value": {"kty": "OKP", "crv": "Ed25519", "x": point, "kid": "a"}}),
        json!({"kind": "key_set", "value": "https://keys.supplier.example/jwks.json"}),
    ] {
        let answer = admin.post(&all, &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(
            (&answer.json()["credential"]["kind"], &answer.json()["client_secret"]),
            (&body["kind"], &Value::Null)
        );
        let one = answer.header("location").strip_prefix("/admin/v1").unwrap().to_owned();
        let read = admin.get(&one).await;
        assert_eq!((read.status.as_u16(), read.header("etag")), (200, answer.header("etag")));
        assert_eq!(admin.post(&all, &body).await.problem(409), "conflict", "twice");
    }
    let mut consumer = admin.get(&path).await.json();
    let listed = items(&admin.get(&all).await);
    assert_eq!((listed.len(), listed[0]["last_used_at"].is_null()), (8, true));
    for (shown, held) in listed.iter().zip(consumer["credentials"].as_array_mut().unwrap()) {
        held["last_used_at"] = Value::Null;
        assert_eq!(shown, held);
    }
    let one = format!("{all}/{}", listed[0]["id"].as_str().unwrap());
    let tag = admin.get(&one).await.header("etag").to_owned();
    let ended = admin.patch(&one, &tag, &json!({"label": "old", "ends_at": "2027-01-15T08:00:00Z"})).await;
    assert_eq!((&ended.json()["label"], &ended.json()["ends_at"]), (&json!("old"), &json!("2027-01-15T08:00:00Z")));
    assert_eq!(admin.get(&one).await.header("etag"), ended.header("etag"));
    let stale = admin.patch(&one, &tag, &json!({"label": "older"})).await;
    assert_eq!((stale.problem(412), stale.header("etag")), ("precondition-failed".to_owned(), ended.header("etag")));
    assert_eq!(
        patch(&admin, &one, &json!({"ends_at": null})).await.problem(409),
        "conflict",
        "what has ended stays so"
    );
    let answer = patch(&admin, &one, &json!({"label": null, "ends_at": 7, "kind": "key"})).await;
    assert_eq!(
        (answer.problem(422).as_str(), answer.faults()),
        ("invalid", ["/label", "/ends_at", "/kind"].map(str::to_owned).into())
    );
    let unknown = format!("{all}/00000000-0000-0000-0000-000000000000");
    assert_eq!(patch(&admin, &unknown, &json!({"label": "x"})).await.problem(404), "not-found");
    assert_eq!(admin.post("/consumers/none/credentials", &json!({"kind": "secret"})).await.problem(404), "not-found");
    let done = actions(&server).await;
    assert_eq!(done.iter().filter(|action| *action == "consumer.credential_added").count(), 7);
    assert!(done.contains(&"consumer.credential_ended".to_owned()), "{done:?}");
}

#[tokio::test]
async fn what_no_administrator_may_register_is_refused_with_its_place() {
    // R50
    let server = TestServer::start().await;
    let admin = server.admin();
    let (path, _) = registered(&admin, &[]).await;
    let point = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let rows = [
        json!({"kind": "key", "value": {"kty": "OKP", "crv": "Ed25519", "x": point, "d": point}}),
        json!({"kind": "key", "value": {"kty": "oct", "k": "AAAA"}}),
        json!({"kind": "key", "value": {"kty": "OKP", "crv": "Ed25519", "x": point, "alg": "HS256"}}),
        json!({"kind": "key", "value": {"kty": "OKP", "crv": "Ed25519", "x": point, "alg": "none"}}),
        json!({"kind": "key", "value": {"kty": "RSA", "alg": "RS256", "e": "AQAB", "n": point}}),
        json!({"kind": "key", "value": {"kty": "EC", "crv": "P-256", "x": point, "y": point}}),
        json!({"kind": "key_set", "value": "https://127.0.0.1/jwks.json"}),
        json!({"kind": "key_set", "value": "http://keys.supplier.example/jwks.json"}),
        json!({"kind": "key_set", "value": "https://[::ffff:10.0.0.1]/jwks.json"}),
        json!({"kind": "subject_dn", "value": ""}),
        json!({"kind": "subject_dn", "value": "CN=*.nhs.uk,O=NHS"}),
        json!({"kind": "san_dns", "value": "*.nhs.uk"}),
        json!({"kind": "san_dns", "value": "10.0.0.1"}),
        json!({"kind": "secret", "value": "password"}),
    ];
    for row in &rows {
        let answer = admin.post(&format!("{path}/credentials"), row).await;
        assert_eq!((answer.problem(422).as_str(), answer.faults()), ("invalid", vec!["/value".to_owned()]), "{row}");
        assert!(!answer.text().contains("password"));
    }
    let mut body = registration(&[]);
    body["credentials"] = rows.to_vec().into();
    let answer = admin.post("/consumers", &body).await;
    assert_eq!((answer.problem(422).as_str(), answer.faults().len()), ("invalid", rows.len()));
    let answer = admin.post(&format!("{path}/secret-rotations"), &json!({"overlap_seconds": 31_622_401, "x": 1})).await;
    assert_eq!(
        (answer.problem(422).as_str(), answer.faults()),
        ("invalid", ["/overlap_seconds", "/x"].map(str::to_owned).into())
    );
    let refused = audit(&server).await.into_iter().filter(|[.., outcome]| outcome == "refused");
    assert_eq!(refused.count(), rows.len() + 2);
    let records = server.database.handle().read_audit(0, 100).await.unwrap();
    assert!(records.iter().all(|record| !record.record.contains(point)), "what was refused is not kept");
}

#[tokio::test]
async fn a_list_says_when_each_way_in_was_used_last() {
    let server = TestServer::start().await;
    let admin = server.admin();
    server.register_provider(|_| {}).await;
    let (path, secret) = registered(&admin, &[careconnect_verifier::Group::READ_SLOT]).await;
    until("the new consumer", async || token_status(&server, &path, &secret).await == 200).await;
    server.running.app.uses.write_once(server.database.handle()).await.unwrap();
    let listed = items(&admin.get(&format!("{path}/credentials")).await);
    assert_eq!(listed[0]["last_used_at"], "2027-01-15T08:00:00Z");
    let one = format!("{path}/credentials/{}", listed[0]["id"].as_str().unwrap());
    let head = admin.send(Method::HEAD, &one, |request| request).await;
    assert_eq!((head.status.as_u16(), head.header("etag")), (200, admin.get(&one).await.header("etag")));
}

//! Certificates that are blocked by the admin API.

use careconnect_auth::{
    domain::{CertificateIdentity, Role},
    http::admin::BASE,
};
use serde_json::json;

use crate::support::{
    authority::certificate_pem,
    requests::TokenCall,
    test_server::{ROOT, TestServer, consumer_with_certificate},
};

#[tokio::test]
async fn a_certificate_in_use_is_blocked_and_unblocked() {
    let server = TestServer::start().await;
    let (admin, viewer) = (server.admin_as(Role::Editor), server.admin_as(Role::Viewer));
    let identity = server.client_authority.client("a.nhs.uk");
    let name = CertificateIdentity::parse("san_dns", "a.nhs.uk").unwrap();
    let registered = server.register(consumer_with_certificate(name)).await;
    server.register_provider(|_| {}).await;
    let asked = async || {
        server.caught_up().await;
        let call = TokenCall::new(&server, server.client_with(&identity));
        call.field("client_id", registered.consumer.client_id.as_str()).field("resource", ROOT).send().await
    };
    asked().await.token();
    let body = json!({ "certificate": certificate_pem(&identity.chain[0]), "note": "Laptop stolen", "reason": "Incident 4711" });
    assert_eq!(viewer.post("/blocked-certificates", &body).await.problem(403), "not-permitted"); // R49
    let made = admin.post("/blocked-certificates", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    server.caught_up().await;
    let refused = server.client_with(&identity).get(server.url("/oauth2/jwks")).send().await.unwrap_err();
    assert!(format!("{refused:?}").contains("CertificateRevoked"), "{refused:?}");
    let path = made.header("location").strip_prefix(BASE).unwrap().to_owned();
    assert_eq!(viewer.get(&path).await.json(), made.json());
    assert_eq!(viewer.get("/blocked-certificates").await.json()["items"], json!([made.json()]));

    assert_eq!(viewer.delete(&path, "*").await.problem(403), "not-permitted");
    assert_eq!(admin.delete(&path, "\"stale\"").await.problem(412), "precondition-failed");
    let unblocked = admin.delete(&format!("{path}?reason=Found%20again"), made.header("etag")).await;
    assert_eq!(unblocked.status, 200, "{}", unblocked.text());
    assert!(unblocked.json()["unblocked_at"].is_string());
    asked().await.token();
    for answer in [viewer.get(&path).await, admin.delete(&path, "*").await, viewer.get("/blocked-certificates/x").await]
    {
        assert_eq!(answer.problem(404), "not-found");
    }
    assert_eq!(viewer.get("/blocked-certificates").await.json()["items"], json!([]));
    let reasons = viewer.get("/audit?subject=blocked_certificate&outcome=done").await.json();
    let reasons: Vec<_> = reasons["items"].as_array().unwrap().iter().map(|record| record["reason"].clone()).collect();
    assert_eq!(json!(reasons), json!(["Found again", "Incident 4711"]));
}

#[tokio::test]
async fn a_certificate_is_named_by_issuer_and_number_and_its_faults_are_said_at_once() {
    // R50
    let server = TestServer::start().await;
    let admin = server.admin();
    let made = admin
        .post("/blocked-certificates", &json!({ "issuer": "CN=Test CA,O=NHS", "serial": "0A:0B", "note": "x" }))
        .await;
    assert_eq!((made.status.as_u16(), &made.json()["serial"]), (201, &"a0b".into()));
    for (body, expected) in [
        (json!({}), vec!["/issuer", "/serial", "/note"]),
        (
            json!({ "issuer": "nobody", "serial": "0x1", "note": " ", "until": null }),
            vec!["/issuer", "/serial", "/note", "/until"],
        ),
        (json!({ "certificate": "not PEM", "serial": "1", "note": 1 }), vec!["/certificate", "/serial", "/note"]),
        (json!([]), vec![""]),
    ] {
        let answer = admin.post("/blocked-certificates", &body).await;
        assert_eq!(
            (answer.problem(422).as_str(), answer.faults()),
            ("invalid", expected.iter().map(|&fault| fault.to_owned()).collect())
        );
    }
    let key = include_str!("../../throwaway_keys/p256.sec1.pem");
    let answer = admin.post("/blocked-certificates", &json!({ "certificate": key, "note": "x" })).await;
    assert_eq!(answer.faults(), ["/certificate"]);
    assert!(!answer.text().contains(key.lines().nth(1).unwrap()), "no key is repeated");
}

//! What administrators are told while the database is out of reach.

use careconnect_auth::http::admin;
use careconnect_verifier::Group;
use futures_util::future::join_all;
use reqwest::{Method, RequestBuilder, header};
use serde_json::{Value, json};

use crate::support::test_server::{TestServer, consumer};

/// A body that says all that the route needs, and what its parameters stand for.
fn body(method: &Method, path: &str) -> Value {
    let collection = path.rsplit('/').next().unwrap();
    let mut body = match (method.as_str(), collection) {
        ("POST", "consumers") => json!({
            "name": "Service", "asid": "200000000299", "ods_code": "A1001", "organisation_type": "urgent-care",
            "supplier_ods_code": "SUP1",
        }),
        ("POST", "providers") => json!({
            "asid": "200000000359", "ods_code": "A20047", "name": "Practice",
            "service_root": "https://provider.thirdparty.nhs.uk/A20047/STU3/1",
        }),
        ("POST", "credentials") => json!({ "kind": "secret", "label": "second" }),
        ("POST", "groups") => json!({
            "group": "urn:nhs:names:services:careconnect:fhir:rest:read:thing", "scope": "organization/thing.read",
            "interactions": ["urn:nhs:names:services:careconnect:fhir:rest:read:thing"],
        }),
        ("POST", "organisation-types") => json!({ "code": "dentist", "display": "Dentist" }),
        ("POST", "certificate-policies") => {
            json!({ "name": "Few", "host_prefix": "appt-", "groups": [Group::READ_SLOT] })
        }
        ("POST", "blocked-certificates") => json!({ "issuer": "CN=CA", "serial": "07", "note": "lost" }),
        ("POST", "secret-rotations") => json!({ "overlap_seconds": 60 }),
        ("POST", "revoked-tokens") => json!({
            "client_id": "92d85f9d-0666-49bc-a31c-12b45b04a7de", "jti": "92d85f9d-0666-49bc-a31c-12b45b04a7de",
        }),
        ("POST", "rotations") => json!({ "algorithm": "ES256" }),
        ("POST", "decision") => json!({ "decision": "confirmed" }),
        ("PATCH", "{identifier}") => json!({ "status": "suspended" }),
        ("PUT", _) => json!({ "evidence": "a test" }),
        _ => json!({}),
    };
    body["reason"] = "a test".into();
    body
}

fn path_of(template: &str) -> String {
    let path = template.strip_prefix(admin::BASE).unwrap();
    let values = [
        ("{client_id}", "92d85f9d-0666-49bc-a31c-12b45b04a7de"),
        ("{credential_id}", "92d85f9d-0666-49bc-a31c-12b45b04a7de"),
        ("{asid}", "200000000359"),
        ("{group}", Group::READ_SLOT.as_str()),
        ("{code}", "urgent-care"),
        ("{kid}", "a-key"),
        ("{name}", "Few"),
        ("{subject}", "supplier"),
        ("{identifier}", "SUP1"),
        ("{id}", "92d85f9d-0666-49bc-a31c-12b45b04a7de"),
    ];
    values.iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value))
}

#[tokio::test]
async fn every_change_is_refused_with_503_and_when_to_try_again_while_the_database_is_away() {
    // R56
    let server = TestServer::with("database.acquire_timeout_seconds = 1\n").await;
    server.register(consumer()).await;
    server.database.take_away().await;
    let (admin, routes) = (server.admin(), admin::routes());
    let changes: Vec<_> = routes.iter().filter(|route| route.role.is_some()).collect();
    assert!(changes.len() >= 14, "{changes:?}");
    let ask = async |method: &Method, path: &str| {
        let onto = |request: RequestBuilder| match *method {
            Method::DELETE => request.header(header::IF_MATCH, "*"),
            Method::PATCH => request
                .header(header::IF_MATCH, "*")
                .header(header::CONTENT_TYPE, "application/merge-patch+json")
                .body(body(method, path).to_string()),
            Method::PUT => request.header(header::IF_MATCH, "*").json(&body(method, path)),
            _ => request.json(&body(method, path)),
        };
        let answer = admin.send(method.clone(), &path_of(path), onto).await;
        let is_as_it_must_be = answer.status == 503 && answer.header("retry-after") == "5";
        (!is_as_it_must_be).then(|| format!("{method} {path}: {} {}", answer.status, answer.text()))
    };
    let mut others = Vec::new();
    for some in changes.chunks(6) {
        others.extend(join_all(some.iter().map(|route| ask(&route.method, &route.path))).await.into_iter().flatten());
    }
    assert_eq!(others, [""; 0]);
}

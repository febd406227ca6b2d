//! The contract itself, and the judge that holds answers against it.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use axum::http::{HeaderMap, HeaderValue};
use careconnect_auth::http::metadata::Metadata;
use serde_json::{Value, json};

use crate::support::{openapi_contract::Contract, requests::send, test_server::TestServer};

const TOKEN: &str = "/careconnect/oauth2/token";

#[test]
fn every_example_fits_its_own_schema() {
    let contract = Contract::load();
    let mut seen = 0;
    each_object(contract.document(), &mut |object| {
        for example in object["examples"].as_object().into_iter().flatten().map(|(_, example)| &example["value"]) {
            contract.fits(&object["schema"], example).unwrap_or_else(|why| panic!("{example}: {why}"));
            seen += 1;
        }
        if let (Some(schema), Some(example)) = (object.get("schema"), object.get("example")) {
            contract.fits(schema, example).unwrap_or_else(|why| panic!("{example}: {why}"));
            seen += 1;
        }
    });
    assert!(seen > 40, "{seen}");
}

#[test]
fn no_member_is_null_but_in_examples() {
    fn nulls<'a>(value: &'a Value, name: &'a str, found: &mut Vec<&'a str>) {
        match value {
            Value::Null => found.push(name),
            Value::Array(elements) if name != "enum" => elements.iter().for_each(|each| nulls(each, name, found)),
            Value::Object(members) => {
                let said = members.iter().filter(|(name, _)| !["value", "example"].contains(&name.as_str()));
                said.for_each(|(name, value)| nulls(value, name, found));
            }
            _ => {}
        }
    }
    let (contract, mut found) = (Contract::load(), Vec::new());
    nulls(contract.document(), "", &mut found);
    assert_eq!(found, [""; 0], "YAML reads what stands behind a comma within braces as another member");
}

#[test]
fn every_operation_has_an_id_of_its_own() {
    let operations = Contract::load().operations();
    let ids: BTreeSet<_> =
        operations.iter().map(|operation| operation.id.as_str()).filter(|id| !id.is_empty()).collect();
    assert_eq!(ids.len(), operations.len());
    let paths: Vec<_> = operations.iter().map(|operation| operation.path.as_str()).collect();
    for path in [TOKEN, "/careconnect/errors/audience_unregistered", "/health/ready"] {
        assert!(paths.contains(&path), "{path} in {paths:?}");
    }
}

#[test]
fn every_reason_has_an_example_and_a_page_in_the_catalogue() {
    let contract = Contract::load();
    let declared = contract.document()["components"]["schemas"]["Reason"]["enum"].as_array().unwrap();
    let declared: Vec<&str> = declared.iter().map(|reason| reason.as_str().unwrap()).collect();
    let catalogue = include_str!("../../docs/errors.md");
    let pages: Vec<&str> = catalogue.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let mut examples = BTreeSet::new();
    each_object(&contract.document()["components"]["responses"], &mut |object| {
        let is_refusal = object.get("error_uri").is_some();
        examples.extend(object.get("reason").filter(|_| is_refusal).and_then(Value::as_str).map(str::to_owned));
    });
    assert_eq!(declared, pages);
    assert_eq!(declared.iter().copied().collect::<BTreeSet<_>>(), examples.iter().map(String::as_str).collect());
}

#[test]
fn an_issuer_may_have_another_path_or_none() {
    let paths = |issuer_path| -> Vec<String> {
        Contract::for_issuer_path(issuer_path).operations().into_iter().map(|operation| operation.path).collect()
    };
    assert!(paths("/a/b").contains(&"/.well-known/oauth-authorization-server/a/b".to_owned()));
    assert!(paths("/a/b").contains(&"/a/b/oauth2/token".to_owned()));
    assert!(paths("").contains(&"/oauth2/token".to_owned()));
    assert_eq!(paths("").len(), paths("/a").len() - 3);
}

#[tokio::test]
async fn the_documents_that_are_published_fit() {
    // R43
    let contract = Contract::load();
    let schema = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let server = TestServer::start().await;
    let keys = &server.running.app.keys;
    let metadata = Metadata::new("https://localhost:8443/careconnect", keys.algorithms(), vec!["a/b.read".to_owned()]);
    for (name, document) in [
        ("KeySet", serde_json::from_str(keys.key_set().json()).unwrap()),
        ("Metadata", metadata.authorization_server()),
        ("OpenidConfiguration", metadata.openid_configuration()),
        ("SmartConfiguration", metadata.smart_configuration()),
    ] {
        contract.fits(&schema(name), &document).unwrap_or_else(|why| panic!("{name}: {why}"));
    }
    assert!(contract.fits(&schema("Metadata"), &metadata.openid_configuration()).is_err());
}

#[test]
fn what_is_declared_passes() {
    let contract = Contract::load();
    contract.check("POST", TOKEN, 200, &headers(&[]), &token());
    contract.check("POST", TOKEN, 400, &headers(&[]), &error("invalid_scope", "group_not_held"));
    contract.check(
        "GET",
        "/careconnect/oauth2/authorize?a=b",
        404,
        &headers(&[]),
        &error("invalid_request", "not_found"),
    );
    contract.check("HEAD", "/health/live", 200, &headers(&[]), b"");
    let allow = headers(&[("allow", "POST")]);
    contract.check("GET", TOKEN, 405, &allow, &error("invalid_request", "method_not_allowed"));
    contract.check("GET", "/careconnect/errors/nonsense", 404, &headers(&[]), &error("invalid_request", "not_found"));
}

#[test]
fn an_undeclared_status_is_caught() {
    refuses("the status is not declared", "POST", TOKEN, 418, &headers(&[]), &token());
    refuses("the status is not declared", "GET", TOKEN, 200, &headers(&[]), &token());
    refuses("the status is not declared", "GET", "/elsewhere", 200, &headers(&[]), &token());
}

#[test]
fn an_extra_or_missing_member_is_caught() {
    let mut body: Value = serde_json::from_slice(&token()).unwrap();
    body["refresh_token"] = "r".into();
    refuses("refresh_token", "POST", TOKEN, 200, &headers(&[]), body.to_string().as_bytes()); // R7
    refuses("required property", "POST", TOKEN, 200, &headers(&[]), b"{}");
    refuses("/reason", "POST", TOKEN, 400, &headers(&[]), &error("invalid_request", "internal_error"));
}

#[test]
fn a_missing_or_wrong_header_is_caught() {
    let mut without = headers(&[]);
    without.remove("cache-control");
    refuses("Cache-Control is missing", "POST", TOKEN, 200, &without, &token()); // R8
    refuses("Cache-Control:", "POST", TOKEN, 200, &headers(&[("cache-control", "public")]), &token());
    let unproven = error("invalid_client", "client_authentication_failed");
    refuses("WWW-Authenticate is missing", "POST", TOKEN, 401, &headers(&[]), &unproven); // R14
    refuses("content type", "POST", TOKEN, 200, &headers(&[("content-type", "text/html")]), &token());
}

#[test]
fn a_page_for_a_reason_that_is_not_declared_is_caught() {
    let page = headers(&[("content-type", "text/plain; charset=utf-8"), ("cache-control", "public, max-age=3600")]);
    Contract::load().check("GET", "/careconnect/errors/not_found", 200, &page, b"text");
    refuses("nonsense", "GET", "/careconnect/errors/nonsense", 200, &page, b"text");
}

fn refuses(complaint: &str, method: &str, path: &str, status: u16, headers: &HeaderMap, body: &[u8]) {
    let contract = AssertUnwindSafe(Contract::load());
    let panic = catch_unwind(|| contract.check(method, path, status, headers, body)).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains(complaint), "{message}");
}

fn headers(changed: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("x-trace-id", "7d0f0c0e-9c8b-4f2e-8a51-3f6f8f6c2a10"),
        ("strict-transport-security", "max-age=31536000"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("pragma", "no-cache"),
        ("content-type", "application/json"),
    ]
    .iter()
    .chain(changed)
    {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    headers
}

fn token() -> Vec<u8> {
    br#"{"access_token":"a.b.c","token_type":"Bearer","expires_in":300,"scope":"organization/slot.read"}"#.to_vec()
}

fn error(code: &str, reason: &str) -> Vec<u8> {
    let body = json!({
        "error": code,
        "error_description": "a sentence",
        "reason": reason,
        "trace_id": "7d0f0c0e-9c8b-4f2e-8a51-3f6f8f6c2a10",
        "error_uri": format!("https://localhost:8443/careconnect/errors/{reason}"),
    });
    body.to_string().into_bytes()
}

fn each_object(value: &Value, visit: &mut impl FnMut(&Value)) {
    match value {
        Value::Object(members) => {
            visit(value);
            members.values().for_each(|member| each_object(member, visit));
        }
        Value::Array(items) => items.iter().for_each(|item| each_object(item, visit)),
        _ => {}
    }
}

#[tokio::test]
async fn every_operation_is_there() {
    let server = TestServer::start().await;
    for operation in Contract::load().operations() {
        let method: reqwest::Method = operation.method.parse().unwrap();
        let request = server.client().request(method.clone(), server.url(&operation.path));
        let answer = send(method, &operation.path, request).await;
        assert!(![404, 405].contains(&answer.status.as_u16()), "{}: {}", operation.id, answer.text());
    }
}

#[test]
fn the_contract_knows_the_reasons_of_the_code() {
    let document: Value = serde_norway::from_str(include_str!("../../openapi.yaml")).unwrap();
    let documented = document["components"]["schemas"]["Reason"]["enum"].as_array().unwrap();
    let mut documented: Vec<&str> = documented.iter().map(|name| name.as_str().unwrap()).collect();
    let mut known: Vec<&str> = careconnect_auth::domain::Reason::ALL.iter().map(|reason| reason.name()).collect();
    documented.sort_unstable();
    known.sort_unstable();
    assert_eq!(documented, known);
}

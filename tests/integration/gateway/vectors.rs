//! The vectors of the verifier, through both forms of the gateway.

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, StatusCode},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use careconnect_auth::{
    config::{AskingProxy, ForwardAuth, ReverseProxy},
    gateway::{forward_auth, reverse_proxy},
};
use careconnect_verifier::{CertificateThumbprint, FixedKeys, InteractionTable, KeySet, ProviderGuard, TokenVerifier};
use serde_json::Value;
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::support::soon::soon;

/// One path for each group that a vector requires, and one for none: a vector is accepted when every path is.
fn guard(vectors: &Value, case: &Value, groups: &[&str]) -> Option<ProviderGuard> {
    let text = |name: &str| case[name].as_str().unwrap();
    let keys = KeySet::parse(vectors["jwks"][text("jwks")].to_string().as_bytes()).ok()?;
    let (now, leeway) = (case["now"].as_i64().unwrap(), case["options"]["leeway"].as_u64().unwrap_or(0));
    let mut verifier = TokenVerifier::for_issuer(text("issuer"))
        .audience(text("audience"))
        .keys(FixedKeys::new(keys))
        .leeway(u32::try_from(leeway).unwrap())
        .clock(move || now);
    if case["options"]["require_cnf"] == true {
        verifier = verifier.require_certificate_binding();
    }
    let lines = (0..).zip(groups).map(|(at, group)| format!("GET /{at} urn:example:look:{at} needs {group}\n"));
    let table = InteractionTable::parse(&lines.collect::<String>()).unwrap();
    Some(ProviderGuard::new(verifier.build().unwrap()).interactions(table).build().unwrap())
}

async fn is_accepted(router: &Router, paths: usize, prefix: &str, request: impl Fn(String) -> Request<Body>) -> bool {
    for at in 0..paths {
        let response = soon("an answer", router.clone().oneshot(request(format!("{prefix}/{at}")))).await.unwrap();
        if response.status() != StatusCode::OK {
            return false;
        }
    }
    true
}

#[tokio::test]
async fn every_vector_reaches_its_verdict_through_the_gateway() {
    // R29, R30, R31, R32, R33, R34, R35, R36, R37, R38
    let vectors: Value = serde_json::from_str(include_str!("../../../verifier/tests/vectors/verifier.json")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let backend = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(async || "reached")).await });
    let proxy: ReverseProxy = toml::from_str(&format!("listen = \"127.0.0.1:0\"\nbackend = \"{backend}\"")).unwrap();
    let endpoint = ForwardAuth {
        listen: "127.0.0.1:0".parse().unwrap(),
        proxy: AskingProxy::Envoy,
        certificate_format: None,
        dangerously_allow_beyond_loopback: false,
    };
    let (mut wrong, mut judged) = (Vec::new(), 0);
    for case in vectors["cases"].as_array().unwrap().iter().filter(|case| case["expect"] != "either") {
        let token = match case["token"].as_str() {
            Some(token) => token.as_bytes().to_vec(),
            None => (0..case["token_hex"].as_str().unwrap().len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&case["token_hex"].as_str().unwrap()[at..at + 2], 16).unwrap())
                .collect(),
        };
        let Ok(credentials) = HeaderValue::try_from([b"Bearer ".as_slice(), &token].concat()) else { continue };
        let required = case["options"]["require_groups"].as_array().into_iter().flatten();
        let groups: Vec<_> = std::iter::once("none").chain(required.filter_map(Value::as_str)).collect();
        let Some(guard) = guard(&vectors, case, &groups) else { continue };
        let request = |path: String| {
            let mut request = Request::get(path).header("authorization", &credentials);
            if let Some(asid) = case["options"]["ssp_from"].as_str() {
                request = request.header("ssp-from", asid);
            }
            let mut request = request.body(Body::empty()).unwrap();
            if let Some(name) = case["options"]["cert"].as_str() {
                let pem = vectors["certs"][name].as_str().unwrap().lines().filter(|line| !line.starts_with('-'));
                let der = BASE64_STANDARD.decode(pem.collect::<String>()).unwrap();
                request.extensions_mut().insert(CertificateThumbprint::of_der(&der));
            }
            request
        };
        let through_proxy = reverse_proxy::router(guard.clone(), &proxy).unwrap();
        let mut verdicts = vec![is_accepted(&through_proxy, groups.len(), "", &request).await];
        if case["options"]["cert"].is_null() {
            // The endpoint believes in no certificate but the one that the proxy tells of.
            let asked = forward_auth::router(guard, &endpoint);
            verdicts.push(is_accepted(&asked, groups.len(), "/authorise", &request).await);
        }
        judged += 1;
        if verdicts.iter().any(|accepted| *accepted != (case["expect"] == "accept")) {
            wrong.push(format!("{}: expected {}, got {verdicts:?}", case["id"], case["expect"]));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(judged > 330, "{judged}");
}

//! One row per refusal of a request that is wrong in itself: the status, the OAuth error, the reason.

use crate::support::{
    log::Log,
    requests::TokenCall,
    test_server::{ROOT, TestServer, consumer},
};

const OTHER_ROOT: &str = "https://other.thirdparty.nhs.uk";

#[tokio::test]
async fn each_wrong_request_is_refused_with_its_reason() {
    // R4, R5, R10, R11
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    server
        .register_provider(|other| {
            other.service_root = OTHER_ROOT.parse().unwrap();
            other.asid = "200000000360".parse().unwrap();
        })
        .await;
    let registered = server.register(consumer()).await;
    let good = || server.token_by_secret(&registered);
    let id = registered.consumer.client_id.as_str();
    let secret = registered.secret.as_ref().unwrap().expose();
    let grant = |grant: &str| good().without("grant_type").field("grant_type", grant);

    let rows: Vec<(TokenCall<'_>, u16, &str, &str)> = vec![
        (good().without("grant_type"), 400, "invalid_request", "grant_type_missing"),
        (grant(""), 400, "invalid_request", "grant_type_missing"),
        (grant("password"), 400, "unsupported_grant_type", "grant_type_unsupported"),
        (grant("Client_Credentials"), 400, "unsupported_grant_type", "grant_type_unsupported"),
        (grant("client_credentials "), 400, "unsupported_grant_type", "grant_type_unsupported"),
        (good().field("grant_type", "client_credentials"), 400, "invalid_request", "parameter_repeated"),
        (good().field("x", "1").field("x", "1"), 400, "invalid_request", "parameter_repeated"),
        (good().field("x", "\r\n"), 400, "invalid_request", "form_malformed"),
        (good().field("client_secret", secret), 400, "invalid_request", "two_mechanisms"),
        (good().field("client_id", "another"), 400, "invalid_request", "client_ids_differ"),
        (good().header("authorization", "Bearer x"), 400, "invalid_request", "two_mechanisms"),
        (good().field("client_assertion", "x"), 400, "invalid_request", "two_mechanisms"),
        (bearer(&server), 401, "invalid_client", "authorization_header_malformed"),
        (server.token().field("resource", ROOT), 401, "invalid_client", "client_authentication_failed"),
        (
            server.token().field("resource", ROOT).field("client_id", id),
            401,
            "invalid_client",
            "client_authentication_failed",
        ),
        (good().without("resource"), 400, "invalid_target", "audience_missing"),
        (good().field("resource", OTHER_ROOT), 400, "invalid_target", "audiences_differ"),
        (good().field("scope", &format!("{OTHER_ROOT}/.default")), 400, "invalid_target", "audiences_differ"),
        (good().field("resource", "https://unknown.nhs.uk"), 400, "invalid_target", "audience_unregistered"),
        (target(good(), "https://unknown.nhs.uk"), 400, "invalid_target", "audience_unregistered"),
        (target(good(), &format!("{ROOT}/x")), 400, "invalid_target", "audience_unregistered"),
        (target(good(), &format!("{ROOT}-evil")), 400, "invalid_target", "audience_unregistered"),
        (target(good(), &ROOT.to_lowercase()), 400, "invalid_target", "audience_unregistered"),
        (target(good(), "/A20047/STU3/1"), 400, "invalid_target", "audience_malformed"),
        (target(good(), "file:///etc/passwd"), 400, "invalid_target", "audience_malformed"),
        (target(good(), &format!("{ROOT}#fragment")), 400, "invalid_target", "audience_malformed"),
        (target(good(), "https://fhir.nhs.uk/Id/accredited-system|1"), 400, "invalid_target", "audience_malformed"),
        (good().field("scope", "openid"), 400, "invalid_scope", "scope_unknown"),
        (good().field("scope", "urn:nhs:*"), 400, "invalid_scope", "scope_unknown"),
        (good().field("scope", "a\"b"), 400, "invalid_scope", "scope_malformed"),
    ];
    for (number, (call, status, error, reason)) in rows.into_iter().enumerate() {
        let answer = call.send().await;
        assert_eq!(answer.refused(status), (error.to_owned(), reason.to_owned()), "row {number}");
        assert_eq!(answer.header("cache-control"), "no-store", "row {number}");
        assert!(!answer.text().contains(secret), "row {number}");
    }
}

fn target<'a>(call: TokenCall<'a>, resource: &str) -> TokenCall<'a> {
    call.without("resource").field("resource", resource)
}

fn bearer(server: &TestServer) -> TokenCall<'_> {
    server.token().header("authorization", "Bearer x").field("resource", ROOT)
}

#[tokio::test]
async fn credentials_in_the_url_are_refused_and_never_used() {
    // R12
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let (id, secret) = (registered.consumer.client_id.as_str(), registered.secret.as_ref().unwrap().expose());
    let url = format!("{}?client_id={id}&client_secret={secret}", server.url("/careconnect/oauth2/token"));

    let request = server.client().post(url).form(&[("grant_type", "client_credentials"), ("resource", ROOT)]);
    let answer = crate::support::requests::send(reqwest::Method::POST, "/careconnect/oauth2/token", request).await;

    assert_eq!(answer.refused(400), ("invalid_request".into(), "credentials_in_url".into()));
    assert!(!answer.text().contains(secret));
}

#[tokio::test]
async fn the_number_of_every_refusal_is_in_the_log_once() {
    let log = Log::capture();
    let server = TestServer::start().await;
    let nowhere = server.get("/careconnect/nothing").await;
    let wrong_method = server.get("/careconnect/oauth2/token").await;
    let unread = server.token().header("content-encoding", "gzip").send().await;
    let refused = server.token().send().await;
    for answer in [nowhere, wrong_method, unread, refused] {
        let number = answer.header("x-trace-id");
        assert_eq!(log.text().matches(number).count(), 1, "{}", answer.text());
    }
}

#[tokio::test]
async fn a_refusal_can_be_looked_up() {
    let server = TestServer::start().await;
    let answer = server.token().send().await;
    let body = answer.json();

    assert_eq!(body["trace_id"].as_str(), Some(answer.header("x-trace-id")));
    let page = body["error_uri"].as_str().unwrap();
    assert_eq!(page, format!("{}/errors/audience_missing", server.issuer()));
    let explained = server.get("/careconnect/errors/audience_missing").await;
    assert!(explained.text().contains("resource="), "{}", explained.text());
}

//! Requests that are wrong before anybody reads their parameters.

use reqwest::{Method, header};

use crate::support::{
    requests::{Answer, send},
    test_server::TestServer,
    tls_client,
};

const PATH: &str = "/careconnect/oauth2/token";
const FORM: &str = "application/x-www-form-urlencoded";

async fn post(server: &TestServer, headers: &[(header::HeaderName, &str)], body: impl Into<reqwest::Body>) -> Answer {
    let mut request = server.client().post(server.url(PATH)).body(body);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    send(Method::POST, PATH, request).await
}

#[tokio::test]
async fn only_a_form_is_read() {
    let server = TestServer::start().await;
    let types =
        ["text/plain", "application/json", "text/xml", "nonsense", "application/x-www-form-urlencoded; charset=utf-16"];
    for content_type in types {
        let answer = post(&server, &[(header::CONTENT_TYPE, content_type)], "grant_type=client_credentials").await;
        assert_eq!(answer.refused(415), ("invalid_request".into(), "wrong_content_type".into()), "{content_type}");
    }
    let two = [(header::CONTENT_TYPE, FORM), (header::CONTENT_TYPE, FORM)];
    assert_eq!(post(&server, &two, "").await.status, 415);
    assert_eq!(post(&server, &[], "").await.status, 415);
    let utf8 = [(header::CONTENT_TYPE, "application/x-www-form-urlencoded; charset=UTF-8")];
    assert_eq!(post(&server, &utf8, "").await.refused(400).1, "grant_type_missing");
}

#[tokio::test]
async fn a_body_over_64_kib_is_refused_and_one_of_64_kib_is_read() {
    // R54
    let server = TestServer::start().await;
    let form = [(header::CONTENT_TYPE, FORM)];
    let largest = post(&server, &form, format!("x={}", "a".repeat(64 * 1024 - 2))).await;
    assert_eq!(largest.refused(400).1, "grant_type_missing");
    for size in [64 * 1024 + 1, 20 * 1024 * 1024] {
        assert_eq!(post(&server, &form, "a".repeat(size)).await.refused(413).1, "body_too_large");
    }
}

#[tokio::test]
async fn as_many_scopes_as_a_body_holds_are_read_in_no_time() {
    // R54
    let server = TestServer::start().await;
    let scopes: Vec<String> = (0..12_000).map(|number| format!("{number:x}")).collect();
    let calls = (0..20).map(|_| server.token().field("resource", "https://a.nhs.uk").field("scope", &scopes.join(" ")));
    for call in calls {
        assert_eq!(call.send().await.refused(401).1, "client_authentication_failed");
    }
}

#[tokio::test]
async fn a_compressed_body_is_not_unpacked() {
    // R54
    let server = TestServer::start().await;
    let headers = [(header::CONTENT_TYPE, FORM), (header::CONTENT_ENCODING, "gzip")];
    let answer = post(&server, &headers, vec![0x1f, 0x8b]).await;
    assert_eq!(answer.refused(415).1, "content_encoding_unsupported");
    let two = [headers[0].clone(), (header::CONTENT_ENCODING, "identity"), headers[1].clone()];
    assert_eq!(post(&server, &two, "").await.refused(415).1, "content_encoding_unsupported");
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up_with_a_reason() {
    // R54
    let server = TestServer::with("limits.request_timeout_seconds = 1\n").await;
    let head =
        format!("POST {PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {FORM}\r\ncontent-length: 9\r\n\r\na=b");
    let config = tls_client::config(&server.server_authority, None);
    let answer = tls_client::exchange(server.running.address, config, head.as_bytes()).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains(r#""reason":"request_timeout""#), "{answer}");
}

#[tokio::test]
async fn bytes_that_are_no_form_are_refused() {
    let server = TestServer::start().await;
    for body in [&b"a=%ff"[..], b"a=\xff", b"a=%00", b"a=%zz", b"a=%0d%0a"] {
        let answer = post(&server, &[(header::CONTENT_TYPE, FORM)], body.to_vec()).await;
        assert_eq!(answer.refused(400).1, "form_malformed", "{body:?}");
    }
    for body in ["", "&&&&", "=", "a", "a&b&c"] {
        let answer = post(&server, &[(header::CONTENT_TYPE, FORM)], body).await;
        assert_eq!(answer.refused(400).1, "grant_type_missing", "{body:?}");
    }
}

#[tokio::test]
async fn only_post_gets_a_token() {
    let server = TestServer::start().await;
    for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS, Method::TRACE] {
        let request = server.client().request(method.clone(), server.url(PATH));
        let answer = send(method.clone(), PATH, request).await;
        assert_eq!(answer.refused(405).1, "method_not_allowed", "{method}");
        assert_eq!(answer.header("allow"), "POST", "{method}");
    }
}

#[tokio::test]
async fn nothing_unplanned_is_served() {
    let server = TestServer::start().await;
    let paths = [
        "/",
        "/metrics",
        "/debug",
        "/.env",
        "/careconnect",
        "/careconnect/",
        "/careconnect/oauth2/token/",
        "/careconnect/oauth2/authorize",
        "/careconnect/../etc/passwd",
        "/careconnect/%2e%2e/x",
        "/careconnect;x/oauth2/token",
        "/careconnect/errors/nothing",
        "/careconnect/errors/%ff",
        "/careconnect/errors/..%2f..%2fetc",
        "//careconnect/oauth2/token",
    ];
    for path in paths {
        let answer = send(Method::GET, path, server.client().get(server.url(path))).await;
        assert_eq!(answer.refused(404).1, "not_found", "{path}");
    }
}

#[tokio::test]
async fn answers_are_for_systems_and_not_for_browsers() {
    let server = TestServer::start().await;
    let request = server.client().get(server.url("/health/live")).header("origin", "https://evil.example");
    let answer = send(Method::GET, "/health/live", request).await;
    assert!(answer.header("strict-transport-security").starts_with("max-age="));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

//! Requests whose end is ambiguous (RFC 9112 §6.3): what the HTTP engine beneath the router makes of them.

use crate::support::{
    authority::Authority,
    listener::Listener,
    tls_client::{config, exchange},
};

/// The status of every answer that the connection gave, then its end.
async fn statuses(listener: &Listener, head: &str, body: &str) -> Vec<String> {
    let request = format!("POST /echo HTTP/1.1\r\nhost: localhost\r\n{head}\r\n\r\n{body}");
    let answer = exchange(listener.address, config(&listener.root, None), request.as_bytes()).await;
    let answer = answer.unwrap_or_default();
    answer.match_indices("HTTP/1.1 ").map(|(at, found)| answer[at + found.len()..][..3].to_owned()).collect()
}

#[tokio::test]
async fn ambiguous_framing_is_refused_and_nothing_is_smuggled() {
    // R53
    let listener = Listener::start(&Authority::new("Clients")).await;
    let smuggled = "0\r\n\r\nGET /whoami HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for (name, head, body) in [
        ("two lengths", "content-length: 5\r\ncontent-length: 6", "hello!"),
        ("a list of lengths", "content-length: 5, 6", "hello!"),
        ("a signed length", "content-length: +5", "hello"),
        ("a negative length", "content-length: -1", "hello"),
        ("a huge length", "content-length: 99999999999999999999999", "hello"),
        ("a length that is no number", "content-length: 0x5", "hello"),
        ("a folded field", "x: a\r\n b\r\ncontent-length: 0", ""),
        ("a space before the colon", "content-length : 5", "hello"),
        ("chunked twice", "transfer-encoding: chunked\r\ntransfer-encoding: identity", smuggled),
        ("chunked not last", "transfer-encoding: chunked, gzip", smuggled),
        ("an unknown coding", "transfer-encoding: xchunked", smuggled),
        ("a coding beside chunked", "transfer-encoding: gzip, chunked", smuggled),
        ("chunked over chunked", "transfer-encoding: chunked, chunked", smuggled),
        ("an empty coding", "transfer-encoding: ,chunked", smuggled),
    ] {
        assert_eq!(statuses(&listener, &format!("{head}\r\nconnection: close"), body).await, ["400"], "{name}");
    }
}

#[tokio::test]
async fn chunks_that_are_no_chunks_end_the_connection() {
    // R53
    let listener = Listener::start(&Authority::new("Clients")).await;
    for body in
        ["-5\r\nhello\r\n0\r\n\r\n", "ffffffffffffffffff\r\nhello", "5 5\r\nhello\r\n0\r\n\r\n", "zz\r\nhello\r\n"]
    {
        let answers = statuses(&listener, "transfer-encoding: chunked", body).await;
        assert!(answers.iter().all(|status| status.starts_with('4')), "{body:?}: {answers:?}");
    }
    assert_eq!(
        statuses(&listener, "transfer-encoding: chunked\r\nconnection: close", "5\r\nhello\r\n0\r\n\r\n").await,
        ["200"]
    );
}

#[tokio::test]
async fn a_length_beside_chunked_and_a_repeated_length_are_refused_and_the_rest_is_not_read() {
    // R53
    let listener = Listener::start(&Authority::new("Clients")).await;
    let smuggled = "0\r\n\r\nGET /whoami HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for head in [
        "content-length: 5\r\ntransfer-encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "transfer-encoding: chunked\r\ncontent-length: x",
        "content-length: 5\r\ncontent-length: 5",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
    ] {
        assert_eq!(statuses(&listener, head, smuggled).await, ["400"], "{head}");
    }
}

#[tokio::test]
async fn requests_one_after_another_are_told_apart_and_chunked_is_the_last() {
    let listener = Listener::start(&Authority::new("Clients")).await;
    let second = "POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\n\r\nabc";
    let third = "POST /echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let body = format!("hello{second}{third}{second}");
    assert_eq!(statuses(&listener, "content-length: 5", &body).await, ["200", "200", "200"]);
}

#[tokio::test]
async fn a_request_names_one_host() {
    // R53, RFC 9112 §3.2
    let listener = Listener::start(&Authority::new("Clients")).await;
    for (version, fields, expected) in [
        ("1.1", "", "400"),
        ("1.1", "host: localhost\r\nhost: localhost\r\n", "400"),
        ("1.1", "host:\r\n", "400"),
        ("1.1", "host: a b\r\n", "400"),
        ("1.1", "host: user@localhost\r\n", "400"),
        ("1.1", "host: localhost:8443\r\n", "200"),
        ("1.1", "host: [::1]:8443\r\n", "200"),
        ("1.0", "", "200"),
    ] {
        let request = format!("GET /whoami HTTP/{version}\r\n{fields}connection: close\r\n\r\n");
        let answer = exchange(listener.address, config(&listener.root, None), request.as_bytes()).await.unwrap();
        assert_eq!(answer[9..12], *expected, "{version} {fields:?}: {answer}");
    }
}

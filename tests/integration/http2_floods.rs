//! HTTP/2 clients that make the server work without ever waiting for an answer.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;

use crate::support::{
    authority::Authority,
    listener::Listener,
    tls_client::{config, connect, read_to_end},
};

/// What the default limits exceed.
const LONGER_LIMITS: Duration = Duration::from_secs(8);

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// `GET https://localhost/`, compressed (RFC 7541).
const REQUEST: &[u8] = b"\x82\x87\x84\x41\x09localhost";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Sends it all; the server closes the connection soon, and then serves others.
async fn assert_ends_connection(frames: impl Iterator<Item = Vec<u8>>) {
    let listener = Listener::start(&Authority::new("Clients")).await;
    let mut config = config(&listener.root, None);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let mut stream = connect(listener.address, config).await.unwrap();
    let flood: Vec<u8> = frames.flatten().collect();
    let start = Instant::now();
    // The server may be gone before all is sent.
    let _sent = stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), &flood].concat()).await;
    let _goodbye = read_to_end(&mut stream).await;
    assert!(start.elapsed() < LONGER_LIMITS, "{:?}", start.elapsed());
    assert!(listener.get("/whoami", None).await.is_ok());
}

#[tokio::test]
async fn streams_reset_as_soon_as_they_are_opened_end_the_connection() {
    // R54, CVE-2023-44487
    let streams = (0..5000).map(|number| 2 * number + 1);
    assert_ends_connection(streams.flat_map(|stream| {
        [frame(HEADERS, END_HEADERS | END_STREAM, stream, REQUEST), frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())]
    }))
    .await;
}

#[tokio::test]
async fn headers_that_never_end_end_the_connection() {
    // R54, CVE-2024-27316
    let field = [&[0_u8, 1, b'x', 100][..], &[b'a'; 100]].concat();
    let flood = (0..50_000).map(|_| frame(CONTINUATION, 0, 1, &field));
    assert_ends_connection(std::iter::once(frame(HEADERS, 0, 1, REQUEST)).chain(flood)).await;
}

#[tokio::test]
async fn streams_that_the_server_has_to_reset_end_the_connection() {
    // R54, CVE-2025-8671: a window update of zero is an error of its stream
    let streams = (0..5000).map(|number| 2 * number + 1);
    assert_ends_connection(
        streams.flat_map(|stream| {
            [frame(HEADERS, END_HEADERS, stream, REQUEST), frame(8, 0, stream, &0_u32.to_be_bytes())]
        }),
    )
    .await;
}

#[tokio::test]
async fn frames_without_a_request_do_not_keep_a_connection() {
    // R54
    let listener = Listener::with(&Authority::new("Clients"), &[], crate::support::listener::short_limits()).await;
    let mut config = config(&listener.root, None);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let mut stream = connect(listener.address, config).await.unwrap();
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await.unwrap();
    let start = Instant::now();
    while stream.write_all(&frame(PING, 0, 0, &[0; 8])).await.is_ok() && start.elapsed() < LONGER_LIMITS {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(start.elapsed() < LONGER_LIMITS, "{:?}", start.elapsed());
}

//! Slow, silent and greedy clients, and the end of a listener.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use careconnect_auth::server::{Limits, serve_plain};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::support::{
    authority::Authority,
    listener::{Listener, SLOW, short_limits},
    log::Log,
    soon::{soon, until},
    tls_client::{config, connect, exchange, read_to_end},
};

/// What the default limits exceed.
const LONGER_LIMITS: Duration = Duration::from_secs(8);

const GET: &[u8] = b"GET /whoami HTTP/1.1\r\nhost: localhost\r\n\r\n";

async fn listener(limits: Limits) -> Listener {
    Listener::with(&Authority::new("Clients"), &[], limits).await
}

#[tokio::test]
async fn a_client_that_never_greets_is_closed() {
    // R54
    let (log, listener) = (Log::capture(), listener(short_limits()).await);
    let mut tcp = TcpStream::connect(listener.address).await.unwrap();
    let closed = soon("closed", tcp.read(&mut [0; 1])).await;
    assert!(matches!(closed, Ok(0) | Err(_)));
    assert_eq!(log.refusals(), ["timeout"]);
    assert!(listener.get("/whoami", None).await.is_ok());
}

#[tokio::test]
async fn a_client_that_says_nothing_or_half_a_head_after_the_handshake_is_closed() {
    // R54
    let listener = listener(short_limits()).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for (protocol, said) in [
        ("http/1.1", &b""[..]),
        ("http/1.1", b"GET /whoami HTTP/1.1\r\nhost: loc"),
        ("h2", b""),
        ("h2", b"PRI * HT"),
        ("h2", preface),
    ] {
        let mut config = config(&listener.root, None);
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let mut stream = connect(listener.address, config).await.unwrap();
        stream.write_all(said).await.unwrap();
        let start = Instant::now();
        let _answer = read_to_end(&mut stream).await;
        assert!(start.elapsed() < LONGER_LIMITS, "{protocol} {said:?}: {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_kept_connection_outlives_the_limit_for_the_first_head_and_ends_when_idle() {
    let limits = Limits { idle_timeout: Duration::from_secs(3), ..short_limits() };
    let listener = listener(limits).await;
    let mut stream = connect(listener.address, config(&listener.root, None)).await.unwrap();
    for _ in 0..2 {
        stream.write_all(GET).await.unwrap();
        let read = soon("an answer", stream.read(&mut [0; 4096])).await.unwrap();
        assert!(read > 0);
        sleep(Duration::from_millis(1200)).await;
    }
    let start = Instant::now();
    let _end = read_to_end(&mut stream).await;
    assert!(start.elapsed() < LONGER_LIMITS);
}

#[tokio::test]
async fn too_large_and_too_many_header_fields_are_refused() {
    // R54
    let listener = listener(Limits::default()).await;
    let large = format!("GET /whoami HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "a".repeat(33 * 1024));
    let many = format!("GET /whoami HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "a: b\r\n".repeat(5000));
    let over = format!("GET /whoami HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "a: b\r\n".repeat(64));
    for request in [large, many, over] {
        let answer = exchange(listener.address, config(&listener.root, None), request.as_bytes()).await;
        let refused = answer.as_ref().map_or(true, |answer| answer.starts_with("HTTP/1.1 431"));
        assert!(refused, "{answer:?}");
    }
    assert!(listener.get("/whoami", None).await.is_ok());
}

#[tokio::test]
async fn an_http_2_client_is_served_and_its_large_header_list_refused() {
    // R54
    let listener = listener(Limits::default()).await;
    let mut config = config(&listener.root, None);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let client = reqwest::Client::builder().tls_backend_preconfigured(config).build().unwrap();
    let url = format!("https://localhost:{}/whoami", listener.address.port());
    let answer = client.get(&url).send().await.unwrap();
    assert_eq!((answer.version(), answer.status().as_u16()), (reqwest::Version::HTTP_2, 200));
    let many = (0..5000).fold(client.get(&url), |request, number| request.header(format!("x-{number}"), "a"));
    assert!(many.send().await.map_or(true, |answer| answer.status() == 431));
}

#[tokio::test]
async fn beyond_the_limit_connections_wait_and_the_listener_still_hears_stop() {
    // R54
    let listener = listener(Limits { max_connections: 2, ..Limits::default() }).await;
    let first = connect(listener.address, config(&listener.root, None)).await.unwrap();
    let _second = connect(listener.address, config(&listener.root, None)).await.unwrap();
    let third = connect(listener.address, config(&listener.root, None));
    tokio::pin!(third);
    assert!(timeout(Duration::from_millis(300), &mut third).await.is_err());
    drop(first);
    let third = soon("a place", third).await.unwrap();
    listener.stop.cancel();
    soon("the end", listener.task).await.unwrap();
    drop(third);
}

#[tokio::test]
async fn one_address_gets_its_share_of_the_connections_and_no_more() {
    // R54
    let (log, listener) =
        (Log::capture(), listener(Limits { max_connections_per_address: 2, ..Limits::default() }).await);
    let open = async || connect(listener.address, config(&listener.root, None)).await;
    let (first, _second) = (open().await.unwrap(), open().await.unwrap());
    assert!(open().await.is_err());
    assert!(log.text().contains("connection_refused"), "{}", log.text());
    drop(first);
    until("a share given back", async || open().await.is_ok()).await;
}

#[tokio::test]
async fn clients_that_never_finish_their_handshake_hold_up_nobody() {
    // R54
    const MORE_THAN_ARE_COMPUTED_AT_A_TIME: usize = 300;
    let listener = listener(Limits { handshake_timeout: Duration::from_secs(60), ..Limits::default() }).await;
    let mut stalled = Vec::new();
    for _ in 0..MORE_THAN_ARE_COMPUTED_AT_A_TIME {
        let mut hello = Vec::new();
        let name = "localhost".try_into().unwrap();
        let mut client = rustls::ClientConnection::new(Arc::new(config(&listener.root, None)), name).unwrap();
        client.write_tls(&mut hello).unwrap();
        let mut tcp = TcpStream::connect(listener.address).await.unwrap();
        tcp.write_all(&hello).await.unwrap();
        stalled.push(tcp);
    }
    assert!(soon("an answer", listener.get("/whoami", None)).await.is_ok());
}

#[tokio::test]
async fn a_request_in_flight_finishes_before_the_listener_ends() {
    let listener = listener(Limits::default()).await;
    let (answer, ()) = tokio::join!(listener.get("/slow", None), async {
        soon("the request is in flight", listener.slow_began.notified()).await;
        listener.stop.cancel();
    });
    assert!(answer.unwrap().starts_with("HTTP/1.1 200"));
    soon("the end", listener.task).await.unwrap();
    assert!(TcpStream::connect(listener.address).await.is_err());
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut() {
    let minute = Duration::from_secs(60);
    let drain = Duration::from_millis(300);
    let listener = listener(Limits { drain_timeout: drain, closing_grace: minute, ..Limits::default() }).await;
    let mut stream = connect(listener.address, config(&listener.root, None)).await.unwrap();
    stream.write_all(b"POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nhalf").await.unwrap();
    sleep(Duration::from_millis(100)).await;
    listener.stop.cancel();
    soon("the end", listener.task).await.unwrap();
    let _end = read_to_end(&mut stream).await;
}

#[tokio::test]
async fn an_old_connection_ends_after_the_request_in_flight() {
    let listener = listener(Limits { max_connection_age: SLOW / 2, ..Limits::default() }).await;
    let request = b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let answer = exchange(listener.address, config(&listener.root, None), request).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn handshakes_are_counted_by_reason() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let listener = listener(short_limits()).await;
    assert!(listener.get("/whoami", None).await.is_ok());
    assert!(listener.get("/whoami", Some(&Authority::new("Other").client("a.nhs.uk"))).await.is_err());
    for line in [
        "careconnect_handshakes_total{outcome=\"accepted\",reason=\"none\"} 1",
        "careconnect_handshakes_total{outcome=\"refused\",reason=\"unknown_issuer\"} 1",
        "careconnect_connections_open 0",
    ] {
        until(line, async || handle.render().contains(line)).await;
    }
}

#[tokio::test]
async fn a_plain_listener_has_the_same_limits() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (socket.local_addr().unwrap(), CancellationToken::new());
    let router = axum::Router::new().route("/metrics", axum::routing::get(|| async { "fine" }));
    let task = tokio::spawn(serve_plain(socket, router, short_limits(), stop.clone()));
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut asking = TcpStream::connect(address).await.unwrap();
    asking.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    asking.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("fine"), "{answer}");
    soon("closed", silent.read(&mut [0; 1])).await.unwrap();
    stop.cancel();
    soon("the end", task).await.unwrap();
}

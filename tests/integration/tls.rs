//! Protocol versions, cipher suites, and what is no TLS at all.

use std::sync::Arc;

use careconnect_auth::server::{ClientAuthentication, Limits};
use rcgen::CustomExtension;
use rustls::{
    HandshakeKind,
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    authority::Authority,
    listener::{Listener, files},
    log::Log,
    tls_client::{config, config_of, connect, exchange, read_to_end},
};

const REQUEST: &[u8] = b"GET /whoami HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
const ECDHE_ECDSA_AES_128_GCM: u16 = 0xc02b;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const HANDSHAKE_FAILURE: u8 = 40;
const PROTOCOL_VERSION: u8 = 70;

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_with_and_without_a_certificate() {
    let root = Authority::new("Clients");
    let (listener, identity) = (Listener::start(&root).await, root.client("a.nhs.uk"));
    for version in [&TLS12, &TLS13] {
        for (identity, expected) in [(None, "nobody"), (Some(&identity), "san_dns a.nhs.uk")] {
            let config = config_of(&listener.root, identity, &[version]);
            let answer = exchange(listener.address, config, REQUEST).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(expected), "{answer}");
        }
    }
}

#[tokio::test]
async fn older_versions_are_refused() {
    // R52
    let (log, listener) = (Log::capture(), Listener::start(&Authority::new("Clients")).await);
    for version in [0x0300, 0x0301, 0x0302] {
        let answer = say_hello(&listener, version, &[0xc009, 0xc013, 0xc014, 0x002f, ECDHE_ECDSA_AES_128_GCM]).await;
        assert_eq!(answer, (ALERT, PROTOCOL_VERSION), "{version:#06x}");
    }
    assert_eq!(log.refusals(), ["no_common_parameters"; 3]);
}

#[tokio::test]
async fn suites_without_aead_or_forward_secrecy_are_refused() {
    // R52
    let listener = Listener::start(&Authority::new("Clients")).await;
    for (name, suite) in [
        ("ECDHE_ECDSA_AES_128_CBC_SHA", 0xc009),
        ("ECDHE_ECDSA_AES_128_CBC_SHA256", 0xc023),
        ("ECDHE_RSA_AES_128_CBC_SHA", 0xc013),
        ("ECDHE_ECDSA_AES_128_CCM", 0xc0ac),
        ("ECDHE_ECDSA_RC4", 0xc007),
        ("ECDHE_ECDSA_NULL", 0xc006),
        ("RSA_AES_128_GCM", 0x009c),
        ("RSA_AES_128_CBC_SHA", 0x002f),
        ("RSA_NULL_SHA", 0x0002),
        ("DH_anon_AES_128_CBC_SHA", 0x0034),
        ("ECDH_anon_AES_128_CBC_SHA", 0xc018),
    ] {
        assert_eq!(say_hello(&listener, 0x0303, &[suite]).await, (ALERT, HANDSHAKE_FAILURE), "{name}");
    }
    // The same greeting with a suite that is good gets as far as the server's part of the handshake.
    assert_eq!(say_hello(&listener, 0x0303, &[ECDHE_ECDSA_AES_128_GCM]).await.0, HANDSHAKE);
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_refused() {
    let (log, listener) = (Log::capture(), Listener::start(&Authority::new("Clients")).await);
    let mut tcp = TcpStream::connect(listener.address).await.unwrap();
    tcp.write_all(REQUEST).await.unwrap();
    let mut answer = Vec::new();
    let _reset = tcp.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert_eq!(log.refusals(), ["not_tls"]);
}

#[tokio::test]
async fn http_2_is_chosen_by_alpn() {
    let listener = Listener::start(&Authority::new("Clients")).await;
    for (offered, chosen) in [(vec!["h2", "http/1.1"], "h2"), (vec!["http/1.1"], "http/1.1")] {
        let mut config = config(&listener.root, None);
        config.alpn_protocols = offered.into_iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = connect(listener.address, config).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(chosen.as_bytes()));
    }
}

#[tokio::test]
async fn a_session_is_resumed_with_the_whole_chain_until_the_next_reload() {
    // R25
    let root = Authority::new("Clients");
    let issuing = root.intermediate("Policy").intermediate("Issuing");
    let identity = issuing.client("a.nhs.uk");
    for authentication in
        [ClientAuthentication::Required, ClientAuthentication::Optional { self_signed: Arc::new(|_| false) }]
    {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("clients.pem"), root.pem()).unwrap();
        let files = files(directory.path());
        let listener = Listener::of(files, authentication, Limits::default(), directory).await;
        for version in [&TLS12, &TLS13] {
            let config = config_of(&listener.root, Some(&identity), &[version]);
            let connect = async || {
                let mut stream = connect(listener.address, config.clone()).await.unwrap();
                let request = b"GET /verdict HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
                stream.write_all(request).await.unwrap();
                let answer = read_to_end(&mut stream).await.unwrap();
                assert!(answer.ends_with("trusted"), "{answer}");
                stream.get_ref().1.handshake_kind().unwrap()
            };
            assert_eq!(connect().await, HandshakeKind::Full);
            assert_eq!(connect().await, HandshakeKind::Resumed, "{version:?}");
            listener.tls.reload().unwrap();
            assert_eq!(connect().await, HandshakeKind::Full, "{version:?}: the keys of the tickets are gone");
        }
    }
}

#[tokio::test]
async fn a_chain_too_long_for_a_ticket_is_served_without_resumption() {
    let root = Authority::new("Clients");
    let listener = Listener::start(&root).await;
    let long = root.intermediate_with("Long", |params| {
        let filler = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![0x5a; 20_000]);
        params.custom_extensions.push(filler);
    });
    for version in [&TLS12, &TLS13] {
        let config = config_of(&listener.root, Some(&long.client("a.nhs.uk")), &[version]);
        for _ in 0..2 {
            let mut stream = connect(listener.address, config.clone()).await.unwrap();
            stream.write_all(REQUEST).await.unwrap();
            assert!(read_to_end(&mut stream).await.unwrap().contains("a.nhs.uk"));
            assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
        }
    }
}

/// Sends a ClientHello made by hand; gives the type of the record that answers, and an alert's description.
async fn say_hello(listener: &Listener, version: u16, suites: &[u16]) -> (u8, u8) {
    let mut tcp = TcpStream::connect(listener.address).await.unwrap();
    tcp.write_all(&client_hello(version, suites)).await.unwrap();
    let mut answer = [0; 7];
    tcp.read_exact(&mut answer).await.unwrap();
    (answer[0], answer[6])
}

fn client_hello(version: u16, suites: &[u16]) -> Vec<u8> {
    let suites: Vec<u8> = suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    let extensions = [
        &[0, 10, 0, 6, 0, 4, 0, 23, 0, 29][..],        // groups: P-256, X25519
        &[0, 11, 0, 2, 1, 0],                          // points uncompressed
        &[0, 13, 0, 10, 0, 8, 4, 3, 8, 4, 4, 1, 2, 1], // signatures: ECDSA, PSS, PKCS#1, SHA-1
        &[0, 23, 0, 0],                                // extended master secret
    ]
    .concat();
    let body = [&version.to_be_bytes()[..], &[7; 32], &[0], &with_length(&suites), &[1, 0], &with_length(&extensions)]
        .concat();
    let message = [&[1, 0][..], &with_length(&body)].concat();
    [&[HANDSHAKE, 3, 1][..], &with_length(&message)].concat()
}

fn with_length(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    [&length.to_be_bytes()[..], bytes].concat()
}

//! Servers that are no directory, or a bad one: each is an error, and soon.

use careconnect_auth::directory::{Directory, DirectoryError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{CONSUMER, asid};
use crate::support::{slapd::settings, soon::soon};

const BOUND: &[u8] = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00";

/// What is said of a server that gives these answers, one for each request, and then goes on listening.
async fn asked(answers: impl IntoIterator<Item = Vec<u8>>) -> DirectoryError {
    let answers: Vec<_> = answers.into_iter().collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        for answer in answers {
            let _length = stream.read(&mut request).await.unwrap();
            let _refused = stream.write_all(&answer).await;
        }
        while stream.read(&mut request).await.is_ok_and(|length| length > 0) {}
    });
    let directory = Directory::open(&settings(&format!("ldap://127.0.0.1:{port}"))).unwrap();
    soon("an error", directory.find_system(&asid(CONSUMER))).await.unwrap_err()
}

/// The search, answered with this result code.
fn result(code: u8, text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    let head = [0x30, 12 + length, 2, 1, 2, 0x65, 7 + length, 10, 1, code, 4, 0, 4, length];
    [&head[..], text.as_bytes()].concat()
}

/// Values in values, as many as fit in a message.
fn nested() -> Vec<u8> {
    let lengths = (0..170_000_u32).rev().map(|within| (within * 6).to_be_bytes());
    lengths.flat_map(|[a, b, c, d]| [0x30, 0x84, a, b, c, d]).collect()
}

#[tokio::test]
async fn what_is_no_ldap_is_odd() {
    let no_ldap = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
    for answer in [no_ldap, vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff], vec![0; 9], nested()] {
        for before in [None, Some(BOUND.to_vec())] {
            let error = asked(before.into_iter().chain([answer.clone()])).await;
            assert!(matches!(error, DirectoryError::Odd(_)), "{error:?}");
        }
    }
}

#[tokio::test]
async fn each_refusal_of_a_directory_has_its_kind() {
    for (code, kind) in [
        (3, "Unreachable"),
        (8, "Refused"),
        (10, "Odd"),
        (32, "Odd"),
        (50, "Refused"),
        (52, "Unreachable"),
        (53, "Refused"),
        (80, "Odd"),
    ] {
        let error = asked([BOUND.to_vec(), result(code, "")]).await;
        assert!(format!("{error:?}").starts_with(kind), "{code}: {error:?}");
    }
    let bind_refused = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x30\x04\x00\x04\x00".to_vec();
    assert!(matches!(asked([bind_refused]).await, DirectoryError::Refused(_)));
    let farewell = b"\x30\x0c\x02\x01\x00\x78\x07\x0a\x01\x34\x04\x00\x04\x00".to_vec();
    assert!(matches!(asked([BOUND.to_vec(), farewell]).await, DirectoryError::Unreachable(_)));
}

// R55
#[tokio::test]
async fn what_a_directory_says_forges_no_line() {
    let error = asked([BOUND.to_vec(), result(80, "a\r\nERROR b\u{202e}")]).await.to_string();
    assert!(!error.contains(['\r', '\n', '\u{202e}']), "{error:?}");
    assert!(error.contains("ERROR b"), "{error:?}");
}

#[tokio::test]
async fn a_directory_that_sends_more_than_was_asked_for_is_odd() {
    let entry = b"\x30\x0a\x02\x01\x02\x64\x05\x04\x01a\x30\x00"; // named `a`, without attributes
    let error = asked([BOUND.to_vec(), entry.repeat(1_001)]).await;
    assert!(error.to_string().contains("more than the 1000 entries"), "{error}");
}

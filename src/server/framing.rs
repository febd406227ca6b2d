//! Where one HTTP/1 request ends and the next begins must have one answer (RFC 9112 §6.3, R53), and so must
//! whom it is for (§3.2).
//!
//! hyper believes `Transfer-Encoding` over `Content-Length` and one `Content-Length` over its repetition, and hides what it
//! did not believe from everything above. So the raw heads are looked at here, below hyper.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use axum::http::{Request, Version, header, uri::Authority};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::linger::Linger;

/// Could a proxy before us read this head in another way than hyper did? Its length is [`RawHeads`]' matter.
pub(super) fn is_ambiguous<B>(request: &Request<B>) -> bool {
    let mut codings = request.headers().get_all(header::TRANSFER_ENCODING).iter();
    !codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked")) || !names_one_host(request)
}

/// At most one, and HTTP/1.1 must have it (RFC 9112 §3.2). Which one does not matter here.
fn names_one_host<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, None) => request.version() != Version::HTTP_11,
        (Some(host), None) => Authority::try_from(host.as_bytes()).is_ok_and(|host| !host.as_str().contains('@')),
        _ => false,
    }
}

/// Fields that say how long a body is; a request has at most one of them.
const FRAMING_FIELDS: [&[u8]; 2] = [b"content-length", b"transfer-encoding"];

/// The heads of a connection's requests, as they came.
#[derive(Clone, Default)]
pub(super) struct RawHeads(Arc<Mutex<Unjudged>>);

/// What was read and belongs to no request that has been judged.
#[derive(Default)]
struct Unjudged {
    octets: Vec<u8>,
    /// How many octets to come are the rest of a body.
    body_left: u64,
    /// The connection closes after this request: what follows is never answered.
    is_finished: bool,
}

impl RawHeads {
    /// Judges the next request, of which hyper has found a body of this length; none for chunked, which must be the last.
    pub(super) fn next_is_ambiguous(&self, body_length: Option<u64>) -> bool {
        let mut unjudged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (framing_fields, length) = head(&unjudged.octets);
        let rest = unjudged.octets.split_off(length);
        unjudged.octets.clear();
        unjudged.is_finished = body_length.is_none();
        unjudged.body_left = body_length.unwrap_or(0);
        unjudged.add(&rest);
        framing_fields > 1
    }

    /// May the client be sending something that nobody will read?
    fn are_unfinished(&self) -> bool {
        let unjudged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        unjudged.body_left > 0 || unjudged.is_finished || !unjudged.octets.is_empty()
    }
}

impl Unjudged {
    fn add(&mut self, octets: &[u8]) {
        let of_body = usize::try_from(self.body_left).unwrap_or(usize::MAX).min(octets.len());
        self.body_left -= u64::try_from(of_body).unwrap_or(self.body_left);
        if !self.is_finished {
            self.octets.extend_from_slice(&octets[of_body..]);
        }
    }
}

/// How many framing fields the head at the start of `octets` has, and how long it is. Empty lines before it belong to it.
fn head(octets: &[u8]) -> (usize, usize) {
    let (mut framing_fields, mut length, mut has_begun) = (0, 0, false);
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        length += line.len();
        let line = line.trim_ascii_end();
        if line.is_empty() && has_begun {
            break;
        }
        has_begun |= !line.is_empty();
        let name = line.split(|octet| *octet == b':').next().unwrap_or_default();
        framing_fields += usize::from(FRAMING_FIELDS.iter().any(|field| name.eq_ignore_ascii_case(field)));
    }
    (framing_fields, length)
}

/// A transport that notes what is read from it, and ends gently when not all was.
pub(super) struct Noting<T> {
    transport: T,
    heads: RawHeads,
    linger: Option<Linger>,
}

impl<T> Noting<T> {
    pub(super) fn new(transport: T) -> (Self, RawHeads) {
        let heads = RawHeads::default();
        (Self { transport, heads: heads.clone(), linger: None }, heads)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Noting<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.transport).poll_read(cx, buffer))?;
        self.heads.0.lock().unwrap_or_else(PoisonError::into_inner).add(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Noting<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write(cx, octets)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write_vectored(cx, octets)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { transport, heads, linger } = &mut *self;
        if linger.is_none() {
            ready!(Pin::new(&mut *transport).poll_shutdown(cx))?;
            if !heads.are_unfinished() {
                return Poll::Ready(Ok(()));
            }
        }
        linger.get_or_insert_with(Linger::begin).poll(transport, cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};

    use super::*;

    fn heads(octets: &[u8]) -> RawHeads {
        let heads = RawHeads::default();
        octets.chunks(7).for_each(|chunk| heads.0.lock().unwrap().add(chunk));
        heads
    }

    #[test]
    fn more_than_one_framing_field_is_ambiguous() {
        // R53
        for (head, expected) in [
            ("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", false),
            ("\r\n\nPOST / HTTP/1.1\nTRANSFER-encoding: chunked\n\n", false),
            ("POST / HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\n", true),
            ("POST / HTTP/1.1\r\nContent-Length: 5\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n", true),
        ] {
            assert_eq!(heads(head.as_bytes()).next_is_ambiguous(Some(5)), expected, "{head:?}");
        }
    }

    #[tokio::test]
    async fn what_comes_after_the_answer_is_read_until_the_client_has_said_it_all() {
        let (client, server) = duplex(16);
        let (mut server, heads) = Noting::new(server);
        let (mut from_server, mut to_server) = split(client);
        to_server.write_all(b"GET / HTTP/1.1").await.unwrap();
        server.read_exact(&mut [0; 14]).await.unwrap();
        assert!(!heads.next_is_ambiguous(Some(64)));
        let ends = async {
            assert_eq!(from_server.read(&mut [0]).await.unwrap(), 0); // our side has ended
            to_server.write_all(&[b'x'; 64]).await.unwrap(); // more than there is room for unless somebody reads
            to_server.shutdown().await.unwrap();
        };
        let (closed, ()) = tokio::join!(server.shutdown(), ends);
        closed.unwrap();
    }

    #[test]
    fn a_body_is_no_head_and_the_next_request_is_judged_by_its_own() {
        let heads =
            heads(b"POST / HTTP/1.1\r\ncontent-length: 40\r\n\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n");
        assert!(!heads.next_is_ambiguous(Some(40)));
        heads.0.lock().unwrap().add(b"GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\ncontent-length: 1\r\n");
        heads.0.lock().unwrap().add(b"transfer-encoding: chunked\r\n\r\n");
        assert!(!heads.next_is_ambiguous(Some(0)));
        assert!(heads.next_is_ambiguous(None));
    }
}

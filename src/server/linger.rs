//! The end of a connection on which the client may still be sending.
//!
//! To close on octets that nobody has read resets the connection, and the answer that says why is lost on the way. So our
//! side ends first, and the rest is read for a while, and forgotten.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, copy, sink},
    time::{Sleep, sleep, timeout},
};

/// How long, and for how many octets, a client may go on sending before its connection is cut.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_OCTETS: usize = 64 * 1024;

/// Ends our side of `transport`, and waits for the other.
pub(super) async fn close_gently(mut transport: impl AsyncRead + AsyncWrite + Unpin) {
    if transport.shutdown().await.is_ok() {
        let mut rest = transport.take(u64::try_from(LINGER_OCTETS).unwrap_or(u64::MAX));
        let _what_it_sent = timeout(LINGER, copy(&mut rest, &mut sink())).await;
    }
}

/// The wait for the other side, for who must poll it.
pub(super) struct Linger {
    end: Pin<Box<Sleep>>,
    octets: usize,
}

impl Linger {
    /// Begins now, when our side has ended.
    pub(super) fn begin() -> Self {
        Self { end: Box::pin(sleep(LINGER)), octets: 0 }
    }

    /// Is ready when the client has ended, too, or has had its time.
    pub(super) fn poll(&mut self, transport: &mut (impl AsyncRead + Unpin), cx: &mut Context<'_>) -> Poll<()> {
        while self.octets < LINGER_OCTETS && self.end.as_mut().poll(cx).is_pending() {
            let mut octets = [0; 1024];
            let mut buffer = ReadBuf::new(&mut octets);
            match Pin::new(&mut *transport).poll_read(cx, &mut buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => self.octets += buffer.filled().len(),
                Poll::Ready(_) => break,
            }
        }
        Poll::Ready(())
    }
}

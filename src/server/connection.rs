//! One HTTP connection, from its first octet to its end.

use std::{convert::Infallible, future::pending, pin::pin};

use axum::{
    Router,
    body::HttpBody,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::GracefulConnection,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{
    framing::{Noting, is_ambiguous},
    idleness::{Activity, IdleEnd, RequestInFlight},
    limits::Limits,
};
use crate::authentication::peer::PeerConnection;

/// Room for what one HTTP/2 stream, or a whole connection, may send before it is read.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// What a connection serves, to whom, and how long.
pub(super) struct Connection<'a> {
    pub(super) peer: PeerConnection,
    pub(super) router: Router,
    pub(super) limits: &'a Limits,
    pub(super) stop: &'a CancellationToken,
}

// The handshake has decided on the protocol: a server that waits for a preface to find out would wait for ever.
// Each protocol needs a timer of its own, without which its time limits do nothing, or panic.
impl Connection<'_> {
    /// Serves HTTP/1 until the client leaves, `stop` is called or a limit is reached.
    pub(super) async fn serve_http1(self, transport: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let activity = Activity::begin();
        let changes = activity.subscribe();
        let (transport, raw_heads) = Noting::new(transport);
        let (peer, router) = (self.peer.clone(), self.router.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let body_length = request.body().size_hint().exact();
            let is_ambiguous = raw_heads.next_is_ambiguous(body_length) || is_ambiguous(&request);
            let answer = (!is_ambiguous).then(|| answer(request, &peer, &router, &activity));
            async move {
                let Some(answer) = answer else { return Ok(closing(refuse_ambiguous())) };
                let answer = answer.await?;
                Ok::<_, Infallible>(if body_length.is_none() { closing(answer) } else { answer })
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.idle_timeout) // hyper counts from the previous answer; the first head has its own limit
            .max_headers(self.limits.max_headers)
            .max_header_size(usize::try_from(self.limits.max_header_bytes).unwrap_or(usize::MAX))
            .max_buf_size(usize::try_from(self.limits.max_header_bytes).unwrap_or(usize::MAX))
            .serve_connection(TokioIo::new(transport), service);
        self.supervise(connection, changes).await;
    }

    /// As [`Self::serve_http1`], over HTTP/2.
    pub(super) async fn serve_http2(self, transport: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let activity = Activity::begin();
        let changes = activity.subscribe();
        let (peer, router) = (self.peer.clone(), self.router.clone());
        let service = service_fn(move |request: Request<Incoming>| answer(request, &peer, &router, &activity));
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(self.limits.ping_interval)
            .keep_alive_timeout(self.limits.ping_interval)
            .max_concurrent_streams(self.limits.max_streams)
            .max_header_list_size(self.limits.max_header_bytes)
            .max_pending_accept_reset_streams(self.limits.max_reset_streams)
            .max_local_error_reset_streams(self.limits.max_reset_streams)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .serve_connection(TokioIo::new(transport), service);
        self.supervise(connection, changes).await;
    }

    /// Lets `connection` run, asks it to end when it is time, and cuts it when it does not.
    async fn supervise<C>(&self, connection: C, mut changes: watch::Receiver<Activity>)
    where
        C: GracefulConnection<Error = hyper::Error>,
    {
        let mut connection = pin!(connection);
        let retire_at = Instant::now() + self.limits.max_connection_age;
        let mut cut_at = None;
        loop {
            let idle = changes.borrow_and_update().deadline(self.limits).filter(|_| cut_at.is_none());
            let ask_to_end = tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(event = "connection_failed", address = %self.peer.address, %error, "connection failed");
                    }
                    return;
                }
                () = sleep_until(cut_at.unwrap_or(retire_at)) => {
                    if cut_at.is_some() {
                        return;
                    }
                    true
                }
                () = self.stop.cancelled(), if cut_at.is_none() => true,
                end = idle_end(idle) => match end {
                    IdleEnd::Cut => return,
                    IdleEnd::Ask => true,
                },
                _ = changes.changed() => false,
            };
            if ask_to_end {
                connection.as_mut().graceful_shutdown();
                cut_at = Some(Instant::now() + self.limits.closing_grace);
            }
        }
    }
}

fn answer(
    mut request: Request<Incoming>,
    peer: &PeerConnection,
    router: &Router,
    activity: &watch::Sender<Activity>,
) -> impl Future<Output = Result<Response, Infallible>> + use<> {
    request.extensions_mut().insert(peer.clone());
    let in_flight = RequestInFlight::begin(activity.clone());
    let answer = router.clone().oneshot(request);
    async move {
        let answer = answer.await;
        drop(in_flight);
        answer
    }
}

fn refuse_ambiguous() -> Response {
    let expected = "expected at most one Content-Length or Transfer-Encoding field, no coding but chunked, and one Host \
                    field with a host; received something else\n";
    (StatusCode::BAD_REQUEST, [(header::CACHE_CONTROL, "no-store")], expected).into_response()
}

/// After a request whose end is a matter of opinion nothing on the connection can be believed (RFC 9112 §6.3).
fn closing(mut answer: Response) -> Response {
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}

async fn idle_end(deadline: Option<(Instant, IdleEnd)>) -> IdleEnd {
    match deadline {
        Some((at, end)) => {
            sleep_until(at).await;
            end
        }
        None => pending().await,
    }
}

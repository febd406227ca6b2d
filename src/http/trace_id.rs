//! The number under which a request is in the log and in its answer.

use axum::{extract::Request, http::HeaderValue, middleware::Next, response::Response};
use uuid::Uuid;

use crate::random;

/// A request's number.
#[derive(Debug, Clone, Copy)]
pub(super) struct TraceId(pub(super) Uuid);

/// Numbers each request. A caller's own number is not taken over: it could forge another's.
pub(super) async fn number(mut request: Request, next: Next) -> Response {
    let id = random::uuid();
    request.extensions_mut().insert(TraceId(id));
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert("x-trace-id", value);
    }
    response
}

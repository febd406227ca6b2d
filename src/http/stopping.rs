//! A server that is about to stop asks its clients to come back on another connection, which leads to another server.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderValue, Version, header},
    middleware::Next,
    response::Response,
};

use crate::app::App;

/// HTTP/1 alone: a connection of HTTP/2 hears `GOAWAY` at the end, and loses nothing by it.
pub(super) async fn ask_to_leave(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let version = request.version();
    let mut response = next.run(request).await;
    if app.is_stopping() && version < Version::HTTP_2 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

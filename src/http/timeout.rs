//! A request has so much time, its body included.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::errors::RefusedResponse;
use crate::domain::{Reason, Refusal};

/// Gives up on a request that takes longer than `limit`.
pub(super) async fn give_up(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        let sentence = format!("the request took longer than {} seconds", limit.as_secs());
        RefusedResponse::new(Refusal::new(Reason::RequestTimeout, sentence)).into_response()
    })
}

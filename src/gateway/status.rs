//! The gateway's health and metrics, for the operator's machines.

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use careconnect_verifier::{KeyOrigin, RemoteKeys};
use serde_json::json;

use crate::telemetry::metrics::Metrics;

pub(super) fn router(keys: RemoteKeys, metrics: Metrics) -> Router {
    Router::new()
        .route("/health/live", get(async || Json(json!({ "status": "live" }))))
        .route("/health/ready", get(ready))
        .with_state(keys)
        .route("/metrics", get(async move || metrics.render()))
}

/// It can judge tokens for as long as it has keys that count.
async fn ready(State(keys): State<RemoteKeys>) -> impl IntoResponse {
    let state = keys.state();
    let (status, word) = match (state.remaining.is_zero(), &state.failure) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        (false, Some(_)) => (StatusCode::OK, "degraded"),
        (false, None) => (StatusCode::OK, "ready"),
    };
    let keys = json!({
        "age_seconds": state.age.map(|age| age.as_secs()),
        "seconds_left_without_the_issuer": state.remaining.as_secs(),
        "from_snapshot": state.origin == Some(KeyOrigin::Snapshot),
        "failure": state.failure,
    });
    (status, Json(json!({ "status": word, "keys": keys })))
}

//! For orchestrators: is the process alive, and shall it be sent requests?

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;

use super::ServerState;
use crate::operations::check_health::{Health, Readiness, check_health};

#[derive(Serialize)]
pub(super) struct Live {
    status: &'static str,
}

pub(super) async fn live() -> Json<Live> {
    Json(Live { status: "live" })
}

/// A degraded server still issues tokens, so it answers 200 and says so; 503 only when it issues none, or soon will.
pub(super) async fn ready(State(state): State<ServerState>) -> (StatusCode, Json<Health>) {
    let health = check_health(&state.app);
    let status = match health.status {
        Readiness::Ready | Readiness::Degraded => StatusCode::OK,
        Readiness::Unavailable | Readiness::Stopping => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(health))
}

//! Changes that were refused: the one place that hears of each.

use axum::http::{Method, StatusCode};
use uuid::Uuid;

use crate::{app::App, domain::Actor};

/// What somebody tried, and why it was not done.
#[derive(Debug)]
pub(super) struct RefusedChange<'a> {
    /// None when nobody has proven to be an administrator: that must not fill a record.
    pub(super) actor: Option<&'a Actor>,
    pub(super) method: &'a Method,
    /// Without the query, and in one line.
    pub(super) path: &'a str,
    /// 400 or above.
    pub(super) status: StatusCode,
    /// As the answer says it, in one line.
    pub(super) detail: &'a str,
    pub(super) trace_id: Uuid,
}

/// Writes it down.
pub(super) async fn record_refused(_app: &App, refused: &RefusedChange<'_>) {
    let RefusedChange { actor, method, path, status, detail, trace_id } = refused;
    let (actor, status) = (actor.map(|actor| actor.name.as_str()), status.as_u16());
    tracing::info!(event = "admin_change_refused", %trace_id, actor, %method, path, status, detail, "change refused");
}

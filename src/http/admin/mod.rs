//! The admin API: every route and every layer on one screen.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
};
use tower_http::catch_panic::CatchPanicLayer;

use super::{stopping, trace_id, with_security_headers};
use crate::app::App;

pub mod answer;
mod assurances;
mod audit;
mod blocked_certificates;
mod catalogue;
mod certificate_policies;
mod consumers;
mod describe;
mod directory;
pub mod edit;
mod groups;
pub mod idempotency;
pub mod identity;
pub mod json;
mod keys;
mod organisation_types;
pub mod page;
mod patch;
pub mod path;
pub mod problem;
mod proposals;
mod providers;
pub mod query;
mod refusal;
mod refused_change;
mod revoked_tokens;
pub mod routes;
pub mod submission;
mod token_requests;
mod whoami;

pub use identity::Gate;
use routes::{Route, Routes};

/// All paths lie below it.
pub const BASE: &str = "/admin/v1";

/// A request body, in bytes (R54): more goes by the estate file.
pub const MOST_BODY_BYTES: usize = 1024 * 1024;

/// Who may what is said here, and only here: whoever has a role reads, and each change names the role that it needs.
fn all_routes() -> Routes {
    let routes = Routes::default().read("/whoami", &[], whoami::whoami);
    let resources = [
        consumers::routes,
        assurances::routes,
        proposals::routes,
        providers::routes,
        groups::routes,
        organisation_types::routes,
        certificate_policies::routes,
        blocked_certificates::routes,
        revoked_tokens::routes,
        keys::routes,
        directory::routes,
        audit::routes,
        token_requests::routes,
    ];
    resources.into_iter().fold(routes, |routes, add| add(routes))
}

/// The admin listener's routes.
pub fn router(app: Arc<App>, gate: Gate, request_timeout: Duration) -> Router {
    frame(all_routes(), app, gate, request_timeout)
}

/// Every route, for tests that must not forget one.
pub fn routes() -> Vec<Route> {
    all_routes().list()
}

/// All that lies around `routes`.
pub fn frame(routes: Routes, app: Arc<App>, gate: Gate, request_timeout: Duration) -> Router {
    let state = AdminState { app: app.clone(), gate: Arc::new(gate) };
    let router = routes
        .into_router()
        .fallback(describe::not_found)
        .method_not_allowed_fallback(describe::method_not_allowed)
        .layer(CatchPanicLayer::custom(describe::panicked))
        .layer(from_fn_with_state(request_timeout, describe::give_up))
        .layer(from_fn_with_state(state.clone(), identity::identify)) // before anything is looked at
        .layer(from_fn_with_state(state.clone(), describe::describe)) // around all that refuses
        .layer(from_fn_with_state(app, stopping::ask_to_leave))
        .layer(from_fn(trace_id::number));
    with_security_headers(router).with_state(state)
}

/// What handlers are given.
#[derive(Clone)]
pub struct AdminState {
    /// The parts of the server.
    pub app: Arc<App>,
    gate: Arc<Gate>,
}

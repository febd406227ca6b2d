//! Every route and every layer on one screen.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::{HeaderValue, header},
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};
use tower_http::{catch_panic::CatchPanicLayer, set_header::SetResponseHeaderLayer};

use crate::{app::App, authentication::forwarded::proxies::Proxies, telemetry::metrics::Metrics};

pub mod admin;
mod body;
mod documents;
pub mod errors;
mod form;
mod forwarded;
mod health;
pub mod metadata;
mod stopping;
mod timeout;
mod token;
mod token_queries;
mod trace_id;

/// A request body of any endpoint, in bytes (R54).
pub const MOST_BODY_BYTES: usize = 64 * 1024;

/// The token endpoint, below the issuer.
const TOKEN: &str = "/oauth2/token";

/// The public listener's routes.
pub fn router(app: Arc<App>, proxies: Arc<Proxies>, request_timeout: Duration) -> Router {
    let issuer = app.issuer.clone();
    let path = issuer.path();
    let documents = Arc::new(documents::Documents::new(&app));
    let mut router = Router::new()
        .route(&format!("{path}{TOKEN}"), post(token::token))
        .route(&format!("{path}/oauth2/revoke"), post(token_queries::revoke))
        .route(&format!("{path}/oauth2/introspect"), post(token_queries::introspect))
        .route(&format!("{path}/oauth2/revocations"), get(token_queries::revocations))
        .route(&format!("{path}/.well-known/jwks.json"), get(documents::jwks))
        .route(&format!("{path}/errors/{{reason}}"), get(documents::error_page))
        .route("/openapi.yaml", get(documents::openapi))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready));
    // RFC 8414 puts the well-known part before the issuer's path, OpenID Connect Discovery behind it: both are served.
    let discovery = [
        ("oauth-authorization-server", get(documents::authorization_server)),
        ("openid-configuration", get(documents::openid_configuration)),
        ("smart-configuration", get(documents::smart_configuration)),
    ];
    for (name, document) in discovery {
        for place in issuer.well_known_paths(name) {
            router = router.route(&place, document.clone());
        }
    }
    let forwarding = forwarded::Forwarding::new(app.clone(), proxies);
    let state = ServerState { app: app.clone(), documents };
    let router = router
        .fallback(errors::not_found)
        .method_not_allowed_fallback(errors::method_not_allowed)
        .layer(from_fn_with_state(request_timeout, timeout::give_up))
        .layer(CatchPanicLayer::custom(errors::panicked))
        .layer(from_fn_with_state(state.clone(), errors::explain)) // around all that refuses
        .layer(from_fn_with_state(forwarding, forwarded::find_client)) // around all that asks who is there
        .layer(from_fn_with_state(app, stopping::ask_to_leave))
        .layer(from_fn(trace_id::number));
    with_security_headers(router).with_state(state)
}

/// The metrics listener's only route.
pub fn metrics_router(metrics: Metrics) -> Router {
    Router::new().route("/metrics", get(async move || metrics.render()))
}

/// What handlers are given.
#[derive(Clone)]
struct ServerState {
    app: Arc<App>,
    documents: Arc<documents::Documents>,
}

/// No answer may be kept, unless it says otherwise, or be taken for something else.
fn with_security_headers<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router
        .layer(always(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"))
        .layer(always(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
}

fn always(name: axum::http::HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
}

//! The index page: a decoder of tokens that never leaves the browser, and requests to copy.

use std::{net::SocketAddr, sync::Arc};

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs as backend;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse},
};
use backend::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use ring as backend;

use crate::{requests, routes::Provider};

const PAGE: &str = include_str!("index.html");
const SCRIPT: &str = include_str!("decoder.js");
const STYLE: &str = include_str!("index.css");

/// The page has secrets of `dev` on it, which are for this machine only: by another name, as that of a site whose owner has
/// pointed it to 127.0.0.1, nobody gets it.
pub(crate) fn of_this_machine(headers: &HeaderMap, address: SocketAddr) -> Result<(), StatusCode> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = [address.to_string(), format!("localhost:{}", address.port())];
    if own.iter().any(|own| host == Some(own)) { Ok(()) } else { Err(StatusCode::MISDIRECTED_REQUEST) }
}

pub(crate) async fn page(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, StatusCode> {
    of_this_machine(&headers, provider.address)?;
    let arguments = &provider.arguments;
    let page = PAGE
        .replace("{issuer}", &escaped(&arguments.issuer))
        .replace("{audience}", &escaped(&arguments.service_root))
        .replace("{profile}", arguments.profile.name())
        .replace("{requests}", &requests(&provider))
        .replace("{style}", STYLE)
        .replace("{script}", SCRIPT);
    // Only the script and the style of this page run, and nothing that they do may reach any server.
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        hash(SCRIPT),
        hash(STYLE)
    );
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    Ok((headers, Html(page)))
}

fn requests(provider: &Provider) -> String {
    let variables = escaped(&requests::variables(provider, Timestamp::now()));
    let mut html = format!("<h3>First, what they use</h3><pre id=\"variables\">{variables}</pre>");
    for (title, status, lines) in requests::examples() {
        html.push_str(&format!("\n<h3>{title}: {status}</h3><pre data-status=\"{status}\">{}</pre>", escaped(lines)));
    }
    html
}

fn hash(text: &str) -> String {
    STANDARD.encode(digest(&SHA256, text.as_bytes()))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

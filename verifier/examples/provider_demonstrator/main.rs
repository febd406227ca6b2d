//! A provider of appointments to learn from: synthetic slots, protected by the verifier crate as a real provider's would be.
//!
//! `cargo run -p careconnect-verifier --example provider_demonstrator --features axum -- --dev dev/dev.json`
//!
//! Read `guard` below first: it is all that stands between the Internet and the diary. [`routes`] then has what the
//! provider does for a requester that the guard has let through, [`slots`] what each of them may see.

mod arguments;
mod diary;
mod fhir;
mod index;
mod outcome;
mod requests;
mod routes;
mod search;
mod slots;

use std::{error::Error, sync::Mutex};

use careconnect_verifier::{InvalidGuard, ProviderGuard, RemoteKeys, SearchFilterMode, SspRules, TokenVerifier};
use jiff::Timestamp;
use tokio::net::TcpListener;

use arguments::Arguments;
use diary::Diary;
use routes::Provider;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_ansi(false).init();
    let arguments = Arguments::read(std::env::args().skip(1))?;
    let guard = guard(&arguments, verifier(&arguments)?)?;
    let taken = |error| format!("cannot listen on {}: {error}; --listen takes another address", arguments.listen);
    let listener = TcpListener::bind(arguments.listen).await.map_err(taken)?;
    let address = listener.local_addr()?;
    tracing::info!("open http://{address}/ in a browser; this is the service root {}", arguments.service_root);
    let provider = Provider { diary: Mutex::new(Diary::new(Timestamp::now())?), address, arguments };
    axum::serve(listener, routes::all(provider, &guard)).await?;
    Ok(())
}

/// Made once: the issuer's keys are kept in it.
fn verifier(arguments: &Arguments) -> Result<TokenVerifier, Box<dyn Error>> {
    let mut keys = RemoteKeys::from_url(format!("{}/.well-known/jwks.json", arguments.issuer));
    if let Some(file) = &arguments.ca_file {
        keys = keys.certificate_authority(std::fs::read(file)?);
    }
    let verifier = TokenVerifier::for_issuer(&arguments.issuer).audience(&arguments.service_root);
    Ok(verifier.keys(keys.build()?).build()?)
}

/// Everything that is checked before a handler runs: token, groups by interaction, headers of the SSP. A `searchFilter` that says
/// something else than the token is logged; nothing here reads it.
fn guard(arguments: &Arguments, verifier: TokenVerifier) -> Result<ProviderGuard, InvalidGuard> {
    ProviderGuard::new(verifier)
        .asids(arguments.asid.clone())
        .ssp(SspRules::all(arguments.ssp))
        .response_profile(arguments.profile)
        .search_filter(SearchFilterMode::Report)
        .build()
}

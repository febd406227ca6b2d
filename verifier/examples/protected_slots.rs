//! A provider that lets assured consumers search its slots.
//!
//! `cargo run -p careconnect-verifier --example protected_slots --features axum -- ISSUER SERVICE_ROOT [CA_FILE]`

use axum::{Router, http::header::CONTENT_TYPE, response::IntoResponse, routing::get};
use careconnect_verifier::{ProviderGuard, RemoteKeys, Requester, TokenVerifier};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [issuer, service_root, authority @ ..] = arguments.as_slice() else {
        return Err("expected ISSUER and SERVICE_ROOT".into());
    };

    let mut keys = RemoteKeys::from_url(format!("{issuer}/.well-known/jwks.json"));
    if let Some(file) = authority.first() {
        keys = keys.certificate_authority(std::fs::read(file)?);
    }
    let verifier = TokenVerifier::for_issuer(issuer).audience(service_root).keys(keys.build()?).build()?;
    let guard = ProviderGuard::new(verifier).build()?;

    let routes = Router::new().route("/Slot", get(search_slots)).layer(guard.layer());
    axum::serve(TcpListener::bind("127.0.0.1:8080").await?, routes).await?;
    Ok(())
}

/// The organisation type comes from the token: nothing in the query can claim another.
async fn search_slots(requester: Requester) -> impl IntoResponse {
    let slots = match requester.organisation_type().as_str() {
        "urgent-care" => {
            r#"{"resourceType":"Bundle","type":"searchset","total":1,"entry":[{"resource":{"resourceType":"Slot"}}]}"#
        }
        _ => r#"{"resourceType":"Bundle","type":"searchset","total":0}"#,
    };
    ([(CONTENT_TYPE, "application/fhir+json")], slots)
}

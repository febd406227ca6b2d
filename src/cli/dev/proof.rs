//! Gets a token by each method over the network, as a consumer would, and verifies it as a provider would.

use std::{fs, net::SocketAddr, time::Duration};

use anyhow::{Context, ensure};
use careconnect_verifier::{RemoteKeys, TokenVerifier};
use reqwest::Client;
use serde::Deserialize;

use super::{
    assertion::assertion,
    manifest::{ConsumerEntry, Manifest, ProviderEntry},
};
use crate::clock::UnixTime;

/// What `client_assertion_type` says (RFC 7523 §2.2).
pub(super) const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What one consumer got at one provider.
pub(super) struct Proof {
    pub(super) consumer: String,
    pub(super) auth_method: &'static str,
    pub(super) provider: String,
    pub(super) groups: Vec<String>,
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
}

/// One token for each active consumer at the first provider.
pub(super) async fn token_by_each_method(
    manifest: &Manifest,
    server: SocketAddr,
    now: UnixTime,
) -> anyhow::Result<Vec<Proof>> {
    let provider = manifest.providers.first().context("there is no provider")?;
    let active: Vec<&ConsumerEntry> = manifest.consumers.iter().filter(|entry| entry.status == "active").collect();
    let mut proofs = Vec::new();
    for consumer in active {
        proofs.push(prove(manifest, server, consumer, provider, now).await.with_context(|| consumer.name.clone())?);
    }
    Ok(proofs)
}

async fn prove(
    manifest: &Manifest,
    server: SocketAddr,
    consumer: &ConsumerEntry,
    provider: &ProviderEntry,
    now: UnixTime,
) -> anyhow::Result<Proof> {
    let client = client(manifest, server, consumer)?;
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", &consumer.client_id),
        ("resource", &provider.base_url),
    ];
    form.extend(consumer.client_secret.as_deref().map(|secret| ("client_secret", secret)));
    let assertion = assertion(consumer, now)?;
    if let Some(assertion) = &assertion {
        form.extend([("client_assertion_type", JWT_BEARER), ("client_assertion", assertion)]);
    }
    let response = client.post(&manifest.token_endpoint).form(&form).send().await?;
    let status = response.status();
    let body = response.bytes().await?;
    ensure!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
    let token = serde_json::from_slice::<TokenResponse>(&body)?.access_token;
    let verified = verifier(manifest, provider, client)?.verify(&token).await?;
    Ok(Proof {
        consumer: consumer.name.clone(),
        auth_method: consumer.auth_method,
        provider: provider.base_url.clone(),
        groups: verified.groups().iter().map(ToString::to_string).collect(),
    })
}

/// The provider's side, as its code would be: keys from the network, everything else from what it knows of itself.
fn verifier(manifest: &Manifest, provider: &ProviderEntry, client: Client) -> anyhow::Result<TokenVerifier> {
    let keys = RemoteKeys::from_url(&manifest.jwks_uri).http_client(client);
    Ok(TokenVerifier::for_issuer(&manifest.issuer).audience(&provider.base_url).keys(keys.build()?).build()?)
}

/// `localhost` is where the server listens, whatever this machine makes of the name.
fn client(manifest: &Manifest, server: SocketAddr, consumer: &ConsumerEntry) -> anyhow::Result<Client> {
    let authority = reqwest::Certificate::from_pem(&fs::read(&manifest.ca_file)?)?;
    let mut builder = Client::builder()
        .tls_certs_only([authority])
        .no_proxy()
        .resolve("localhost", server)
        .timeout(Duration::from_secs(10));
    if let (Some(certificate), Some(key)) = (&consumer.cert_file, &consumer.key_file) {
        let pem = [fs::read(certificate)?, fs::read(key)?].concat();
        builder = builder.identity(reqwest::Identity::from_pem(&pem)?);
    }
    Ok(builder.build()?)
}

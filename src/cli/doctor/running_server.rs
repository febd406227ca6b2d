//! The server that should be running here: does it answer, and is it the one that is configured?

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use reqwest::StatusCode;
use serde_json::Value;

use super::{Finding, clock};
use crate::{
    cli::output,
    config::{Issuer, LoadedConfig},
};

/// Asks the server that should be running here. The certificate is not judged: this only asks whether it answers.
pub(super) async fn check(loaded: &LoadedConfig) -> Vec<Finding> {
    const CHECK: &str = "server";
    const REPAIR: &str = "start it with `careconnect-auth serve`, and read its log";
    let listen = loaded.config.listen;
    let Some(issuer) = &loaded.config.issuer else {
        let detail = loaded.lacks_file().unwrap_or_else(|| "there is no issuer to look for".to_owned());
        return vec![Finding::failure(CHECK, detail, "set `issuer`")];
    };
    let answer = match ask(listen, issuer).await {
        Err(error) => {
            let detail = format!("it does not answer on {listen}: {}", output::sentence(&error));
            Finding::failure(CHECK, detail, REPAIR)
        }
        Ok(Answer::OfAnother { received }) => {
            let expected = issuer.as_str();
            let detail =
                format!("another server answers on {listen}: expected the issuer {expected:?}, received {received}");
            Finding::failure(CHECK, detail, "stop the other one, or change `listen`")
        }
        Ok(Answer::Health { status, health }) => {
            let answer = match health["status"].as_str().unwrap_or("nothing") {
                "ready" if status.is_success() => Finding::ok(CHECK, "ready"),
                "degraded" => Finding::warning(CHECK, "degraded: the database is out of reach", "see the database"),
                said => Finding::failure(CHECK, format!("it says {said} ({status})"), REPAIR),
            };
            return std::iter::once(answer).chain(clock::of_server(&health)).collect();
        }
    };
    vec![answer]
}

/// What came from the address on which the server should listen.
enum Answer {
    Health { status: StatusCode, health: Value },
    OfAnother { received: String },
}

async fn ask(listen: SocketAddr, issuer: &Issuer) -> anyhow::Result<Answer> {
    let origin = origin(listen);
    let metadata_url = format!("{origin}{}/.well-known/oauth-authorization-server", issuer.path());
    let client = local_client(listen)?;
    let response = client.get(&metadata_url).send().await?;
    let status = response.status();
    let metadata = response.json::<Value>().await.unwrap_or_default();
    match metadata["issuer"].as_str() {
        Some(received) if received == issuer.as_str() => {}
        Some(other) => return Ok(Answer::OfAnother { received: format!("{other:?}") }),
        None => return Ok(Answer::OfAnother { received: format!("no metadata at {metadata_url} ({status})") }),
    }
    let response = client.get(format!("{origin}/health/ready")).send().await?;
    Ok(Answer::Health { status: response.status(), health: response.json().await? })
}

pub(super) fn origin(listen: SocketAddr) -> String {
    format!("https://localhost:{}", listen.port())
}

/// A client for the server of this machine, whatever names its certificate has.
pub(super) fn local_client(listen: SocketAddr) -> reqwest::Result<reqwest::Client> {
    let address = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, listen.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, listen.port()).into(),
        _ => listen,
    };
    client().no_proxy().resolve("localhost", address).build() // this machine asks itself
}

/// A client that judges no certificate: it has nothing to lose.
pub(super) fn client() -> reqwest::ClientBuilder {
    reqwest::Client::builder().timeout(Duration::from_secs(4)).tls_danger_accept_invalid_certs(true)
}

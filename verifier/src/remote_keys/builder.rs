//! What a cache of remote keys is made of.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, Url, redirect};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::{RemoteKeys, Schedule, fetch::Fetcher};

/// The least `cooldown` and `refresh_after`.
const LEAST: Duration = Duration::from_secs(1);

/// Options of [`RemoteKeys`], each at a default that suits a provider in production.
#[derive(Debug)]
#[must_use = "call build()"]
pub struct RemoteKeysBuilder {
    url: String,
    authority: Option<Vec<u8>>,
    client: Option<Client>,
    schedule: Schedule,
    timeout: Duration,
    allow_http: bool,
}

/// Remote keys cannot be made of these options.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteKeysError {
    /// The URL is none, or not an `https` one.
    #[error("expected an https URL of a key set, received {received:?}")]
    Url {
        /// What came.
        received: String,
    },
    /// The certificate authority is no PEM, or holds no certificate that can be trusted.
    #[error("expected the certificates of an authority in PEM, received {0}")]
    Authority(String),
    /// A client of one's own comes with its own authorities.
    #[error("expected a certificate authority or an HTTP client, received both")]
    AuthorityAndClient,
    /// With such a time the issuer could be asked for every token, forged ones too.
    #[error("expected {option} of at least {LEAST:?}, received {received:?}")]
    TooShort {
        /// `cooldown` or `refresh_after`.
        option: &'static str,
        /// What came.
        received: Duration,
    },
    /// TLS or the HTTP client cannot be set up, such as on a system without trust anchors.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
}

impl RemoteKeysBuilder {
    pub(super) fn new(url: String) -> Self {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        Self {
            url,
            authority: None,
            client: None,
            schedule: Schedule {
                refresh_after: minutes(5),
                serve_stale_for: minutes(24 * 60),
                cooldown: Duration::from_secs(30),
            },
            timeout: Duration::from_secs(5),
            allow_http: false,
        }
    }

    /// Trusts these authorities (the contents of a PEM file), and no other, to vouch for the issuer's host. Without this:
    /// the system's.
    pub fn certificate_authority(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.authority = Some(pem.as_ref().to_vec());
        self
    }

    /// Uses this client as it is, for proxies and the like; its authorities are its own. Redirects that leave the issuer's host are refused all the same.
    pub fn http_client(mut self, client: Client) -> Self {
        self.client = Some(client);
        self
    }

    /// Fetches the keys again once they are this old; sooner when the issuer's `Cache-Control` says so. Default: 5 minutes;
    /// at least a second.
    pub fn refresh_after(mut self, age: Duration) -> Self {
        self.schedule.refresh_after = age;
        self
    }

    /// Uses keys up to this age while the issuer does not answer; in any case for `refresh_after`. Default: 24 hours.
    pub fn serve_stale_for(mut self, age: Duration) -> Self {
        self.schedule.serve_stale_for = age;
        self
    }

    /// After a fetch, does not fetch again for an unknown key before this time has passed. Default: 30 seconds; at least a
    /// second.
    pub fn cooldown(mut self, pause: Duration) -> Self {
        self.schedule.cooldown = pause;
        self
    }

    /// Gives up a fetch after this time. Default: 5 seconds.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Allows `http` URLs, for tests: whoever can answer in the issuer's place decides which tokens are genuine.
    pub fn dangerously_allow_http(mut self) -> Self {
        self.allow_http = true;
        self
    }

    /// The keys, not fetched yet: a provider starts while its issuer is away.
    pub fn build(self) -> Result<RemoteKeys, RemoteKeysError> {
        let url = Url::parse(&self.url)
            .ok()
            .filter(|url| url.scheme() == "https" || self.allow_http && url.scheme() == "http")
            .ok_or_else(|| RemoteKeysError::Url { received: self.url.chars().take(200).collect() })?;
        for (option, received) in
            [("a cooldown", self.schedule.cooldown), ("a refresh_after", self.schedule.refresh_after)]
        {
            if received < LEAST {
                return Err(RemoteKeysError::TooShort { option, received });
            }
        }
        let client = match (self.client, self.authority) {
            (Some(_), Some(_)) => return Err(RemoteKeysError::AuthorityAndClient),
            (Some(client), None) => client,
            (None, authority) => http_client(authority.as_deref())?,
        };
        Ok(RemoteKeys::new(Fetcher::new(client, url, self.timeout), self.schedule))
    }
}

fn http_client(authority: Option<&[u8]>) -> Result<Client, RemoteKeysError> {
    let client_error = |error: &dyn std::error::Error| RemoteKeysError::Client(error.to_string());
    let provider = Arc::new(tls_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| client_error(&error))?;
    let config = match authority {
        Some(pem) => config.with_root_certificates(trust_anchors(pem)?),
        None => {
            let system = rustls_platform_verifier::Verifier::new(provider).map_err(|error| client_error(&error))?;
            config.dangerous().with_custom_certificate_verifier(Arc::new(system))
        }
    };
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Client::builder()
        .tls_backend_preconfigured(config)
        .redirect(redirect::Policy::none())
        .build()
        .map_err(|error| client_error(&error))
}

fn trust_anchors(pem: &[u8]) -> Result<RootCertStore, RemoteKeysError> {
    let refuse = |received: &dyn std::fmt::Display| RemoteKeysError::Authority(received.to_string());
    let mut anchors = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| refuse(&error))?;
        anchors.add(certificate).map_err(|error| refuse(&error))?;
    }
    if anchors.is_empty() { Err(refuse(&"no BEGIN CERTIFICATE")) } else { Ok(anchors) }
}

#[cfg(feature = "aws-lc-rs")]
fn tls_provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
fn tls_provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

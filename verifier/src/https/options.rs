//! What everything that is fetched from the issuer needs to know, and the HTTP client that is made of it.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, Url, redirect};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::Fetcher;

/// Options of a builder, which has them in its field `https` and lends them its methods by [`https_options`].
#[derive(Debug)]
pub(crate) struct HttpsOptions {
    url: String,
    pub(crate) authority: Option<Vec<u8>>,
    pub(crate) client: Option<Client>,
    pub(crate) timeout: Duration,
    pub(crate) allow_http: bool,
}

/// The methods of a builder that set its [`HttpsOptions`].
macro_rules! https_options {
    () => {
        /// Trusts these authorities (the contents of a PEM file), and no other, to vouch for the issuer's host. Without
        /// this: the system's.
        pub fn certificate_authority(mut self, pem: impl AsRef<[u8]>) -> Self {
            self.https.authority = Some(pem.as_ref().to_vec());
            self
        }

        /// Uses this client as it is, for proxies and the like; its authorities are its own. Redirects that leave the
        /// issuer's host are refused all the same.
        pub fn http_client(mut self, client: reqwest::Client) -> Self {
            self.https.client = Some(client);
            self
        }

        /// Gives up a fetch after this time. Default: 5 seconds.
        pub fn timeout(mut self, limit: std::time::Duration) -> Self {
            self.https.timeout = limit;
            self
        }

        /// Allows `http` URLs, for tests: whoever can answer in the issuer's place decides which tokens are genuine.
        pub fn dangerously_allow_http(mut self) -> Self {
            self.https.allow_http = true;
            self
        }
    };
}
pub(crate) use https_options;

/// What is fetched from the issuer cannot be with these options.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// The URL is none, or not an `https` one.
    #[error("expected an https URL, received {received:?}")]
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
    #[error("expected {option} of at least {LEAST_PAUSE:?}, received {received:?}")]
    TooShort {
        /// `a cooldown`, `a refresh_after` or `a poll_every`.
        option: &'static str,
        /// What came.
        received: Duration,
    },
    /// TLS or the HTTP client cannot be set up, such as on a system without trust anchors.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
}

/// The least time between two fetches.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

impl RemoteError {
    /// Refuses a time between two fetches that is too short.
    pub(crate) fn unless_long_enough(option: &'static str, received: Duration) -> Result<(), Self> {
        if received < LEAST_PAUSE { Err(Self::TooShort { option, received }) } else { Ok(()) }
    }
}

impl HttpsOptions {
    pub(crate) fn new(url: String) -> Self {
        Self { url, authority: None, client: None, timeout: Duration::from_secs(5), allow_http: false }
    }

    pub(crate) fn fetcher(self) -> Result<Fetcher, RemoteError> {
        let url = Url::parse(&self.url)
            .ok()
            .filter(|url| url.scheme() == "https" || self.allow_http && url.scheme() == "http")
            .ok_or_else(|| RemoteError::Url { received: self.url.chars().take(200).collect() })?;
        let client = match (self.client, self.authority) {
            (Some(_), Some(_)) => return Err(RemoteError::AuthorityAndClient),
            (Some(client), None) => client,
            (None, authority) => http_client(authority.as_deref())?,
        };
        Ok(Fetcher { client, url, timeout: self.timeout })
    }
}

fn http_client(authority: Option<&[u8]>) -> Result<Client, RemoteError> {
    let client_error = |error: &dyn std::error::Error| RemoteError::Client(error.to_string());
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

fn trust_anchors(pem: &[u8]) -> Result<RootCertStore, RemoteError> {
    let refuse = |received: &dyn std::fmt::Display| RemoteError::Authority(received.to_string());
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

//! One fetch of a key set: over HTTPS, to a permitted address, without redirects, bounded in time and size.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use reqwest::{Client, StatusCode, header, redirect};
use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, pem::PemObject};

use super::parse::{InvalidSet, KeySetContents};
use crate::{
    crypto,
    domain::{
        KeySetUri,
        key_set_address::{AddressRefused, Permitted},
    },
};

const TIMEOUT: Duration = Duration::from_secs(5);

/// A hundred RSA keys of 4096 bits.
const MAX_BYTES: usize = 128 * 1024;

/// Fetches key sets.
pub(super) struct Fetcher {
    /// Or why there is none: a server without consumers that publish keys does not need it.
    client: Result<Client, String>,
    permitted: Permitted,
}

/// A file of `assertions.jwks_ca_files` that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", file.display())]
pub struct AuthorityFileError {
    file: PathBuf,
    problem: AuthorityProblem,
}

#[derive(Debug, thiserror::Error)]
enum AuthorityProblem {
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("expected certificates in PEM: {0}")]
    NotPem(#[from] rustls_pki_types::pem::Error),
    #[error("a certificate cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    #[error("expected at least one certificate in PEM, found none")]
    Empty,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("HTTPS cannot be set up: {0}")]
    NoClient(String),
    #[error(transparent)]
    Address(#[from] AddressRefused),
    #[error("expected the whole answer within {TIMEOUT:?}")]
    Timeout,
    #[error("{}", causes(.0))]
    Http(#[from] reqwest::Error),
    #[error("expected status 200, received {0}; redirects are not followed")]
    Status(StatusCode),
    #[error("expected at most {MAX_BYTES} bytes")]
    TooLarge,
    #[error(transparent)]
    NotASet(#[from] InvalidSet),
}

impl Fetcher {
    /// Trusts the system's authorities and those in `authority_files`.
    pub(super) fn new(authority_files: &[PathBuf], private_addresses: bool) -> Result<Self, AuthorityFileError> {
        let mut authorities = Vec::new();
        for file in authority_files {
            let read = read_authorities(file);
            authorities.extend(read.map_err(|problem| AuthorityFileError { file: file.clone(), problem })?);
        }
        let permitted = Permitted { private: private_addresses };
        Ok(Self { client: client(authorities, permitted), permitted })
    }

    /// What is at `uri` now.
    pub(super) async fn fetch(&self, uri: &KeySetUri) -> Result<KeySetContents, FetchError> {
        let body = tokio::time::timeout(TIMEOUT, self.body(uri)).await.map_err(|_| FetchError::Timeout)??;
        Ok(KeySetContents::parse(&body)?)
    }

    async fn body(&self, uri: &KeySetUri) -> Result<Vec<u8>, FetchError> {
        let client = self.client.as_ref().map_err(|error| FetchError::NoClient(error.clone()))?;
        // The client asks the resolver for names only.
        self.permitted.check_host(uri)?;
        let request = client.get(uri.as_str()).header(header::ACCEPT, "application/jwk-set+json, application/json");
        let mut response = request.send().await?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

fn client(authorities: Vec<CertificateDer<'static>>, permitted: Permitted) -> Result<Client, String> {
    let provider = crypto::tls_provider();
    let trust = rustls_platform_verifier::Verifier::new_with_extra_roots(authorities, provider.clone());
    let trust = trust.map_err(|error| error.to_string())?;
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| error.to_string())?;
    let config = config.dangerous().with_custom_certificate_verifier(Arc::new(trust));
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let builder = Client::builder()
        .tls_backend_preconfigured(config)
        .https_only(true)
        .redirect(redirect::Policy::none()) // or a public host could send us inside
        .no_proxy() // a proxy would resolve names by itself
        .dns_resolver(Arc::new(permitted))
        .pool_max_idle_per_host(0); // every fetch asks anew where the host is
    builder.build().map_err(|error| causes(&error))
}

fn read_authorities(file: &Path) -> Result<Vec<CertificateDer<'static>>, AuthorityProblem> {
    let pem = fs::read(file)?;
    let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>()?;
    let mut anchors = rustls::RootCertStore::empty();
    for certificate in &certificates {
        anchors.add(certificate.clone())?;
    }
    if anchors.is_empty() { Err(AuthorityProblem::Empty) } else { Ok(certificates) }
}

/// The whole chain: the outermost says only that a request failed, the innermost why.
fn causes(error: &reqwest::Error) -> String {
    let first: &dyn std::error::Error = error;
    let causes: Vec<_> = std::iter::successors(Some(first), |error| error.source()).map(ToString::to_string).collect();
    causes.join(": ")
}

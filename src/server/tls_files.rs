//! The files of a TLS listener: its certificate, its key, the authorities of its clients and their revocation lists.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{crypto::CryptoProvider, sign::CertifiedKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use url::Url;
use zeroize::Zeroizing;

use crate::{
    authentication::client_trust::{ClientTrust, PemFile, TrustError},
    config::{self, Serving},
    crypto,
};

/// Where a listener's certificates are.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The server's certificate, followed by those of its issuers, in PEM.
    pub certificate_file: PathBuf,
    /// The server's private key, in PEM (PKCS#8, PKCS#1 or SEC1).
    pub key_file: PathBuf,
    /// Authorities of client certificates, in PEM; none means that no name in a client certificate is believed.
    pub client_ca_files: Vec<PathBuf>,
    /// Their revocation lists, in PEM; with any, every authority in a client's path needs one that is up to date.
    pub client_crl_files: Vec<PathBuf>,
    /// The host by which clients look for the listener, when it is known.
    pub host: Option<String>,
}

impl TlsFiles {
    /// Those of the public listener.
    pub fn of(section: &config::Tls, serving: &Serving<'_>) -> Self {
        Self {
            certificate_file: serving.certificate_file.to_owned(),
            key_file: serving.key_file.to_owned(),
            client_ca_files: section.client_ca_files.clone(),
            client_crl_files: Vec::new(),
            host: Url::parse(serving.issuer.as_str()).ok().and_then(|url| url.host_str().map(str::to_owned)),
        }
    }
}

/// Why the files of a listener cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is missing or not readable.
    #[error("{}: cannot be read: {cause}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A file is not PEM, or something in it is not what it says.
    #[error("{}: {what}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The key is not that of the certificate.
    #[error("{}: the key does not belong to the certificate in {}", key_file.display(), certificate_file.display())]
    KeyMismatch {
        /// The file of the key.
        key_file: PathBuf,
        /// The file of the certificate.
        certificate_file: PathBuf,
    },
    /// An authority or a revocation list cannot be used.
    #[error(transparent)]
    ClientTrust(#[from] TrustError),
    /// The TLS library refuses the set-up.
    #[error("TLS cannot be set up: {0}")]
    Protocol(#[from] rustls::Error),
}

/// What the files hold at one moment.
pub(super) struct TlsContents {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    client_cas: Vec<Vec<u8>>,
    client_crls: Vec<Vec<u8>>,
}

impl TlsFiles {
    /// Reads every file, following symbolic links anew.
    pub(super) fn read(&self) -> Result<TlsContents, TlsError> {
        let all = |files: &[PathBuf]| files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>();
        Ok(TlsContents {
            certificate: read(&self.certificate_file)?,
            key: Zeroizing::new(read(&self.key_file)?),
            client_cas: all(&self.client_ca_files)?,
            client_crls: all(&self.client_crl_files)?,
        })
    }

    /// The server's certificate with its key.
    pub(super) fn identity(
        &self,
        contents: &TlsContents,
        provider: &CryptoProvider,
    ) -> Result<Arc<CertifiedKey>, TlsError> {
        let in_certificate = |what| TlsError::Malformed { file: self.certificate_file.clone(), what };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&contents.certificate)
            .collect::<Result<_, _>>()
            .map_err(|error| in_certificate(format!("it is not PEM: {error}")))?;
        if chain.is_empty() {
            return Err(in_certificate("expected a certificate in PEM, found none".to_owned()));
        }
        let in_key = |what| TlsError::Malformed { file: self.key_file.clone(), what };
        let key = PrivateKeyDer::from_pem_slice(&contents.key)
            .map_err(|error| in_key(format!("expected a private key in PEM: {error}")))?;
        let identity = CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => TlsError::KeyMismatch {
                key_file: self.key_file.clone(),
                certificate_file: self.certificate_file.clone(),
            },
            rustls::Error::InvalidCertificate(_) => in_certificate(error.to_string()),
            other => in_key(other.to_string()),
        })?;
        Ok(Arc::new(identity))
    }

    /// Which client certificates are trusted.
    pub(super) fn client_trust(&self, contents: &TlsContents) -> Result<ClientTrust, TlsError> {
        let names = |files: &[PathBuf]| files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>();
        let (ca_names, crl_names) = (names(&self.client_ca_files), names(&self.client_crl_files));
        let cas = pem_files(&ca_names, &contents.client_cas);
        Ok(ClientTrust::from_pem(&cas, &pem_files(&crl_names, &contents.client_crls))?)
    }
}

impl TlsContents {
    /// Differs when any file has changed.
    pub(super) fn digest(&self) -> [u8; 32] {
        let files = [&self.certificate, &*self.key].into_iter().chain(&self.client_cas).chain(&self.client_crls);
        crypto::sha256(&files.flat_map(|content| crypto::sha256(content)).collect::<Vec<_>>())
    }
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(file).map_err(|cause| TlsError::Unreadable { file: file.to_owned(), cause })
}

fn pem_files<'a>(names: &'a [String], contents: &'a [Vec<u8>]) -> Vec<PemFile<'a>> {
    names.iter().zip(contents).map(|(name, content)| PemFile { name, content }).collect()
}

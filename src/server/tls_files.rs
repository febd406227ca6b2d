//! The files of a TLS listener: its certificate, its key, and the authorities of its clients.

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
    authentication::{
        authority::{Authority, AuthorityLabel},
        client_trust::{ClientTrust, IsBlocked, PemFile, TrustError},
    },
    config::{self, ClientAuthority, CrlSource, Serving},
    crypto,
};

/// Which listener it is, for its log and its metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenerName {
    /// For consumers and providers.
    Public,
    /// For administrators.
    Admin,
    /// For the consumers of a provider behind the gateway.
    Gateway,
}

/// Where a listener's certificates are.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// Whose they are.
    pub listener: ListenerName,
    /// The server's certificate, followed by those of its issuers, in PEM.
    pub certificate_file: PathBuf,
    /// The server's private key, in PEM (PKCS#8, PKCS#1 or SEC1).
    pub key_file: PathBuf,
    /// Authorities of client certificates; none means that no name in a client certificate is believed.
    pub client_authorities: Vec<ClientAuthority>,
    /// The host by which clients look for the listener, when it is known.
    pub host: Option<String>,
}

impl TlsFiles {
    /// Those of the public listener.
    pub fn of(section: &config::Tls, serving: &Serving<'_>) -> Self {
        Self {
            listener: ListenerName::Public,
            certificate_file: serving.certificate_file.to_owned(),
            key_file: serving.key_file.to_owned(),
            client_authorities: section.all_client_authorities(),
            host: Url::parse(serving.issuer.as_str()).ok().and_then(|url| url.host_str().map(str::to_owned)),
        }
    }

    /// Those of the admin listener, if there is to be one.
    pub fn of_admin(section: &config::Admin, serving: &Serving<'_>) -> Option<Self> {
        let admin = serving.admin?;
        Some(Self {
            listener: ListenerName::Admin,
            certificate_file: admin.certificate_file.to_owned(),
            key_file: admin.key_file.to_owned(),
            client_authorities: section.all_client_authorities(),
            host: None, // administrators may know it by another name
        })
    }
}

impl ListenerName {
    /// In one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Admin => "admin",
            Self::Gateway => "gateway",
        }
    }

    /// The key of the configuration for its certificate.
    pub const fn certificate_key(self) -> &'static str {
        match self {
            Self::Public => "tls.certificate_file",
            Self::Admin => "admin.certificate_file",
            Self::Gateway => "reverse_proxy.tls.certificate_file",
        }
    }

    /// The key of the configuration for the authorities of its clients.
    pub const fn authorities_key(self) -> &'static str {
        match self {
            Self::Public => "tls.client_authorities",
            Self::Admin => "admin.client_authorities",
            Self::Gateway => "reverse_proxy.tls.client_ca_files",
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
    /// Whoever that authority vouches for would be taken for a consumer and for an administrator.
    #[error(
        "the authority {0} vouches for administrators and for consumers; expected one of its own for administrators, such as \
         an issuing authority below it"
    )]
    SharedAuthority(String),
    /// The TLS library refuses the set-up.
    #[error("TLS cannot be set up: {0}")]
    Protocol(#[from] rustls::Error),
}

/// What the files hold at one moment.
pub(super) struct TlsContents {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    /// Of each authority its own, in the order of [`ClientAuthority::files`].
    client_authorities: Vec<Vec<Vec<u8>>>,
}

impl TlsFiles {
    /// Reads every file, following symbolic links anew.
    pub(super) fn read(&self) -> Result<TlsContents, TlsError> {
        let all = |authority: &ClientAuthority| authority.files().map(|file| read(file)).collect::<Result<Vec<_>, _>>();
        Ok(TlsContents {
            certificate: read(&self.certificate_file)?,
            key: Zeroizing::new(read(&self.key_file)?),
            client_authorities: self.client_authorities.iter().map(all).collect::<Result<_, _>>()?,
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

    /// Which client certificates are trusted. Revocation lists that others sent, and newer ones of files, are kept from
    /// `before`.
    pub(super) fn client_trust(
        &self,
        contents: &TlsContents,
        is_blocked: IsBlocked,
        before: Option<&ClientTrust>,
    ) -> Result<ClientTrust, TlsError> {
        let configured = self.client_authorities.iter().zip(&contents.client_authorities);
        let authorities = configured.map(|(configured, contents)| {
            let mut authority = read_authority(configured, contents)?;
            let before = before.iter().flat_map(|trust| trust.authorities());
            if let Some(before) = before.into_iter().find(|before| before.label.name == configured.name) {
                authority.succeed(before)?;
            }
            Ok(authority)
        });
        let authorities = authorities.collect::<Result<_, TrustError>>()?;
        Ok(ClientTrust::new(authorities, is_blocked)?)
    }
}

impl TlsFiles {
    /// Refuses an authority that vouches for the clients of both, as far as files tell.
    pub fn check_apart_from(&self, other: &Self) -> Result<(), TlsError> {
        let (own, other) =
            (read_client_trust(&self.client_authorities)?, read_client_trust(&other.client_authorities)?);
        check_apart(&own, &other)
    }
}

/// Refuses an authority that both trust.
pub(super) fn check_apart(own: &ClientTrust, other: &ClientTrust) -> Result<(), TlsError> {
    own.shared_authority(other).map_or(Ok(()), |name| Err(TlsError::SharedAuthority(name.to_owned())))
}

/// What the files of `authorities` make of client certificates, and nobody is blocked.
pub(super) fn read_client_trust(authorities: &[ClientAuthority]) -> Result<ClientTrust, TlsError> {
    let read = |authority: &ClientAuthority| {
        let contents = authority.files().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
        Ok::<_, TlsError>(read_authority(authority, &contents)?)
    };
    let authorities = authorities.iter().map(read).collect::<Result<_, _>>()?;
    Ok(ClientTrust::new(authorities, Arc::new(|_, _| false))?)
}

fn read_authority(configured: &ClientAuthority, contents: &[Vec<u8>]) -> Result<Authority, TrustError> {
    let names: Vec<_> = configured.files().map(|file| file.display().to_string()).collect();
    let files: Vec<_> = names.iter().zip(contents).map(|(name, content)| PemFile { name, content }).collect();
    let (anchors, others) = files.split_at(configured.ca_files.len().min(files.len()));
    let (intermediates, lists) = others.split_at(configured.intermediate_files.len().min(others.len()));
    let (name, environment) = (configured.name.clone(), configured.environment.clone());
    let mut authority = Authority::new(AuthorityLabel { name, environment }, anchors, intermediates)?
        .in_doubt(configured.without_crl, configured.expired_crl);
    for source in &configured.crls {
        authority.add_source(source.to_string(), matches!(source, CrlSource::Url(_)));
    }
    for list in lists {
        authority.take_lists(list.name, list.content)?;
    }
    Ok(authority)
}

impl TlsContents {
    /// Differs when any file has changed.
    pub(super) fn digest(&self) -> [u8; 32] {
        let files = [&self.certificate, &*self.key].into_iter().chain(self.client_authorities.iter().flatten());
        crypto::sha256(&files.flat_map(|content| crypto::sha256(content)).collect::<Vec<_>>())
    }
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(file).map_err(|cause| TlsError::Unreadable { file: file.to_owned(), cause })
}

//! How a demo consumer comes in: its credential is made, and what it needs to use it is kept in files.

use careconnect_verifier::Algorithm;

use super::{
    assertion::KeyFiles,
    pki::{Authority, CertificateFiles, Pki},
};
use crate::{
    cli::certificate_arguments::certificate_of,
    domain::{CertificateIdentity, CredentialKind},
};

/// A way in, with the name of its files and what the credential says of the consumer.
pub(super) enum WayIn {
    Secret,
    SanDns { file: &'static str, host: &'static str },
    SanUri { file: &'static str, uri: &'static str },
    SubjectDn { file: &'static str, host: &'static str },
    SelfSigned { file: &'static str, host: &'static str },
    Assertion { file: &'static str, algorithm: Algorithm, kid: &'static str, to_token_endpoint: bool },
}

/// A credential of a new consumer.
pub(super) enum Made {
    /// Registration makes it.
    Secret,
    Certificate(CertificateFiles, CertificateIdentity),
    Key(KeyFiles),
}

impl WayIn {
    pub(super) fn make(&self, pki: &Pki<'_>, authority: &Authority) -> anyhow::Result<Made> {
        let (files, identity) = match self {
            Self::Secret => return Ok(Made::Secret),
            Self::Assertion { file, algorithm, kid, .. } => {
                return Ok(Made::Key(pki.assertion_key(file, *algorithm, kid)?));
            }
            Self::SanDns { file, host } => {
                (pki.client(authority, file, host, None)?, CertificateIdentity::parse("san_dns", host)?)
            }
            Self::SanUri { file, uri } => {
                let host = format!("{file}.thirdparty.example");
                (pki.client(authority, file, &host, Some(uri))?, CertificateIdentity::parse("san_uri", uri)?)
            }
            Self::SubjectDn { file, host } => {
                let subject = format!("CN={host},OU=Demo,O=NHS,C=GB");
                (pki.client(authority, file, host, None)?, CertificateIdentity::parse("subject_dn", &subject)?)
            }
            Self::SelfSigned { file, host } => {
                let files = pki.self_signed(file, host)?;
                let certificate = certificate_of(&files.certificate, pki.now)?;
                (files, CertificateIdentity::Thumbprint(certificate.thumbprint()))
            }
        };
        Ok(Made::Certificate(files, identity))
    }

    /// What the consumer's assertions say in `aud`.
    pub(super) fn audience(&self, issuer: &str) -> Option<String> {
        match self {
            Self::Assertion { to_token_endpoint: true, .. } => Some(format!("{issuer}/oauth2/token")),
            Self::Assertion { .. } => Some(issuer.to_owned()),
            _ => None,
        }
    }
}

impl Made {
    /// The client authentication method, as `dev.json` names it.
    pub(super) const fn method(&self) -> &'static str {
        match self {
            Self::Secret => "client_secret",
            Self::Certificate(_, identity) => identity.method(),
            Self::Key(_) => "private_key_jwt",
        }
    }

    /// What is registered, unless registration makes it.
    pub(super) fn credential(&self) -> Option<CredentialKind> {
        match self {
            Self::Secret => None,
            Self::Certificate(_, identity) => Some(identity.clone().into()),
            Self::Key(files) => Some(CredentialKind::Key(files.public.clone())),
        }
    }
}

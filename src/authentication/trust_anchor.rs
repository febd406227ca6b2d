//! Reading the certificates that a trust configuration is made of, and what may be wrong with its files.

use rustls_pki_types::{CertificateDer, TrustAnchor, pem::PemObject};
use webpki::anchor_from_trusted_cert;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::certificate::{may_sign_certificates, name_text};
use crate::{clock::UnixTime, domain::KeyThumbprint};

/// The content of a file, and the name by which people know it.
#[derive(Debug, Clone, Copy)]
pub struct PemFile<'a> {
    /// What errors call it.
    pub name: &'a str,
    /// What it holds.
    pub content: &'a [u8],
}

/// Which file cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct TrustError {
    /// The file's name.
    pub file: String,
    /// What is wrong with it.
    pub problem: TrustProblem,
}

/// What is wrong with a file of authorities or revocation lists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustProblem {
    /// It is not PEM.
    #[error("it is not PEM: {0}")]
    NotPem(String),
    /// It holds nothing of the kind that was expected.
    #[error("expected at least one {0} in PEM, received none")]
    Empty(&'static str),
    /// Something in it is not what it says.
    #[error("entry {entry} is no {expected}: {what}")]
    Unreadable {
        /// Its number, from 1.
        entry: usize,
        /// What was expected.
        expected: &'static str,
        /// What was found.
        what: String,
    },
    /// Something in it has a form that cannot be relied on.
    #[error("entry {entry} cannot be used as {expected}: {what}")]
    Unusable {
        /// Its number, from 1.
        entry: usize,
        /// What was expected.
        expected: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// The issuer of a revocation list is nobody who is named.
    #[error("expected lists of the authorities in `ca_files` and `intermediate_files`, received one of {issuer}")]
    ListOfStranger {
        /// The issuer that the list names.
        issuer: String,
    },
    /// The issuer of a revocation list may not issue any.
    #[error("the list of {issuer} counts for nothing: that authority has no key usage cRLSign")]
    ListWithoutRight {
        /// The issuer.
        issuer: String,
    },
    /// A revocation list bears the name of an authority, and not its signature.
    #[error("the list that bears the name of {issuer} has not its signature")]
    ListForged {
        /// The issuer that the list names.
        issuer: String,
    },
    /// A revocation list would bring back the past.
    #[error("expected a list of {issuer} made at {held} or later, received one made at {received}")]
    ListOlder {
        /// The issuer.
        issuer: String,
        /// When the list was made.
        received: UnixTime,
        /// When the one was made that is in use.
        held: UnixTime,
    },
    /// A revocation list that came from there before is there no more.
    #[error("expected a list of {issuer}, as there was before; received none")]
    ListGone {
        /// The issuer.
        issuer: String,
    },
    /// An authority stands in two environments, where a certificate is of one.
    #[error("the authority {authority} stands in the environments {one} and {other}; expected one")]
    TwoEnvironments {
        /// Its subject.
        authority: String,
        /// An environment.
        one: String,
        /// Another.
        other: String,
    },
}

/// An authority whose signature is believed.
#[derive(Debug, Clone)]
pub struct Anchor {
    pub(super) key: TrustAnchor<'static>,
    pub(super) der: CertificateDer<'static>,
    /// Its name (RFC 4514), as text that cannot forge a log line.
    pub subject: String,
    /// Its key.
    pub thumbprint: KeyThumbprint,
    /// The first second at which it is valid.
    pub not_before: UnixTime,
    /// The last second at which it is valid.
    pub not_after: UnixTime,
    is_authority: bool,
    max_intermediates: Option<u32>,
}

impl Anchor {
    /// May it stand at the end of a path with this many intermediate certificates?
    pub(super) fn check(&self, intermediates: usize, now: UnixTime) -> Result<(), webpki::Error> {
        if !self.is_authority {
            return Err(webpki::Error::EndEntityUsedAsCa);
        }
        let intermediates = u32::try_from(intermediates).unwrap_or(u32::MAX);
        if self.max_intermediates.is_some_and(|limit| intermediates > limit) {
            return Err(webpki::Error::PathLenConstraintViolated);
        }
        self.check_dates(now)
    }

    pub(super) fn check_dates(&self, now: UnixTime) -> Result<(), webpki::Error> {
        let webpki_time = |time: UnixTime| {
            let seconds = u64::try_from(time.0).unwrap_or(0);
            rustls_pki_types::UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
        };
        let time = webpki_time(now);
        if now < self.not_before {
            return Err(webpki::Error::CertNotValidYet { time, not_before: webpki_time(self.not_before) });
        }
        if now > self.not_after {
            return Err(webpki::Error::CertExpired { time, not_after: webpki_time(self.not_after) });
        }
        Ok(())
    }

    fn read(der: &CertificateDer<'_>, entry: usize) -> Result<Self, TrustProblem> {
        let expected = "authority's certificate";
        let unreadable = |what| TrustProblem::Unreadable { entry, expected, what };
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|error| unreadable(error.to_string()))?;
        if !rest.is_empty() {
            return Err(unreadable("bytes follow the certificate".to_owned()));
        }
        let key = anchor_from_trusted_cert(der).map_err(|error| TrustProblem::Unusable {
            entry,
            expected,
            what: format!("{error:?}"),
        })?;
        let constraints = certificate.basic_constraints().ok().flatten();
        Ok(Self {
            key: key.to_owned(),
            der: der.clone().into_owned(),
            subject: name_text(certificate.subject()),
            thumbprint: KeyThumbprint::of_spki(certificate.public_key().raw),
            not_before: UnixTime(certificate.validity().not_before.timestamp()),
            not_after: UnixTime(certificate.validity().not_after.timestamp()),
            is_authority: may_sign_certificates(&certificate),
            max_intermediates: constraints.and_then(|constraints| constraints.value.path_len_constraint),
        })
    }
}

impl PemFile<'_> {
    pub(super) fn anchors(&self) -> Result<Vec<Anchor>, TrustError> {
        let entries = self.entries::<CertificateDer<'static>>("certificate")?;
        let anchors = entries.iter().enumerate().map(|(at, der)| Anchor::read(der, at + 1)).collect::<Result<_, _>>();
        anchors.map_err(|problem| self.refuse(problem))
    }

    fn entries<T: PemObject>(&self, expected: &'static str) -> Result<Vec<T>, TrustError> {
        let entries: Vec<T> = T::pem_slice_iter(self.content)
            .collect::<Result<_, _>>()
            .map_err(|error| self.refuse(TrustProblem::NotPem(error.to_string())))?;
        if entries.is_empty() { Err(self.refuse(TrustProblem::Empty(expected))) } else { Ok(entries) }
    }

    pub(super) fn refuse(&self, problem: TrustProblem) -> TrustError {
        TrustError { file: self.name.to_owned(), problem }
    }
}

//! What is wrong with a listener's certificates and does not keep it from serving: for its log, and for `config check`.

use std::sync::Arc;

use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, ServerName};
use webpki::EndEntityCert;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{TlsError, TlsFiles};
use crate::{
    authentication::client_trust::{ClientTrust, IsBlocked},
    clock::UnixTime,
    crypto,
    expiries::{self, Expiry},
};

/// Something that an operator should mend before clients notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concern {
    /// A stable word for the log.
    pub event: &'static str,
    /// The key of the configuration whose file it concerns.
    pub key: &'static str,
    /// What is wrong.
    pub sentence: String,
}

impl TlsFiles {
    /// Reads the files as a listener would; gives what it would warn of at `now`, and what of them ends soon.
    pub fn examine(&self, now: UnixTime) -> Result<(Vec<Concern>, Vec<Expiry>), TlsError> {
        let contents = self.read()?;
        let identity = self.identity(&contents, &crypto::tls_provider())?;
        let nobody_is_blocked: IsBlocked = Arc::new(|_, _| false);
        let trust = self.client_trust(&contents, nobody_is_blocked, None)?;
        Ok((self.concerns(&identity, &trust, now), self.expiries(&identity, &trust, now)))
    }

    /// What the authorities of clients are called (RFC 4514), those on the way to them, too.
    pub fn authority_names(&self) -> Result<Vec<String>, TlsError> {
        let trust = self.client_trust(&self.read()?, Arc::new(|_, _| false), None)?;
        let issuers = trust.authorities().iter().flat_map(|authority| authority.issuers());
        Ok(issuers.map(|issuer| issuer.subject.clone()).collect())
    }

    /// What ends is no concern: [`Self::expiries`] has it.
    pub(super) fn concerns(&self, identity: &CertifiedKey, trust: &ClientTrust, now: UnixTime) -> Vec<Concern> {
        let own = identity.cert.first().into_iter();
        let own = own.flat_map(|leaf| [self.start_concern(leaf, now), self.host_concern(leaf)]).flatten();
        let issuers = trust.authorities().iter().flat_map(|authority| authority.issuers());
        let issuers = issuers.filter(|issuer| now < issuer.not_before).map(|issuer| Concern {
            event: "client_authority_not_yet_valid",
            key: self.listener.authorities_key(),
            sentence: format!(
                "the authority {} is valid from {} only, and now it is {now}: its clients are refused",
                issuer.subject, issuer.not_before
            ),
        });
        own.chain(issuers).collect()
    }

    /// What ends soon: the server's certificate, the authorities', and their lists.
    pub(super) fn expiries(&self, identity: &CertifiedKey, trust: &ClientTrust, now: UnixTime) -> Vec<Expiry> {
        let file = || self.certificate_file.display().to_string();
        let own = identity.cert.first().and_then(dates);
        let own = own.and_then(|(_, not_after)| expiries::of_server_certificate(file(), not_after, now));
        own.into_iter().chain(expiries::of_trust(trust, now)).collect()
    }

    fn start_concern(&self, leaf: &CertificateDer<'_>, now: UnixTime) -> Option<Concern> {
        let (not_before, _) = dates(leaf)?;
        let what = || format!("is valid from {not_before} only, and now it is {now}: clients refuse it");
        (now < not_before).then(|| self.concern("tls_certificate_not_yet_valid", what()))
    }

    fn host_concern(&self, leaf: &CertificateDer<'_>) -> Option<Concern> {
        let host = self.host.as_deref()?;
        let name = ServerName::try_from(host).ok()?;
        let is_for_host = EndEntityCert::try_from(leaf).ok()?.verify_is_valid_for_subject_name(&name).is_ok();
        let what = || format!("does not name {host:?}, the issuer's host, which clients look for");
        (!is_for_host).then(|| self.concern("tls_certificate_for_another_host", what()))
    }

    fn concern(&self, event: &'static str, what: String) -> Concern {
        let sentence = format!("{} {what}", self.certificate_file.display());
        Concern { event, key: self.listener.certificate_key(), sentence }
    }
}

/// The first and the last second at which a certificate is valid.
pub(super) fn dates(certificate: &CertificateDer<'_>) -> Option<(UnixTime, UnixTime)> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let validity = certificate.validity();
    Some((UnixTime(validity.not_before.timestamp()), UnixTime(validity.not_after.timestamp())))
}

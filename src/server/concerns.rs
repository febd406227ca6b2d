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
};

/// A server's certificate that ends sooner is worth a warning, in seconds.
const SOON: i64 = 30 * 86_400;

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
    /// Reads the files as a listener would, and gives what it would warn of at `now`.
    pub fn examine(&self, now: UnixTime) -> Result<Vec<Concern>, TlsError> {
        let contents = self.read()?;
        let identity = self.identity(&contents, &crypto::tls_provider())?;
        let nobody_is_blocked: IsBlocked = Arc::new(|_, _| false);
        Ok(self.concerns(&identity, &self.client_trust(&contents, nobody_is_blocked, None)?, now))
    }

    pub(super) fn concerns(&self, identity: &CertifiedKey, trust: &ClientTrust, now: UnixTime) -> Vec<Concern> {
        let own = identity.cert.first().into_iter();
        let own = own.flat_map(|leaf| [self.date_concern(leaf, now), self.host_concern(leaf)]).flatten();
        let authorities = trust.anchors_out_of_date(now).map(|authority| Concern {
            event: "client_authority_out_of_date",
            key: "tls.client_authorities",
            sentence: format!("the authority {authority} is out of date: its clients are refused"),
        });
        let sources = trust.list_sources().flat_map(|(_, source)| source.lists.iter().map(move |list| (source, list)));
        let lists = sources.filter(|(_, list)| list.next_update <= now).map(|(source, list)| Concern {
            event: "revocation_list_out_of_date",
            key: "tls.client_authorities",
            sentence: format!(
                "{}: the list of {} was due for renewal at {}",
                source.name, list.issuer, list.next_update
            ),
        });
        own.chain(authorities).chain(lists).collect()
    }

    fn date_concern(&self, leaf: &CertificateDer<'_>, now: UnixTime) -> Option<Concern> {
        let (not_before, not_after) = dates(leaf)?;
        let (event, what) = if !(not_before..=not_after).contains(&now) {
            ("tls_certificate_out_of_date", "clients refuse it")
        } else if not_after.since(now) < SOON {
            ("tls_certificate_ends_soon", "renew it")
        } else {
            return None;
        };
        Some(self.concern(event, format!("is valid from {not_before} to {not_after}, and now it is {now}: {what}")))
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
        Concern { event, key: "tls.certificate_file", sentence }
    }
}

/// The first and the last second at which a certificate is valid.
pub(super) fn dates(certificate: &CertificateDer<'_>) -> Option<(UnixTime, UnixTime)> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let validity = certificate.validity();
    Some((UnixTime(validity.not_before.timestamp()), UnixTime(validity.not_after.timestamp())))
}

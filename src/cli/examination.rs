//! What `serve` would say of a configuration, without serving.

use std::sync::Arc;

use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use url::Url;
use webpki::EndEntityCert;

use crate::{
    authentication::peer::PeerCertificate,
    clock::{ManualClock, UnixTime},
    config::{FileFindings, LoadedConfig, Place, Problem, Serving},
    server::{ClientAuthentication, ReloadableTls, TlsFiles},
    signing::KeyRing,
};

/// A server certificate that ends sooner is worth a warning, in seconds.
const SOON: i64 = 30 * 86_400;

/// Looks at the keys of the configuration, then at the files that they name, then at what is in the files.
pub(super) fn examine(loaded: &LoadedConfig, now: UnixTime) -> FileFindings {
    let mut findings = loaded.examine_files();
    match loaded.config.serving() {
        Err(error) => findings.problems.splice(0..0, error.problems).for_each(drop),
        Ok(serving) if findings.problems.is_empty() => examine_contents(loaded, &serving, now, &mut findings),
        Ok(_) => {}
    }
    findings
}

fn examine_contents(loaded: &LoadedConfig, serving: &Serving<'_>, now: UnixTime, findings: &mut FileFindings) {
    let nobody = ClientAuthentication::Optional { self_signed: Arc::new(|_| false) };
    let files = TlsFiles::of(&loaded.config.tls, serving);
    if let Err(error) = ReloadableTls::load(files, nobody, Arc::new(ManualClock::at(now))) {
        findings.problems.push(problem("tls", error.to_string()));
    } else {
        findings
            .warnings
            .extend(examine_server_certificate(serving, now).map(|why| problem("tls.certificate_file", why)));
    }
    if let Err(error) = KeyRing::algorithms_in(&loaded.config.keys.directory) {
        findings.problems.push(problem("keys.directory", error.to_string()));
    }
}

/// Is it about to end, and is it for the host that the issuer names?
fn examine_server_certificate(serving: &Serving<'_>, now: UnixTime) -> Option<String> {
    let der = CertificateDer::from_pem_file(serving.certificate_file).ok()?;
    let certificate = PeerCertificate::parse(vec![der.clone()]).ok()?;
    let file = serving.certificate_file.display();
    if certificate.not_after().since(now) < SOON {
        return Some(format!("{file} ends on {}: renew it", certificate.not_after()));
    }
    let host = Url::parse(serving.issuer.as_str()).ok()?.host_str()?.to_owned();
    let name = ServerName::try_from(host.as_str()).ok()?;
    let is_for_host = EndEntityCert::try_from(&der).ok()?.verify_is_valid_for_subject_name(&name).is_ok();
    (!is_for_host).then(|| format!("{file} does not name {host:?}, the issuer's host, which clients will look for"))
}

fn problem(key: &str, sentence: String) -> Problem {
    Problem { place: Place::Nowhere, key: Some(key.to_owned()), sentence }
}

//! The certificates that an administrator can name: of consumers and of providers.

use std::path::{Path, PathBuf};

use clap::Args;
use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{
    certificate_file, certificate_report,
    output::{self, BadInput},
};
use crate::{
    authentication::peer::PeerCertificate,
    clock::UnixTime,
    domain::{
        CertificateIdentity, CertificateThumbprint, DistinguishedName, DnsName, Environment, KeyThumbprint,
        RegisteredCertificate, UriName,
    },
};

/// Certificates by what they say, or as files.
#[derive(Debug, Clone, Args)]
pub(super) struct CertificateArguments {
    /// Accept certificates of a configured authority with this DNS name among their alternative names. Repeatable.
    #[arg(long, value_name = "NAME")]
    certificate_dns: Vec<DnsName>,
    /// Accept certificates of a configured authority with this URI among their alternative names. Repeatable.
    #[arg(long, value_name = "URI")]
    certificate_uri: Vec<UriName>,
    /// Accept certificates of a configured authority with this subject, as `cert inspect` prints it (RFC 4514: the
    /// common name first, the country last). Repeatable.
    #[arg(long, value_name = "SUBJECT", value_parser = DistinguishedName::of_one_system)]
    certificate_subject: Vec<DistinguishedName>,
    /// Accept just this certificate, self-signed or not: a PEM file. Repeatable.
    #[arg(long, value_name = "FILE")]
    certificate_file: Vec<PathBuf>,
    /// Accept just the certificate with this SHA-256 thumbprint. Repeatable.
    #[arg(long, value_name = "THUMBPRINT")]
    certificate_thumbprint: Vec<CertificateThumbprint>,
    /// Accept every certificate with the key of this one, renewed or not: a PEM file. If it signs itself, so must they; if
    /// an authority has signed it, so must a configured one. Repeatable.
    #[arg(long, value_name = "FILE")]
    certificate_key_of: Vec<PathBuf>,
    /// Accept these certificates only from the authority whose certificate is in this file, told by its key.
    #[arg(long, value_name = "FILE")]
    certificate_issuer: Option<PathBuf>,
    /// Accept these certificates only from authorities of this environment.
    #[arg(long, value_name = "NAME", default_value = "live")]
    certificate_environment: Environment,
}

impl CertificateArguments {
    /// What they mean, with warnings about certificates that no listener would accept at `now`.
    pub(super) fn read(self, now: UnixTime) -> anyhow::Result<Vec<RegisteredCertificate>> {
        let mut identities: Vec<CertificateIdentity> = Vec::new();
        let mut alone: Vec<CertificateIdentity> = Vec::new();
        identities.extend(self.certificate_dns.into_iter().map(CertificateIdentity::SanDns));
        identities.extend(self.certificate_uri.into_iter().map(CertificateIdentity::SanUri));
        identities.extend(self.certificate_subject.into_iter().map(CertificateIdentity::SubjectDn));
        identities.extend(self.certificate_thumbprint.into_iter().map(CertificateIdentity::Thumbprint));
        for file in self.certificate_file {
            let certificate = certificate_of(&file, now)?;
            let to = if certificate.is_self_issued() { &mut alone } else { &mut identities };
            to.push(CertificateIdentity::Thumbprint(certificate.thumbprint()));
        }
        for file in self.certificate_key_of {
            let certificate = certificate_of(&file, now)?;
            let key = certificate.chain().first().map(|der| key_thumbprint(der, &file)).transpose()?;
            let to = if certificate.is_self_issued() { &mut alone } else { &mut identities };
            to.extend(key.map(CertificateIdentity::PublicKey));
        }
        let issuer = self.certificate_issuer.map(|file| issuer_key(&file)).transpose()?;
        if identities.is_empty() && issuer.is_some() {
            let sentence = "--certificate-issuer goes with one of the other --certificate options";
            return Err(BadInput(sentence.to_owned()).into());
        }
        let registered = |environment: Option<Environment>| {
            move |identity| RegisteredCertificate { identity, environment: environment.clone(), issuer }
        };
        let vouched_for = identities.into_iter().map(registered(Some(self.certificate_environment)));
        Ok(vouched_for.chain(alone.into_iter().map(registered(None))).collect())
    }
}

/// The certificate in a file. Refuses one that no listener would accept, and warns of one that it would not at `now`.
pub(super) fn certificate_of(file: &Path, now: UnixTime) -> anyhow::Result<PeerCertificate> {
    let name = file.display();
    let refuse = |refusal| BadInput(format!("{name}: {refusal}"));
    let certificate = PeerCertificate::parse(certificate_file::chain_in(file)?).map_err(refuse)?;
    certificate_report::fitness(&certificate).map_err(refuse)?;
    if let Err(refusal) = certificate.check_dates(now) {
        output::note(&format!("warning: {name}: {refusal}"));
    }
    Ok(certificate)
}

/// The thumbprint of the key of the first certificate in a file.
pub(super) fn issuer_key(file: &Path) -> anyhow::Result<KeyThumbprint> {
    key_thumbprint(&certificate_file::chain_in(file)?.swap_remove(0), file)
}

fn key_thumbprint(der: &CertificateDer<'_>, file: &Path) -> anyhow::Result<KeyThumbprint> {
    let unreadable = |error| BadInput(format!("{}: it is no certificate: {error}", file.display()));
    let (_, certificate) = X509Certificate::from_der(der).map_err(unreadable)?;
    Ok(KeyThumbprint::of_spki(certificate.public_key().raw))
}

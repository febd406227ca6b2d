//! A throw-away PKI: one authority for the server, one for consumers, and a certificate that signs itself.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
};

use anyhow::Context;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};

use crate::clock::UnixTime;

/// How long the certificates last.
const DAYS: i64 = 90;

/// A certificate and its key as files.
#[derive(Debug, Clone)]
pub(super) struct CertificateFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// An authority that exists for this run.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate.
    pub(super) file: PathBuf,
}

/// Where the files go, and when they begin to count.
pub(super) struct Pki<'a> {
    pub(super) directory: &'a Path,
    pub(super) now: UnixTime,
}

impl Pki<'_> {
    pub(super) fn authority(&self, name: &str) -> anyhow::Result<Authority> {
        let mut params = self.params(&[("CN", &format!("{name} (throw-away)"))])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let file = self.directory.join(format!("{name}.pem"));
        write(&file, &certificate.pem(), 0o644)?;
        Ok(Authority { issuer: Issuer::new(params, key), file })
    }

    /// For the server, on the names of this machine's loopback.
    pub(super) fn server(&self, authority: &Authority) -> anyhow::Result<CertificateFiles> {
        let mut params = self.params(&[("CN", "localhost")])?;
        params.subject_alt_names = vec![
            SanType::DnsName("localhost".try_into()?),
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue("server", params, authority)
    }

    /// For a consumer with this host name, and this URI if it has one.
    pub(super) fn client(
        &self,
        authority: &Authority,
        file: &str,
        host: &str,
        uri: Option<&str>,
    ) -> anyhow::Result<CertificateFiles> {
        let mut params = self.params(&[("C", "GB"), ("O", "NHS"), ("OU", "Demo"), ("CN", host)])?;
        params.subject_alt_names = vec![SanType::DnsName(host.try_into()?)];
        if let Some(uri) = uri {
            params.subject_alt_names.push(SanType::URI(uri.try_into()?));
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(file, params, authority)
    }

    /// For a consumer whose certificate no authority has signed.
    pub(super) fn self_signed(&self, file: &str, host: &str) -> anyhow::Result<CertificateFiles> {
        let mut params = self.params(&[("CN", host)])?;
        params.subject_alt_names = vec![SanType::DnsName(host.try_into()?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        self.write_pair(file, &certificate, &key)
    }

    fn issue(
        &self,
        file: &str,
        mut params: CertificateParams,
        authority: &Authority,
    ) -> anyhow::Result<CertificateFiles> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &authority.issuer)?;
        self.write_pair(file, &certificate, &key)
    }

    fn params(&self, subject: &[(&str, &str)]) -> anyhow::Result<CertificateParams> {
        let mut params = CertificateParams::new(vec![])?;
        let mut name = DistinguishedName::new();
        for (kind, value) in subject {
            let kind = match *kind {
                "C" => DnType::CountryName,
                "O" => DnType::OrganizationName,
                "OU" => DnType::OrganizationalUnitName,
                _ => DnType::CommonName,
            };
            name.push(kind, *value);
        }
        params.distinguished_name = name;
        let (year, month, date) = day(self.now.plus(-86_400))?;
        params.not_before = date_time_ymd(year, month, date);
        let (year, month, date) = day(self.now.plus(DAYS * 86_400))?;
        params.not_after = date_time_ymd(year, month, date);
        Ok(params)
    }

    fn write_pair(&self, file: &str, certificate: &Certificate, key: &KeyPair) -> anyhow::Result<CertificateFiles> {
        let files = CertificateFiles {
            certificate: self.directory.join(format!("{file}.pem")),
            key: self.directory.join(format!("{file}.key")),
        };
        write(&files.certificate, &certificate.pem(), 0o644)?;
        write(&files.key, &key.serialize_pem(), 0o600)?;
        Ok(files)
    }
}

/// The day of `time` in UTC: year, month, day.
fn day(time: UnixTime) -> anyhow::Result<(i32, u8, u8)> {
    let date = jiff::Timestamp::from_second(time.0)?.to_zoned(jiff::tz::TimeZone::UTC).date();
    Ok((date.year().into(), u8::try_from(date.month())?, u8::try_from(date.day())?))
}

/// Writes a file with this mode from the start, so that a key is never readable by others, not even for a moment.
pub(super) fn write(file: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let open = || -> io::Result<()> {
        let _none_to_remove = fs::remove_file(file);
        fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(file)?.write_all(text.as_bytes())
    };
    open().with_context(|| format!("{} cannot be written", file.display()))
}

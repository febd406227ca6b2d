//! A real public key infrastructure, made on the spot and kept in memory.

use std::time::Duration;

use careconnect_auth::clock::UnixTime;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

/// 2027-01-15: within the dates of everything here that is valid at all.
pub(crate) const NOW: UnixTime = UnixTime(1_800_000_000);

/// Who signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, then those of its issuers below the root.
    chain: Vec<CertificateDer<'static>>,
    pem: String,
}

/// Who presents a certificate, and holds its key.
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    params: CertificateParams,
    key: KeyPair,
}

impl Authority {
    /// A root.
    pub(crate) fn new(name: &str) -> Self {
        Self::with(name, |_| {})
    }

    /// A root that differs in something.
    pub(crate) fn with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let (params, key) = (authority_params(name, change), KeyPair::generate().unwrap());
        let certificate = params.self_signed(&key).unwrap();
        Self { issuer: Issuer::new(params, key), chain: Vec::new(), pem: certificate.pem() }
    }

    /// An authority below this one; its certificate travels in the chains of what it issues.
    pub(crate) fn intermediate(&self, name: &str) -> Self {
        self.intermediate_with(name, |_| {})
    }

    pub(crate) fn intermediate_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let (params, key) = (authority_params(name, change), KeyPair::generate().unwrap());
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let chain = [vec![certificate.der().clone()], self.chain.clone()].concat();
        Self { issuer: Issuer::new(params, key), chain, pem: certificate.pem() }
    }

    /// An authority with the right to issue that only this identity's certificate gives: none.
    pub(crate) fn pretending(identity: Identity) -> Self {
        Self { chain: identity.chain, pem: String::new(), issuer: Issuer::new(identity.params, identity.key) }
    }

    /// The server's certificate, for `localhost`.
    pub(crate) fn server(&self) -> Identity {
        self.issue("localhost", |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth])
    }

    /// A client's certificate: `dns_name` is its only alternative name, and its common name.
    pub(crate) fn client(&self, dns_name: &str) -> Identity {
        self.issue(dns_name, |_| {})
    }

    /// A client's certificate that differs in something.
    pub(crate) fn issue(&self, dns_name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let (params, key) = (leaf_params(dns_name, change), KeyPair::generate().unwrap());
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { chain: [vec![certificate.der().clone()], self.chain.clone()].concat(), params, key }
    }

    /// A list that revokes these serial numbers, due for renewal in `next_update`.
    pub(crate) fn revocation_list(&self, serials: &[u64], next_update: i32) -> String {
        self.numbered_list(1, serials, next_update)
    }

    /// The list of this number, which was made that many days after the first one.
    pub(crate) fn numbered_list(&self, number: u64, serials: &[u64], next_update: i32) -> String {
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2021, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2021, 1, 1) + Duration::from_secs(86_400 * (number - 1)),
            next_update: date_time_ymd(next_update, 1, 1),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }

    /// Its certificate.
    pub(crate) fn pem(&self) -> String {
        self.pem.clone()
    }

    /// Its certificate.
    pub(crate) fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()
    }
}

impl Identity {
    /// A certificate that nobody but its holder signed.
    pub(crate) fn self_signed(dns_name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let (params, key) = (leaf_params(dns_name, change), KeyPair::generate().unwrap());
        let chain = vec![params.self_signed(&key).unwrap().der().clone()];
        Self { chain, params, key }
    }

    /// A certificate that its holder signs with the key of this one.
    pub(crate) fn signing_itself(&self, dns_name: &str) -> Self {
        let (params, key) = (leaf_params(dns_name, |_| {}), KeyPair::from_pem(&self.key_pem()).unwrap());
        let chain = vec![params.self_signed(&key).unwrap().der().clone()];
        Self { chain, params, key }
    }

    /// Adds certificates to what is presented.
    pub(crate) fn stuffed_with(mut self, others: impl IntoIterator<Item = CertificateDer<'static>>) -> Self {
        self.chain.extend(others);
        self
    }

    /// Its certificate and those of its issuers.
    pub(crate) fn pem(&self) -> String {
        self.chain.iter().map(|der| certificate_pem(der)).collect()
    }

    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    pub(crate) fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key_pem().as_bytes()).unwrap()
    }
}

pub(crate) fn certificate_pem(der: &CertificateDer<'_>) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64_STANDARD.encode(der))
}

/// Sets the dates to whole seconds since 1970.
pub(crate) fn valid(params: &mut CertificateParams, from: UnixTime, until: UnixTime) {
    let date = |time: UnixTime| date_time_ymd(1970, 1, 1) + Duration::from_secs(time.0.try_into().unwrap());
    (params.not_before, params.not_after) = (date(from), date(until));
}

fn authority_params(name: &str, change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = params(name, Vec::new());
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    change(&mut params);
    params
}

fn leaf_params(dns_name: &str, change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = params(dns_name, vec![dns_name.to_owned()]);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    change(&mut params);
    params
}

fn params(name: &str, dns_names: Vec<String>) -> CertificateParams {
    let mut params = CertificateParams::new(dns_names).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2049, 1, 1));
    params
}

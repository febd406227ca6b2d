//! One revocation list: what it says of itself, whose word it is, and whether it may take the place of another.

use rustls_pki_types::{CertificateRevocationListDer, SignatureVerificationAlgorithm, pem::PemObject};
use webpki::{CertRevocationList, OwnedCertRevocationList};
use x509_parser::{
    asn1_rs::{Any, BitString},
    prelude::{CertificateRevocationList, FromDer, X509Certificate},
    x509::SubjectPublicKeyInfo,
};

use super::{certificate::name_text, trust_anchor::TrustProblem};
use crate::{clock::UnixTime, crypto};

const EXPECTED: &str = "revocation list";

/// A list that has been read.
pub struct RevocationList {
    pub(super) list: CertRevocationList<'static>,
    /// Its issuer, as text that cannot forge a log line.
    pub issuer: String,
    /// When it was made.
    pub this_update: UnixTime,
    /// When its successor is due.
    pub next_update: UnixTime,
    issuer_der: Vec<u8>,
    /// Which of the issuer's certificates it is about, when not all.
    scope: Option<Vec<u8>>,
    /// As octets in the order of numbers: length first.
    number: Option<(usize, Vec<u8>)>,
    digest: [u8; 32],
    signed: Signed,
}

/// What was signed, and how (RFC 5280 §5.1.1).
struct Signed {
    message: Vec<u8>,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
}

/// The lists in `content`: several in PEM, or one in DER.
pub fn read_lists(content: &[u8]) -> Result<Vec<RevocationList>, TrustProblem> {
    let entries = if content.starts_with(&[0x30]) {
        vec![CertificateRevocationListDer::from(content.to_vec())]
    } else {
        let entries = CertificateRevocationListDer::pem_slice_iter(content).collect::<Result<Vec<_>, _>>();
        entries.map_err(|error| TrustProblem::NotPem(error.to_string()))?
    };
    if entries.is_empty() {
        return Err(TrustProblem::Empty(EXPECTED));
    }
    entries.iter().enumerate().map(|(at, der)| RevocationList::read(der, at + 1)).collect()
}

impl RevocationList {
    fn read(der: &[u8], entry: usize) -> Result<Self, TrustProblem> {
        let unreadable = |what| TrustProblem::Unreadable { entry, expected: EXPECTED, what };
        let (rest, parsed) = CertificateRevocationList::from_der(der).map_err(|error| unreadable(error.to_string()))?;
        if !rest.is_empty() {
            return Err(unreadable("bytes follow the list".to_owned()));
        }
        let unusable = |what| TrustProblem::Unusable { entry, expected: EXPECTED, what };
        let list: CertRevocationList<'static> =
            OwnedCertRevocationList::from_der(der).map_err(|error| unusable(format!("{error:?}")))?.into();
        let next_update = parsed.next_update().ok_or_else(|| unusable("it has no next update".to_owned()))?;
        let message = parsed.tbs_cert_list.as_ref();
        Ok(Self {
            issuer: name_text(parsed.issuer()),
            issuer_der: parsed.issuer().as_raw().to_vec(),
            this_update: UnixTime(parsed.last_update().timestamp()),
            next_update: UnixTime(next_update.timestamp()),
            scope: list.issuing_distribution_point().map(<[u8]>::to_vec),
            number: parsed.crl_number().map(|number| number.to_bytes_be()).map(|octets| (octets.len(), octets)),
            digest: crypto::sha256(der),
            signed: Signed {
                message: message.to_vec(),
                algorithm: algorithm_after(der, message).ok_or_else(|| unusable("it is not DER".to_owned()))?,
                signature: parsed.signature_value.data.to_vec(),
            },
            list,
        })
    }

    /// Is it signed by one of `issuers`, which bears its issuer's name and may sign lists?
    pub(super) fn check_issuer<'a>(
        &self,
        issuers: impl Iterator<Item = &'a [u8]>,
        algorithms: &[&dyn SignatureVerificationAlgorithm],
    ) -> Result<(), TrustProblem> {
        let mut problem = TrustProblem::ListOfStranger { issuer: self.issuer.clone() };
        for der in issuers {
            let Ok((_, issuer)) = X509Certificate::from_der(der) else { continue };
            if issuer.subject().as_raw() != self.issuer_der {
                continue;
            }
            let usage = issuer.key_usage().ok().flatten();
            if usage.is_some_and(|usage| !usage.value.crl_sign()) {
                problem = TrustProblem::ListWithoutRight { issuer: self.issuer.clone() };
            } else if self.signed.is_by(issuer.public_key(), algorithms) {
                return Ok(());
            } else {
                problem = TrustProblem::ListForged { issuer: self.issuer.clone() };
            }
        }
        Err(problem)
    }

    /// Does it have the certificate of that issuer with that serial number? Whoever signed the certificate, and however
    /// old the list is: what is revoked stays so.
    pub(super) fn has_revoked(&self, issuer: &[u8], serial: &[u8]) -> bool {
        self.issuer_der == issuer && matches!(self.list.find_serial(serial), Ok(Some(_)) | Err(_))
    }

    /// Is it about the same certificates?
    pub(super) fn is_of_same_kind_as(&self, other: &Self) -> bool {
        self.issuer_der == other.issuer_der && self.scope == other.scope
    }

    /// Was it made before `held`? Whoever stands between could otherwise take back a revocation.
    pub(super) fn check_not_older_than(&self, held: &Self) -> Result<(), TrustProblem> {
        let has_smaller_number = self.number.as_ref().zip(held.number.as_ref()).is_some_and(|(new, old)| new < old);
        if self.this_update < held.this_update || has_smaller_number {
            return Err(TrustProblem::ListOlder {
                issuer: self.issuer.clone(),
                received: self.this_update,
                held: held.this_update,
            });
        }
        Ok(())
    }

    /// Is it the same, octet for octet?
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Signed {
    fn is_by(&self, key: &SubjectPublicKeyInfo<'_>, algorithms: &[&dyn SignatureVerificationAlgorithm]) -> bool {
        let Some((key_algorithm, key)) = parts_of(key.raw) else { return false };
        let fitting = algorithms.iter().filter(|algorithm| {
            algorithm.signature_alg_id().as_ref() == self.algorithm
                && algorithm.public_key_alg_id().as_ref() == key_algorithm
        });
        fitting.into_iter().any(|algorithm| algorithm.verify_signature(&key, &self.message, &self.signature).is_ok())
    }
}

/// The content of the algorithm, and the key, of a SubjectPublicKeyInfo.
fn parts_of(spki: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let (_, whole) = Any::from_der(spki).ok()?;
    let (rest, algorithm) = Any::from_der(whole.data).ok()?;
    let (_, key) = BitString::from_der(rest).ok()?;
    Some((algorithm.data, key.data.to_vec()))
}

/// The content of the algorithm that follows the signed part of `der`.
fn algorithm_after(der: &[u8], signed: &[u8]) -> Option<Vec<u8>> {
    let (_, whole) = Any::from_der(der).ok()?;
    let (_, algorithm) = Any::from_der(whole.data.strip_prefix(signed)?).ok()?;
    Some(algorithm.data.to_vec())
}

impl std::fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RevocationList({}, made {})", self.issuer, self.this_update)
    }
}

//! The one rule by which a client certificate chain is judged: by the handshake, by every token request again, and by
//! `cert verify` (RFC 5280 §6.1, through webpki).

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use rustls_pki_types::{self as pki, CertificateDer, SignatureVerificationAlgorithm, TrustAnchor};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, RevocationCheckDepth, RevocationOptions,
    RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{
    certificate::{may_sign_certificates, name_text, parse_certificate},
    chain_refusal::ChainRefusal,
    trust_anchor::Anchor,
};
use crate::{clock::UnixTime, crypto};

pub use super::trust_anchor::{PemFile, TrustError, TrustProblem};

/// More certificates than this beside the client's own are no chain, but an attempt to make path building expensive.
const MAX_PRESENTED_ISSUERS: usize = 16;
/// Renewal and cross-signing give an authority a second or third certificate. This bounds the paths to try: 3⁶.
const MAX_ISSUERS_OF_ONE_NAME: usize = 3;

static NEXT_GENERATION: AtomicU64 = AtomicU64::new(1);

/// Which client certificates are trusted: immutable, replaced as a whole.
pub struct ClientTrust {
    generation: u64,
    anchors: Vec<Anchor>,
    anchors_of_webpki: Vec<TrustAnchor<'static>>,
    revocation_lists: Vec<CertRevocationList<'static>>,
    /// When the first of the revocation lists is due for renewal.
    revocation_lists_end: Option<UnixTime>,
    max_intermediates: Option<usize>,
    algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
}

/// A chain leads to a configured authority, within these dates, as long as the configuration stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustedPath {
    /// The first second at which every certificate of the path is valid.
    pub valid_from: UnixTime,
    /// The last second at which every certificate of the path, and the revocation lists, are valid.
    pub valid_until: UnixTime,
}

impl ClientTrust {
    /// The authorities in `anchors`, less what `revocation_lists` revoke. With any list, every authority in a path needs one.
    pub fn from_pem(anchors: &[PemFile<'_>], revocation_lists: &[PemFile<'_>]) -> Result<Self, TrustError> {
        let mut trust = Self {
            generation: NEXT_GENERATION.fetch_add(1, Ordering::Relaxed),
            anchors: Vec::new(),
            anchors_of_webpki: Vec::new(),
            revocation_lists: Vec::new(),
            revocation_lists_end: None,
            max_intermediates: None,
            algorithms: crypto::tls_provider().signature_verification_algorithms.all,
        };
        for file in anchors {
            trust.anchors.extend(file.anchors()?);
        }
        trust.anchors_of_webpki = trust.anchors.iter().map(|anchor| anchor.key.clone()).collect();
        for file in revocation_lists {
            for (list, next_update) in file.revocation_lists()? {
                trust.revocation_lists.push(list);
                trust.revocation_lists_end = trust.revocation_lists_end.into_iter().chain(next_update).min();
            }
        }
        Ok(trust)
    }

    /// Allows at most this many intermediate certificates, beyond what the authorities themselves allow.
    #[must_use]
    pub fn with_max_intermediates(self, max_intermediates: Option<usize>) -> Self {
        Self { max_intermediates, ..self }
    }

    /// Differs between any two configurations of this process.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The subjects of the authorities, in DER.
    pub fn subjects(&self) -> impl Iterator<Item = &[u8]> {
        self.anchors.iter().map(|anchor| anchor.key.subject.as_ref())
    }

    /// The authorities that are not valid at `now`, as text that cannot forge a log line.
    pub fn anchors_out_of_date(&self, now: UnixTime) -> impl Iterator<Item = &str> {
        self.anchors.iter().filter(move |anchor| anchor.check_dates(now).is_err()).map(|anchor| anchor.subject.as_str())
    }

    /// Is `chain` (the client's certificate first) trusted to authenticate a client at `now`?
    pub fn judge(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<TrustedPath, ChainRefusal> {
        let Some((leaf, presented)) = chain.split_first() else {
            return Err(ChainRefusal::Malformed("no certificate was presented".to_owned()));
        };
        let certificate = parse_certificate(leaf)?;
        let issuer = name_text(certificate.issuer());
        let refusal = |error| ChainRefusal::of_path(error, &issuer, now);
        let issuers = distinct_issuers(presented)?;
        let end_entity = EndEntityCert::try_from(leaf).map_err(refusal)?;
        let lists: Vec<_> = self.revocation_lists.iter().collect();
        let path = end_entity
            .verify_for_usage(
                self.algorithms,
                &self.anchors_of_webpki,
                &issuers,
                pki::UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.0).unwrap_or(0))),
                KeyUsage::client_auth(),
                revocation(&lists),
                Some(&|path| self.check_issuers(path, now)),
            )
            .map_err(refusal)?;
        Ok(self.dates_of(&certificate, &path))
    }

    /// What webpki leaves to its caller: an anchor's own dates and limits, key usage, and the length that we allow.
    fn check_issuers(&self, path: &VerifiedPath<'_>, now: UnixTime) -> Result<(), webpki::Error> {
        let intermediates = path.intermediate_certificates().count();
        if self.max_intermediates.is_some_and(|limit| intermediates > limit) {
            return Err(webpki::Error::MaximumPathDepthExceeded);
        }
        for issuer in path.intermediate_certificates() {
            let der = issuer.der();
            let (_, issuer) = X509Certificate::from_der(&der).map_err(|_| webpki::Error::BadDer)?;
            if !may_sign_certificates(&issuer) {
                return Err(webpki::Error::EndEntityUsedAsCa);
            }
        }
        let verdicts = self.anchors_of(path).map(|anchor| anchor.check(intermediates, now));
        verdicts.reduce(Result::or).unwrap_or(Err(webpki::Error::UnknownIssuer))
    }

    /// An authority that renewed its certificate without changing its key is configured twice.
    fn anchors_of(&self, path: &VerifiedPath<'_>) -> impl Iterator<Item = &Anchor> {
        self.anchors.iter().filter(|anchor| anchor.key == *path.anchor())
    }

    fn dates_of(&self, leaf: &X509Certificate<'_>, path: &VerifiedPath<'_>) -> TrustedPath {
        let mut dates = TrustedPath {
            valid_from: UnixTime(leaf.validity().not_before.timestamp()),
            valid_until: UnixTime(leaf.validity().not_after.timestamp()),
        };
        let mut narrow = |from: i64, until: i64| {
            dates.valid_from = dates.valid_from.max(UnixTime(from));
            dates.valid_until = dates.valid_until.min(UnixTime(until));
        };
        for issuer in path.intermediate_certificates() {
            if let Ok((_, issuer)) = X509Certificate::from_der(&issuer.der()) {
                narrow(issuer.validity().not_before.timestamp(), issuer.validity().not_after.timestamp());
            }
        }
        if let Some(anchor) = self.anchors_of(path).max_by_key(|anchor| anchor.not_after) {
            narrow(i64::MIN, anchor.not_after.0);
        }
        narrow(i64::MIN, self.revocation_lists_end.map_or(i64::MAX, |end| end.0));
        dates
    }
}

impl fmt::Debug for ClientTrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientTrust(generation {}, {} authorities)", self.generation, self.anchors.len())
    }
}

fn revocation<'a>(lists: &'a [&'a CertRevocationList<'a>]) -> Option<RevocationOptions<'a>> {
    let options = RevocationOptionsBuilder::new(lists).ok()?;
    let options = options.with_depth(RevocationCheckDepth::Chain).with_status_policy(UnknownStatusPolicy::Deny);
    Some(options.with_expiration_policy(ExpirationPolicy::Enforce).build())
}

/// The presented certificates that may be issuers, each once; those that cannot be read lead nowhere and are left out.
fn distinct_issuers<'a>(presented: &'a [CertificateDer<'_>]) -> Result<Vec<CertificateDer<'a>>, ChainRefusal> {
    let too_many = |what, limit, received| Err(ChainRefusal::TooManyCertificates { what, limit, received });
    if presented.len() > MAX_PRESENTED_ISSUERS {
        return too_many("certificates of issuers", MAX_PRESENTED_ISSUERS, presented.len());
    }
    let mut issuers: Vec<CertificateDer<'a>> = Vec::new();
    let mut subjects = Vec::new();
    for der in presented {
        let Ok(certificate) = EndEntityCert::try_from(der) else { continue };
        if !issuers.iter().any(|known| known == der) {
            subjects.push(certificate.subject().to_vec());
            issuers.push(CertificateDer::from(der.as_ref()));
        }
    }
    let most = subjects.iter().map(|one| subjects.iter().filter(|other| *other == one).count()).max().unwrap_or(0);
    if most > MAX_ISSUERS_OF_ONE_NAME {
        return too_many("certificates of one issuer", MAX_ISSUERS_OF_ONE_NAME, most);
    }
    Ok(issuers)
}

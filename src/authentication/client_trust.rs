//! The one rule by which a client certificate chain is judged: by the handshake, by every token request again, and by
//! `cert verify` (RFC 5280 §6.1, through webpki).

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;

use super::{
    authority::{Authority, AuthorityLabel, ListSource},
    certificate::{name_text, parse_certificate},
    chain_refusal::ChainRefusal,
    trust_anchor::Anchor,
};
use crate::{
    clock::UnixTime,
    domain::{Environment, SerialNumber},
};

pub use super::{
    trust_anchor::{PemFile, TrustError, TrustProblem},
    trusted_path::TrustedPath,
};

/// More certificates than this beside the client's own are no chain, but an attempt to make path building expensive.
const MAX_PRESENTED_ISSUERS: usize = 16;
/// Renewal and cross-signing give an authority a second or third certificate. This bounds the paths to try: 3⁶.
const MAX_ISSUERS_OF_ONE_NAME: usize = 3;

static NEXT_GENERATION: AtomicU64 = AtomicU64::new(1);

/// Has an administrator blocked the certificate of this issuer, in text, with this serial number?
pub type IsBlocked = Arc<dyn Fn(&str, &SerialNumber) -> bool + Send + Sync>;

/// Which client certificates are trusted: immutable, replaced as a whole.
pub struct ClientTrust {
    generation: u64,
    authorities: Vec<Authority>,
    is_blocked: IsBlocked,
}

impl ClientTrust {
    /// These authorities side by side, less what an administrator has blocked. One key cannot stand for two environments.
    pub fn new(authorities: Vec<Authority>, is_blocked: IsBlocked) -> Result<Self, TrustError> {
        let mut known: Vec<(&Anchor, &AuthorityLabel)> = Vec::new();
        for authority in &authorities {
            for anchor in authority.anchors.iter() {
                let other = known.iter().find(|(other, label)| {
                    other.thumbprint == anchor.thumbprint && label.environment != authority.label.environment
                });
                if let Some((_, other)) = other {
                    let problem = TrustProblem::TwoEnvironments {
                        authority: anchor.subject.clone(),
                        one: other.environment.to_string(),
                        other: authority.label.environment.to_string(),
                    };
                    return Err(TrustError { file: authority.label.name.clone(), problem });
                }
                known.push((anchor, &authority.label));
            }
        }
        Ok(Self { generation: NEXT_GENERATION.fetch_add(1, Ordering::Relaxed), authorities, is_blocked })
    }

    /// The authorities in `anchors` as one, less what `revocation_lists` revoke. With any list, every authority in a path
    /// needs one.
    pub fn from_pem(anchors: &[PemFile<'_>], revocation_lists: &[PemFile<'_>]) -> Result<Self, TrustError> {
        let label = AuthorityLabel { name: "default".to_owned(), environment: Environment::default() };
        let mut authority = Authority::new(label, anchors, &[])?;
        for file in revocation_lists {
            authority.take_unchecked(file)?;
        }
        Self::new(vec![authority], Arc::new(|_, _| false))
    }

    /// The same, less what an administrator has blocked.
    #[must_use]
    pub fn less_blocked(self, is_blocked: IsBlocked) -> Self {
        Self { is_blocked, ..self }
    }

    /// Allows at most this many intermediate certificates, beyond what the authorities themselves allow.
    #[must_use]
    pub fn with_max_intermediates(mut self, max_intermediates: Option<usize>) -> Self {
        self.authorities.iter_mut().for_each(|authority| authority.max_intermediates = max_intermediates);
        self
    }

    /// The same with what the source `source` of the authority `authority` holds now; none when that is nothing new.
    pub fn with_lists(&self, authority: &str, source: &str, content: &[u8]) -> Result<Option<Self>, TrustError> {
        let mut authorities = self.authorities.clone();
        let Some(own) = authorities.iter_mut().find(|own| own.label.name == authority) else { return Ok(None) };
        if !own.take_lists(source, content)? {
            return Ok(None);
        }
        Self::new(authorities, self.is_blocked.clone()).map(Some)
    }

    /// Differs between any two configurations of this process.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The authorities, in the order in which they are asked.
    pub fn authorities(&self) -> &[Authority] {
        &self.authorities
    }

    /// Where revocation lists come from, each with its authority's name.
    pub fn list_sources(&self) -> impl Iterator<Item = (&str, &ListSource)> {
        self.authorities
            .iter()
            .flat_map(|authority| authority.sources().iter().map(|source| (authority.label.name.as_str(), source)))
    }

    /// The subjects of the authorities, in DER.
    pub fn subjects(&self) -> impl Iterator<Item = &[u8]> {
        self.anchors().map(|anchor| anchor.key.subject.as_ref())
    }

    /// The name of an authority by whose key `other` trusts clients, too, if there is one.
    pub fn shared_authority(&self, other: &Self) -> Option<&str> {
        let is_shared = |anchor: &&Anchor| other.anchors().any(|known| known.thumbprint == anchor.thumbprint);
        self.anchors().find(is_shared).map(|anchor| anchor.subject.as_str())
    }

    fn anchors(&self) -> impl Iterator<Item = &Anchor> {
        self.authorities.iter().flat_map(|authority| authority.anchors.iter())
    }

    /// Refuses a certificate that an administrator has blocked, whoever issued it.
    pub(super) fn check_blocked(&self, issuer: &str, serial: &SerialNumber) -> Result<(), ChainRefusal> {
        if (self.is_blocked)(issuer, serial) {
            return Err(ChainRefusal::Blocked { issuer: issuer.to_owned(), serial: serial.to_string() });
        }
        Ok(())
    }

    /// Is `chain` (the client's certificate first) trusted to authenticate a client at `now`, blocked or not?
    ///
    /// The first authority that trusts it vouches for it, unless any list has revoked it. That is asked first of all: of a
    /// search for paths that a client can lead astray, an authority's "no" might not come back.
    pub fn judge(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<TrustedPath, ChainRefusal> {
        let Some((leaf, presented)) = chain.split_first() else {
            return Err(ChainRefusal::Malformed("no certificate was presented".to_owned()));
        };
        let certificate = parse_certificate(leaf)?;
        let issuer = name_text(certificate.issuer());
        let presented = distinct_issuers(presented)?;
        let (name, serial) = (certificate.issuer().as_raw(), certificate.raw_serial());
        if self.authorities.iter().flat_map(Authority::lists).any(|list| list.has_revoked(name, serial)) {
            return Err(ChainRefusal::Revoked);
        }
        let mut verdict = Err(ChainRefusal::UnknownIssuer { issuer: issuer.clone() });
        for authority in &self.authorities {
            let one =
                authority.judge(leaf, &presented, now).map_err(|error| ChainRefusal::of_path(error, &issuer, now));
            match (&verdict, one) {
                (_, Err(ChainRefusal::Revoked)) => return Err(ChainRefusal::Revoked),
                (Ok(_), _) => {}
                (Err(_), Ok(path)) => verdict = Ok(path),
                (Err(known), Err(why)) if why.telling() > known.telling() => verdict = Err(why),
                (Err(_), Err(_)) => {}
            }
        }
        verdict
    }
}

impl fmt::Debug for ClientTrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientTrust(generation {}, {} authorities)", self.generation, self.anchors().count())
    }
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

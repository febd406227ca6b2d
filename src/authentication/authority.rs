//! One configured authority with its policy: paths end at its certificates, and are judged by its lists alone.

use std::{sync::Arc, time::Duration};

use rustls_pki_types::{self as pki, CertificateDer, SignatureVerificationAlgorithm, TrustAnchor};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, RevocationCheckDepth, RevocationOptions,
    RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{
    certificate::may_sign_certificates,
    revocation_list::{RevocationList, read_lists},
    trust_anchor::{Anchor, PemFile, TrustError, TrustProblem},
    trusted_path::TrustedPath,
};
use crate::{clock::UnixTime, config::InDoubt, crypto, domain::Environment};

/// An authority of client certificates.
#[derive(Clone)]
pub struct Authority {
    /// What it is called, and where it counts.
    pub label: Arc<AuthorityLabel>,
    pub(super) anchors: Arc<[Anchor]>,
    anchors_of_webpki: Arc<[TrustAnchor<'static>]>,
    intermediates: Arc<[Anchor]>,
    sources: Vec<ListSource>,
    without_crl: InDoubt,
    expired_crl: InDoubt,
    pub(super) max_intermediates: Option<usize>,
    algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
}

/// Which authority it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityLabel {
    /// Its name in the configuration.
    pub name: String,
    /// The registrations it vouches for.
    pub environment: Environment,
}

/// A place from which revocation lists come, and those that came.
#[derive(Debug, Clone)]
pub struct ListSource {
    /// The path or the URL.
    pub name: String,
    /// Does it come over the network, where others may stand between?
    pub is_remote: bool,
    /// What it holds: nothing when it has not been reached yet.
    pub lists: Vec<Arc<RevocationList>>,
}

impl Authority {
    /// Without revocation lists.
    pub fn new(
        label: AuthorityLabel,
        anchors: &[PemFile<'_>],
        intermediates: &[PemFile<'_>],
    ) -> Result<Self, TrustError> {
        let anchors: Vec<_> = anchors.iter().map(PemFile::anchors).collect::<Result<Vec<_>, _>>()?.concat();
        let intermediates = intermediates.iter().map(PemFile::anchors).collect::<Result<Vec<_>, _>>()?.concat();
        Ok(Self {
            label: Arc::new(label),
            anchors_of_webpki: anchors.iter().map(|anchor| anchor.key.clone()).collect(),
            anchors: anchors.into(),
            intermediates: intermediates.into(),
            sources: Vec::new(),
            without_crl: InDoubt::Refuse,
            expired_crl: InDoubt::Refuse,
            max_intermediates: None,
            algorithms: crypto::tls_provider().signature_verification_algorithms.all,
        })
    }

    /// What happens to a client whose certificate no list covers, or one that is due for renewal.
    #[must_use]
    pub fn in_doubt(self, without_crl: InDoubt, expired_crl: InDoubt) -> Self {
        Self { without_crl, expired_crl, ..self }
    }

    /// Expects lists from `name`, of which nothing is known yet.
    pub fn add_source(&mut self, name: String, is_remote: bool) {
        self.sources.push(ListSource { name, is_remote, lists: Vec::new() });
    }

    /// Its certificates, and those that it has on the way to them.
    pub fn issuers(&self) -> impl Iterator<Item = &Anchor> {
        self.anchors.iter().chain(self.intermediates.iter())
    }

    /// Where revocation lists come from.
    pub fn sources(&self) -> &[ListSource] {
        &self.sources
    }

    /// Takes `content` for what the source `name` holds now; gives whether that is something new. Nothing is taken that
    /// this authority has not signed, or that is older than what is held.
    pub fn take_lists(&mut self, name: &str, content: &[u8]) -> Result<bool, TrustError> {
        let refuse = |problem| TrustError { file: name.to_owned(), problem };
        let lists = read_lists(content).map_err(refuse)?;
        self.put_lists(name, lists.into_iter().map(Arc::new).collect()).map_err(refuse)
    }

    /// Takes over what `before`, the same authority in an earlier configuration, had from each source, as far as it
    /// still counts. What was read anew must not be older.
    pub fn succeed(&mut self, before: &Self) -> Result<(), TrustError> {
        for source in before.sources.iter().filter(|source| !source.lists.is_empty()) {
            let Some(at) = self.sources.iter().position(|own| own.name == source.name) else { continue };
            let Some(own) = self.sources.get_mut(at) else { continue };
            if own.is_remote {
                let _no_longer_signed_by_us = self.put_lists(&source.name, source.lists.clone());
            } else {
                let refuse = |problem| TrustError { file: source.name.clone(), problem };
                check_succession(&source.lists, &own.lists, false).map_err(refuse)?;
            }
        }
        Ok(())
    }

    fn put_lists(&mut self, name: &str, lists: Vec<Arc<RevocationList>>) -> Result<bool, TrustProblem> {
        for list in &lists {
            list.check_issuer(self.issuers().map(|issuer| issuer.der.as_ref()), self.algorithms)?;
        }
        let Some(source) = self.sources.iter_mut().find(|source| source.name == name) else { return Ok(false) };
        check_succession(&source.lists, &lists, source.is_remote)?;
        let is_same = source.lists.len() == lists.len()
            && source.lists.iter().zip(&lists).all(|(held, new)| held.is_same_as(new));
        source.lists = lists;
        Ok(!is_same)
    }

    /// As [`Self::take_lists`], whoever signed them: the judgement finds a forged one out.
    pub(super) fn take_unchecked(&mut self, file: &PemFile<'_>) -> Result<(), TrustError> {
        let lists = read_lists(file.content).map_err(|problem| file.refuse(problem))?;
        let (name, lists) = (file.name.to_owned(), lists.into_iter().map(Arc::new).collect());
        self.sources.push(ListSource { name, is_remote: false, lists });
        Ok(())
    }

    /// Does a path lead from `leaf`, by way of `presented` and what is configured, to this authority?
    pub(super) fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        presented: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<TrustedPath, webpki::Error> {
        let end_entity = EndEntityCert::try_from(leaf)?;
        let own = self.intermediates.iter().map(|issuer| CertificateDer::from(issuer.der.as_ref()));
        let is_own = |presented: &CertificateDer<'_>| self.intermediates.iter().any(|own| own.der == *presented);
        let unknown = presented.iter().filter(|issuer| !is_own(issuer));
        let issuers: Vec<_> = own.chain(unknown.map(|issuer| CertificateDer::from(issuer.as_ref()))).collect();
        let lists = self.lists_newest_first();
        let lists: Vec<_> = lists.iter().map(|list| &list.list).collect();
        let path = end_entity.verify_for_usage(
            self.algorithms,
            &self.anchors_of_webpki,
            &issuers,
            pki::UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.0).unwrap_or(0))),
            KeyUsage::client_auth(),
            self.revocation(&lists),
            Some(&|path| self.check_issuers(path, now)),
        )?;
        if lists.is_empty() && !self.sources.is_empty() && self.without_crl == InDoubt::Refuse {
            return Err(webpki::Error::UnknownRevocationStatus);
        }
        let lists_end = self.lists().map(|list| list.next_update).filter(|end| *end > now).min();
        let anchor = self.anchors_of(&path).max_by_key(|anchor| anchor.not_after);
        let path = TrustedPath::of(self.label.clone(), &path, anchor);
        Ok(if self.expired_crl == InDoubt::Refuse { path.until(lists_end) } else { path })
    }

    pub(super) fn lists(&self) -> impl Iterator<Item = &Arc<RevocationList>> {
        self.sources.iter().flat_map(|source| &source.lists)
    }

    /// webpki asks the first list that fits.
    fn lists_newest_first(&self) -> Vec<&Arc<RevocationList>> {
        let mut lists: Vec<_> = self.lists().collect();
        lists.sort_by_key(|list| std::cmp::Reverse(list.this_update));
        lists
    }

    fn revocation<'a>(&self, lists: &'a [&'a CertRevocationList<'a>]) -> Option<RevocationOptions<'a>> {
        let status = match self.without_crl {
            InDoubt::Refuse => UnknownStatusPolicy::Deny,
            InDoubt::Accept => UnknownStatusPolicy::Allow,
        };
        let expiration = match self.expired_crl {
            InDoubt::Refuse => ExpirationPolicy::Enforce,
            InDoubt::Accept => ExpirationPolicy::Ignore,
        };
        let options = RevocationOptionsBuilder::new(lists).ok()?.with_depth(RevocationCheckDepth::Chain);
        Some(options.with_status_policy(status).with_expiration_policy(expiration).build())
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
}

/// May `new` take the place of `held`? Over the network, a list that was there must still be there: another authority's
/// in its place, however genuine, would make its revocations forgotten.
fn check_succession(
    held: &[Arc<RevocationList>],
    new: &[Arc<RevocationList>],
    must_be_complete: bool,
) -> Result<(), TrustProblem> {
    for held in held {
        match new.iter().find(|list| list.is_of_same_kind_as(held)) {
            Some(list) => list.check_not_older_than(held)?,
            None if must_be_complete => return Err(TrustProblem::ListGone { issuer: held.issuer.clone() }),
            None => {}
        }
    }
    Ok(())
}

//! What is known once a chain is trusted: who vouches for it, and for how long that verdict stands.

use std::sync::Arc;

use webpki::VerifiedPath;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{authority::AuthorityLabel, trust_anchor::Anchor};
use crate::{clock::UnixTime, domain::KeyThumbprint};

/// A chain leads to a configured authority, within these dates, as long as the configuration stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedPath {
    /// Which authority vouches for it.
    pub authority: Arc<AuthorityLabel>,
    /// The keys of every issuer in the path, from the client's own issuer to the authority.
    pub issuer_keys: Vec<KeyThumbprint>,
    /// The first second at which every certificate of the path is valid.
    pub valid_from: UnixTime,
    /// The last second at which every certificate of the path, and the revocation lists, are valid.
    pub valid_until: UnixTime,
}

impl TrustedPath {
    pub(super) fn of(authority: Arc<AuthorityLabel>, path: &VerifiedPath<'_>, anchor: Option<&Anchor>) -> Self {
        let mut trusted = Self {
            authority,
            issuer_keys: Vec::new(),
            valid_from: UnixTime(i64::MIN),
            valid_until: UnixTime(i64::MAX),
        };
        trusted.narrow(&path.end_entity().der());
        for issuer in path.intermediate_certificates() {
            trusted.narrow(&issuer.der());
            trusted.issuer_keys.push(KeyThumbprint::of_spki(&issuer.subject_public_key_info()));
        }
        if let Some(anchor) = anchor {
            trusted.issuer_keys.push(anchor.thumbprint);
            trusted.valid_until = trusted.valid_until.min(anchor.not_after);
        }
        trusted
    }

    /// Ends it when the revocation lists do: at `end` they count no more.
    pub(super) fn until(self, end: Option<UnixTime>) -> Self {
        let last = end.map_or(self.valid_until, |end| end.plus(-1));
        Self { valid_until: self.valid_until.min(last), ..self }
    }

    fn narrow(&mut self, certificate: &[u8]) {
        if let Ok((_, certificate)) = X509Certificate::from_der(certificate) {
            let validity = certificate.validity();
            self.valid_from = self.valid_from.max(UnixTime(validity.not_before.timestamp()));
            self.valid_until = self.valid_until.min(UnixTime(validity.not_after.timestamp()));
        }
    }
}

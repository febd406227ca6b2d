//! The options of a guard, each with a default that is safe.

use std::sync::Arc;

use super::{ProviderGuard, Rules, SearchFilterMode, TrustedProxy, UnsignedTokens};
use crate::{Asid, HeaderCheck, InteractionTable, ResponseProfile, SspRules, TokenVerifier};

/// A guard in the making.
#[derive(Debug)]
#[must_use = "call build()"]
pub struct ProviderGuardBuilder {
    rules: Rules,
}

/// A guard cannot be made of these options.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidGuard {
    /// A base path begins with a slash and does not end with one.
    #[error("expected a base path such as /A20047/STU3/1, received {0:?}")]
    BasePath(String),
    /// With an empty table every request would be refused.
    #[error("expected a table of interactions with at least one line, received none")]
    NoInteractions,
    /// `Ssp-To` is to be one of the provider's own, and none are known.
    #[error("expected an ASID of the provider, for Ssp-To is required; received none")]
    NoAsid,
}

impl ProviderGuardBuilder {
    pub(super) fn new(verifier: TokenVerifier) -> Self {
        let rules = Rules {
            verifier,
            interactions: InteractionTable::care_connect(),
            base_path: String::new(),
            asids: Vec::new(),
            ssp: SspRules::default(),
            profile: ResponseProfile::default(),
            proxies: Vec::new(),
            search_filter: SearchFilterMode::default(),
            end_user_organisation: HeaderCheck::default(),
            unsigned: UnsignedTokens::default(),
        };
        Self { rules }
    }

    /// The provider's own ASIDs, of which `Ssp-To` must name one.
    pub fn asids(mut self, own: impl IntoIterator<Item = Asid>) -> Self {
        self.rules.asids = own.into_iter().collect();
        self
    }

    /// What requests are, and who may make them. Default: [`InteractionTable::care_connect`].
    pub fn interactions(mut self, table: InteractionTable) -> Self {
        self.rules.interactions = table;
        self
    }

    /// The path of the service root, such as `/A20047/STU3/1`, where requests arrive with it; the table speaks of what follows.
    /// Default: none.
    pub fn base_path(mut self, path: impl Into<String>) -> Self {
        self.rules.base_path = path.into();
        self
    }

    /// How the headers of the SSP are taken. Default: each is held against the token when it is sent.
    pub fn ssp(mut self, rules: SspRules) -> Self {
        self.rules.ssp = rules;
        self
    }

    /// Whose words refusals are answered in. Default: RFC 6750's.
    pub fn response_profile(mut self, profile: ResponseProfile) -> Self {
        self.rules.profile = profile;
        self
    }

    /// Takes the caller's certificate from the `Client-Cert` header (RFC 9440) of these proxies, and of nobody else.
    pub fn trusted_proxies(mut self, proxies: impl IntoIterator<Item = TrustedProxy>) -> Self {
        self.rules.proxies = proxies.into_iter().collect();
        self
    }

    /// What becomes of `searchFilter`. Default: nothing; the token says who is calling.
    pub fn search_filter(mut self, mode: SearchFilterMode) -> Self {
        self.rules.search_filter = mode;
        self
    }

    /// How `NHSD-End-User-Organisation` of the Booking and Referral Standard is taken: the token's organisation, if it is right.
    /// Default: it is held against the token when it is sent.
    pub fn end_user_organisation(mut self, check: HeaderCheck) -> Self {
        self.rules.end_user_organisation = check;
        self
    }

    /// Lets requests with unsigned tokens of GP Connect or the Spine through, as [`Caller::Unsigned`](super::Caller::Unsigned),
    /// while consumers change over: **whoever sends them may claim to be anybody.** Without this they are refused, and each is
    /// reported in the log either way, with what the consumer lacks.
    pub fn dangerously_admit_unsigned(mut self, tokens: UnsignedTokens) -> Self {
        self.rules.unsigned = tokens;
        self
    }

    /// The guard, unless it would be useless.
    pub fn build(self) -> Result<ProviderGuard, InvalidGuard> {
        let Self { rules } = self;
        let base = &rules.base_path;
        if !base.is_empty() && (!base.starts_with('/') || base.ends_with('/')) {
            return Err(InvalidGuard::BasePath(base.clone()));
        }
        if rules.interactions.operations().is_empty() {
            return Err(InvalidGuard::NoInteractions);
        }
        if rules.ssp.to == HeaderCheck::Required && rules.asids.is_empty() {
            return Err(InvalidGuard::NoAsid);
        }
        Ok(ProviderGuard(Arc::new(rules)))
    }
}

//! What is for the time in which consumers still come with their old ways.

use http::Uri;

use crate::{InteractionId, VerifiedToken, meters, search_filter, unsigned::UnsignedToken};

/// What becomes of `searchFilter`, in which a caller can claim to be anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SearchFilterMode {
    /// It is passed on as it came, for a back-end that does not read it.
    #[default]
    Ignore,
    /// One that claims something else than the token proves is logged, and passed on.
    Report,
    /// One that claims something else than the token proves is refused.
    Refuse,
    /// Whatever it claims is taken out, and in a slot search what the token proves is put in: for a back-end that still reads
    /// it.
    Replace,
}

impl SearchFilterMode {
    /// The query to go on with, if it is another, or why the request is refused.
    pub(super) fn apply(
        self,
        uri: &Uri,
        token: &VerifiedToken,
        interaction: &InteractionId,
    ) -> Result<Option<String>, search_filter::Disagreement> {
        let query = uri.query();
        match self {
            Self::Ignore => Ok(None),
            Self::Report => {
                if let Err(difference) = search_filter::compare(query, token) {
                    tracing::warn!(asid = %token.asid(), %difference, "searchFilter says something else than the token");
                }
                Ok(None)
            }
            Self::Refuse => search_filter::compare(query, token).map(|()| None),
            Self::Replace if is_slot_search(uri.path(), interaction) => Ok(Some(search_filter::replace(query, token))),
            Self::Replace => Ok(self.for_anybody(query)),
        }
    }

    /// Where nothing is proven, nothing is put in.
    pub(super) fn for_anybody(self, query: Option<&str>) -> Option<String> {
        let stripped = (self == Self::Replace).then(|| search_filter::strip(query))?;
        (stripped != query.unwrap_or_default()).then_some(stripped)
    }
}

/// Under any name that Care Connect, A2SI or GP Connect has for it, and under the provider's own.
fn is_slot_search(path: &str, interaction: &InteractionId) -> bool {
    path.ends_with("/Slot")
        || [":search:slot", ":search:slot-1", ":read:slot"].iter().any(|end| interaction.as_str().ends_with(end))
}

/// For which requests an unsigned token is let through, while consumers change over to signed ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnsignedTokens {
    interactions: Vec<InteractionId>,
    issuers: Option<Vec<String>>,
}

impl UnsignedTokens {
    /// For these interactions, as the provider's table names them.
    pub fn for_interactions(interactions: impl IntoIterator<Item = InteractionId>) -> Self {
        Self { interactions: interactions.into_iter().collect(), issuers: None }
    }

    /// Only those that say that they are of one of these issuers. Anybody can say so.
    #[must_use]
    pub fn of_issuers(mut self, issuers: impl IntoIterator<Item = String>) -> Self {
        self.issuers = Some(issuers.into_iter().collect());
        self
    }

    pub(super) fn admit(&self, token: &UnsignedToken, interaction: &InteractionId) -> bool {
        let is_of = |issuers: &Vec<String>| issuers.iter().any(|issuer| token.claimed_issuer() == Some(issuer));
        self.interactions.contains(interaction) && self.issuers.as_ref().is_none_or(is_of)
    }
}

/// Tells the log who is not ready yet, and how far.
pub(super) fn report(token: &UnsignedToken, is_admitted: bool, now: i64) {
    meters::unsigned(token.dialect(), is_admitted);
    let readiness = token.readiness();
    let faults = token.findings(now).len();
    tracing::warn!(
        dialect = ?token.dialect(),
        claimed_asid = token.claimed_asid(),
        claimed_ods_code = token.claimed_ods_code(),
        is_admitted,
        faults,
        would_prove = ?readiness.proven,
        would_lose = ?readiness.lost,
        "a consumer came with an unsigned token, which proves nothing"
    );
}

//! Judges whole requests to a provider: who is calling, may they do this, and does everything agree?

mod builder;
mod caller;
mod certificate;
mod headers;
mod migration;
mod refused;
mod requester;

use std::{fmt, sync::Arc};

use http::request::Parts;

pub use builder::{InvalidGuard, ProviderGuardBuilder};
pub use caller::{Admitted, Caller};
pub use certificate::{PeerAddress, TrustedProxy};
pub use migration::{SearchFilterMode, UnsignedTokens};
pub(crate) use refused::Asked;
pub use refused::Refused;
pub use requester::Requester;

use crate::{
    Asid, Group, HeaderCheck, InteractionId, InteractionTable, Operation, Presented, Rejection, ResponseProfile,
    SspRules, TokenVerifier, VerifiedToken, end_user_organisation, meters, rejection::Fault, ssp::SspReading,
    unsigned::UnsignedToken, unverified::excerpt,
};

/// Stands before a provider: admits a request, or says why not. Cheap to clone; clones share everything.
///
/// Its defaults are Care Connect's: the table [`InteractionTable::care_connect`], the headers of the SSP held against the token
/// when they are sent, refusals as RFC 6750 has them. [`ProviderLayer`](crate::ProviderLayer) asks it for every request of a
/// tower service; [`check`](Self::check) is for everything else.
#[derive(Clone)]
pub struct ProviderGuard(Arc<Rules>);

#[derive(Debug)]
struct Rules {
    verifier: TokenVerifier,
    interactions: InteractionTable,
    base_path: String,
    asids: Vec<Asid>,
    ssp: SspRules,
    profile: ResponseProfile,
    proxies: Vec<TrustedProxy>,
    search_filter: SearchFilterMode,
    end_user_organisation: HeaderCheck,
    unsigned: UnsignedTokens,
}

impl ProviderGuard {
    /// Begins a guard that takes its tokens to `verifier`.
    #[expect(clippy::new_ret_no_self, reason = "the steps to a guard begin here")]
    pub fn new(verifier: TokenVerifier) -> ProviderGuardBuilder {
        ProviderGuardBuilder::new(verifier)
    }

    /// Judges a request by everything but its body, and logs the verdict.
    ///
    /// Of its extensions two are looked at, which the server puts there: the
    /// [`CertificateThumbprint`](crate::CertificateThumbprint) of the TLS peer, and the [`PeerAddress`] of the connection.
    pub async fn check(&self, request: &Parts) -> Result<Admitted, Refused> {
        let verdict = self.0.judge(request).await;
        meters::judged(&verdict);
        verdict.map_err(|rejection| self.refuse(rejection, &Asked::of(request)))
    }

    /// For a request that is refused later than here, too, such as by a handler.
    pub(crate) fn refuse(&self, rejection: Rejection, asked: &Asked) -> Refused {
        Refused::new(rejection, self.0.profile, asked)
    }
}

impl Rules {
    /// Every check, in the one order in which they are made. Strangers learn nothing of what only a good token is held against.
    async fn judge(&self, request: &Parts) -> Result<Admitted, Rejection> {
        headers::refuse_other_readings(&request.headers)?;
        let operation = self.operation(request);
        if operation.is_some_and(Operation::is_open) {
            return Ok(Admitted {
                caller: Caller::Anybody,
                query: self.search_filter.for_anybody(request.uri.query()),
            });
        }
        let token = headers::bearer_token(&request.headers)?;
        let mut ssp = self.ssp.read(headers::of_ssp(&request.headers)?, &self.asids)?;
        let caller = match self.verify(token, &mut ssp, request).await {
            Err(rejection) => return self.unless_unsigned(token, operation, &mut ssp, rejection),
            Ok(caller) => caller,
        };
        let operation = operation.ok_or_else(|| unknown_interaction(request))?;
        let interaction = self.interaction(operation, &mut ssp, &caller)?;
        self.compare_organisation(request, &caller, &mut ssp.reports)?;
        let query = self.search_filter.apply(&request.uri, &caller, &interaction)?;
        for report in &ssp.reports {
            tracing::warn!(asid = %caller.asid(), trace_id = ssp.trace_id, %report, "a header is not what the token says");
        }
        Ok(Admitted { caller: Caller::Verified(Requester::new(caller, interaction, ssp.trace_id)), query })
    }

    fn operation(&self, request: &Parts) -> Option<&Operation> {
        let path = request.uri.path().strip_prefix(&self.base_path)?;
        self.interactions.of_request(request.method.as_str(), path)
    }

    /// The token, against the certificate of its holder and the system that the SSP speaks of.
    async fn verify(&self, token: &str, ssp: &mut SspReading<'_>, request: &Parts) -> Result<VerifiedToken, Rejection> {
        let mut presented = Presented::new(token);
        if let Some(certificate) = certificate::of_caller(request, &self.proxies)? {
            presented = presented.with_certificate(certificate);
        }
        if let Some(from) = ssp.from.filter(|_| self.ssp.from != HeaderCheck::Reported) {
            presented = presented.from_system(from);
        }
        let caller = self.verifier.verify(presented).await?;
        if let Some(Err(wrong)) = ssp.from.map(|from| caller.require_system(from)) {
            self.ssp.from.unless_reported(wrong, &mut ssp.reports)?;
        }
        Ok(caller)
    }

    /// What the request is, which the caller must be permitted to do. Where the table leaves a choice, the header makes it.
    fn interaction(
        &self,
        operation: &Operation,
        ssp: &mut SspReading<'_>,
        caller: &VerifiedToken,
    ) -> Result<InteractionId, Rejection> {
        if let Some((interaction, groups)) = self.named_interaction(operation, ssp)? {
            require_any(caller, groups)?;
            return Ok(interaction.clone());
        }
        let mut first = None;
        for (interaction, groups) in operation.choices() {
            require_any(caller, groups)?;
            first = first.or(Some(interaction));
        }
        first.cloned().ok_or(Rejection::NoToken) // only an open operation has none
    }

    /// The one that the header names; none without it, or where it is only reported that it is another.
    fn named_interaction<'o>(
        &self,
        operation: &'o Operation,
        ssp: &mut SspReading<'_>,
    ) -> Result<Option<(&'o InteractionId, &'o [Group])>, Rejection> {
        let Some(named) = &ssp.interaction else { return Ok(None) };
        if let Some(meant) = operation.meant_by(named) {
            return Ok(Some(meant));
        }
        let expected = operation.interactions().cloned().collect();
        let wrong = Rejection::InteractionMismatch { expected, received: named.clone() };
        self.ssp.interaction.unless_reported(wrong, &mut ssp.reports)?;
        Ok(None)
    }

    /// BaRS: the organisation that the sender says it works for.
    fn compare_organisation(
        &self,
        request: &Parts,
        caller: &VerifiedToken,
        reports: &mut Vec<Rejection>,
    ) -> Result<(), Rejection> {
        if self.end_user_organisation == HeaderCheck::Off {
            return Ok(());
        }
        let header = end_user_organisation::HEADER;
        let wrong = match headers::only(&request.headers, header, "a single NHSD-End-User-Organisation header")? {
            Some(organisation) => end_user_organisation::compare(organisation, caller).err().map(Rejection::from),
            None if self.end_user_organisation == HeaderCheck::WhenSent => None,
            None => Some(Rejection::BadRequest { expected: "an NHSD-End-User-Organisation header", received: "none" }),
        };
        wrong.map_or(Ok(()), |wrong| self.end_user_organisation.unless_reported(wrong, reports))
    }

    /// A token that is no signed one may be one of those that nobody signs: it is reported, and refused all the same unless
    /// the provider lets it through for this operation.
    fn unless_unsigned(
        &self,
        token: &str,
        operation: Option<&Operation>,
        ssp: &mut SspReading<'_>,
        rejection: Rejection,
    ) -> Result<Admitted, Rejection> {
        if rejection.fault() != Fault::Unreadable {
            return Err(rejection);
        }
        let Ok(unsigned) = UnsignedToken::read(token) else { return Err(rejection) };
        let admit = |operation: &&Operation| operation.interactions().all(|it| self.unsigned.admit(&unsigned, it));
        let operation = operation.filter(admit);
        migration::report(&unsigned, operation.is_some(), self.verifier.now());
        self.named_interaction(operation.ok_or(rejection)?, ssp)?;
        Ok(Admitted { caller: Caller::Unsigned(Box::new(unsigned)), query: None })
    }
}

fn require_any(caller: &VerifiedToken, groups: &[Group]) -> Result<(), Rejection> {
    match groups {
        [required, ..] if !groups.iter().any(|group| caller.groups().contains(group)) => caller.require(required),
        _ => Ok(()),
    }
}

fn unknown_interaction(request: &Parts) -> Rejection {
    Rejection::UnknownInteraction { method: excerpt(request.method.as_str()), path: excerpt(request.uri.path()) }
}

impl fmt::Debug for ProviderGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

//! What a token is held against, every check written out.

use std::fmt;

use crate::{
    Algorithm, Presented, Rejection, VerifiedToken,
    clock::Clock,
    strict_json::Text,
    unverified::{UnverifiedToken, excerpt},
    unverified_claims::UnverifiedClaims,
};

/// Issuer, audience and the options of one verifier. Times and durations in seconds.
pub(crate) struct Policy {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) leeway: i64,
    pub(crate) max_age: Option<i64>,
    pub(crate) must_be_bound: bool,
    pub(crate) clock: Clock,
}

impl Policy {
    /// What can be refused before the signature has been looked at, because it would be refused after it as well.
    pub(crate) fn screen<'t>(&self, token: &'t UnverifiedToken<'_>) -> Result<UnverifiedClaims<'t>, Rejection> {
        token.header.require_access_token()?;
        let claims = UnverifiedClaims::read(&token.payload)?;
        self.check_issuer(claims.issuer()?)?;
        self.check_audience(claims.audiences()?)?;
        self.check_times(claims.expires_at()?, claims.issued_at()?, claims.not_before())?;
        Ok(claims)
    }

    /// The clock's part of [`Self::screen`], for claims that have been proven.
    pub(crate) fn check_times_of(&self, token: &VerifiedToken) -> Result<(), Rejection> {
        let claims = token.claims();
        self.check_times(claims.exp, claims.iat, claims.nbf)
    }

    /// What is left to check of proven claims: that they are of whoever presents them.
    pub(crate) fn check_bearer(&self, token: &VerifiedToken, presented: &Presented<'_>) -> Result<(), Rejection> {
        token.require_holder(presented.certificate, self.must_be_bound)?;
        match presented.ssp_from {
            Some(ssp_from) => token.require_system(ssp_from),
            None => Ok(()),
        }
    }

    pub(crate) fn has_ended(&self, expired_at: i64, now: i64) -> bool {
        expired_at <= now.saturating_sub(self.leeway)
    }

    fn check_issuer(&self, issuer: &str) -> Result<(), Rejection> {
        if issuer == self.issuer {
            return Ok(());
        }
        Err(Rejection::WrongIssuer { expected: self.issuer.clone(), received: excerpt(issuer) })
    }

    fn check_audience(&self, audiences: &[Text<'_>]) -> Result<(), Rejection> {
        if audiences.iter().any(|Text(audience)| *audience == self.audience) {
            return Ok(());
        }
        let received = audiences.iter().take(4).map(|Text(audience)| excerpt(audience)).collect();
        Err(Rejection::WrongAudience { expected: self.audience.clone(), received })
    }

    /// Saturating throughout, so that no number in a token and no clock can overflow a check into a pass.
    fn check_times(&self, expired_at: i64, issued_at: i64, not_before: Option<i64>) -> Result<(), Rejection> {
        let (now, leeway) = (self.clock.now(), self.leeway);
        if self.has_ended(expired_at, now) {
            return Err(Rejection::Expired { expired_at, now, leeway });
        }
        let latest = now.saturating_add(leeway);
        if let Some(not_before) = not_before.filter(|not_before| *not_before > latest) {
            return Err(Rejection::NotYetValid { not_before, now, leeway });
        }
        if issued_at > latest {
            return Err(Rejection::IssuedInFuture { issued_at, now, leeway });
        }
        match self.max_age {
            Some(max_age) if issued_at < now.saturating_sub(max_age).saturating_sub(leeway) => {
                Err(Rejection::TooOld { issued_at, now, max_age, leeway })
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("algorithms", &self.algorithms)
            .field("leeway", &self.leeway)
            .field("max_age", &self.max_age)
            .field("must_be_bound", &self.must_be_bound)
            .finish_non_exhaustive()
    }
}

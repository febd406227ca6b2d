//! Who is calling, and what for.

use std::{fmt, ops::Deref};

use crate::{InteractionId, VerifiedToken};

/// The verified requester of an admitted request, in the request's extensions. Only a guard makes one; it is a
/// [`VerifiedToken`] with what is known of the request besides.
#[derive(Clone, PartialEq, Eq)]
pub struct Requester {
    token: VerifiedToken,
    interaction: InteractionId,
    trace_id: Option<String>,
}

impl Requester {
    pub(super) fn new(token: VerifiedToken, interaction: InteractionId, trace_id: Option<&str>) -> Self {
        Self { token, interaction, trace_id: trace_id.map(str::to_owned) }
    }

    /// The token.
    pub fn token(&self) -> &VerifiedToken {
        &self.token
    }

    /// What the request is, by the name that the table has for it.
    pub fn interaction(&self) -> &InteractionId {
        &self.interaction
    }

    /// `Ssp-TraceID`, if there was one: a UUID, by which the consumer's log knows the request.
    pub fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }

    /// For everything that is logged while the request is served.
    pub(crate) fn span(&self) -> tracing::Span {
        tracing::info_span!(
            "provider_request",
            trace_id = self.trace_id(),
            asid = %self.asid(),
            ods_code = %self.ods_code(),
            client_id = %self.client_id(),
            interaction = %self.interaction,
            token_id = self.token_id(),
        )
    }
}

impl Deref for Requester {
    type Target = VerifiedToken;
    fn deref(&self) -> &VerifiedToken {
        &self.token
    }
}

impl fmt::Debug for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requester")
            .field("asid", self.asid())
            .field("interaction", &self.interaction)
            .field("trace_id", &self.trace_id)
            .finish_non_exhaustive()
    }
}

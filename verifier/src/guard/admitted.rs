//! Requests that a guard lets through.

use http::request::Parts;

use super::Requester;

/// A request that may go on.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "the large one is the common one")]
#[non_exhaustive]
pub enum Admitted {
    /// The table says that it is open to everybody.
    Open,
    /// Its requester is known, and may do this.
    Verified(Requester),
}

impl Admitted {
    /// Makes it known to those behind: a [`Requester`] in the request's extensions.
    pub fn enter(self, request: &mut Parts) {
        if let Self::Verified(requester) = self {
            request.extensions.insert(requester);
        }
    }
}

//! Requests that a guard lets through, and for whom.

use http::{Uri, request::Parts, uri::PathAndQuery};

use super::Requester;
use crate::unsigned::UnsignedToken;

/// A request that may go on.
#[derive(Debug, Clone)]
pub struct Admitted {
    /// Who sent it.
    pub caller: Caller,
    /// The query to go on with, where it is another than the one that came.
    pub query: Option<String>,
}

/// Who sent an admitted request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Caller {
    /// Anybody: the table says that the operation is open.
    Anybody,
    /// Who it is, is proven.
    Verified(Requester),
    /// Who it claims to be, nothing proves: see
    /// [`dangerously_admit_unsigned`](super::ProviderGuardBuilder::dangerously_admit_unsigned).
    Unsigned(Box<UnsignedToken>),
}

impl Admitted {
    /// Makes it known to those behind: a [`Requester`], or an [`UnsignedToken`], in the request's extensions, and the query in
    /// its URI.
    pub fn enter(self, request: &mut Parts) {
        if let Some(query) = self.query {
            request.uri =
                with_query(&request.uri, &query).unwrap_or_else(|| request.uri.path().parse().unwrap_or_default());
        }
        match self.caller {
            Caller::Verified(requester) => drop(request.extensions.insert(requester)),
            Caller::Unsigned(token) => drop(request.extensions.insert(*token)),
            Caller::Anybody => {}
        }
    }
}

fn with_query(uri: &Uri, query: &str) -> Option<Uri> {
    let path = uri.path();
    let both = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(both).ok()?);
    Uri::from_parts(parts).ok()
}

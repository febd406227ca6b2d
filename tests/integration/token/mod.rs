mod abuse;
mod bodies;
pub(crate) mod by_assertion;
mod by_certificate;
mod by_secret;
mod claims;
mod nodes;
mod refusals;
mod scopes_and_audiences;

mod abuse;
mod bodies;
mod by_assertion;
mod by_certificate;
mod by_secret;
mod claims;
mod refusals;
mod scopes_and_audiences;

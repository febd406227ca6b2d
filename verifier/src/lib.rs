#![cfg_attr(all(feature = "remote-keys", feature = "axum"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "remote-keys", feature = "axum")),
    doc = "Verifies careconnect-auth access tokens offline, with keys that you bring."
)]
#![deny(missing_docs)]

mod algorithm;
#[cfg(feature = "client-assertions")]
mod assertion;
#[cfg(feature = "axum")]
mod axum;
mod base64url;
mod builder;
mod claim_types;
mod claims;
mod clock;
mod crypto;
pub mod end_user_organisation;
mod group;
#[cfg(feature = "tower")]
mod guard;
#[cfg(feature = "tower")]
mod header_check;
#[cfg(feature = "remote-keys")]
mod https;
mod identifiers;
mod interactions;
mod key_set;
mod key_source;
#[cfg(feature = "tower")]
mod layer;
mod meters;
mod policy;
mod presented;
mod public_key;
mod rejection;
#[cfg(feature = "remote-keys")]
mod remote_keys;
mod response_profile;
mod revocations;
#[cfg(test)]
mod sample_token;
pub mod search_filter;
mod slot_visibility;
#[cfg(feature = "tower")]
mod ssp;
mod strict_json;
#[cfg(feature = "test-issuer")]
mod test_issuer;
mod token_cache;
mod token_verifier;
pub mod unsigned;
mod unverified;
mod unverified_claims;
mod verified_token;

pub use algorithm::Algorithm;
#[cfg(feature = "client-assertions")]
pub use assertion::{AssertionFault, AssertionPart, UnverifiedAssertion};
pub use builder::{InvalidOptions, NeedsAudience, NeedsKeys, TokenVerifierBuilder};
pub use claims::{AccessTokenClaims, Confirmation};
pub use group::{Group, InteractionId, KNOWN_GROUPS, KnownGroup};
#[cfg(feature = "tower")]
pub use guard::{
    Admitted, Caller, InvalidGuard, PeerAddress, ProviderGuard, ProviderGuardBuilder, Refused, Requester,
    SearchFilterMode, TrustedProxy, UnsignedTokens,
};
#[cfg(feature = "tower")]
pub use header_check::HeaderCheck;
#[cfg(feature = "remote-keys")]
pub use https::RemoteError;
pub use identifiers::{Asid, ClientId, InvalidIdentifier, OdsCode, OrganisationType};
pub use interactions::{InteractionTable, InvalidInteractions, Operation};
pub use key_set::{InvalidKeySet, KeySet};
pub use key_source::{BoxFuture, FixedKeys, KeyOrigin, KeySource, KeyState, KeysUnavailable};
#[cfg(feature = "tower")]
pub use layer::{Guarded, ProviderLayer};
pub use presented::{CertificateThumbprint, Presented};
pub use public_key::{PublicKey, UnusableKey};
pub use rejection::{Binding, Rejection};
#[cfg(feature = "remote-keys")]
pub use remote_keys::{RemoteKeys, RemoteKeysBuilder};
pub use response_profile::{Answer, FhirFormat, ResponseProfile};
pub use revocations::{
    FixedRevocations, PublishedRevocations, RevocationSource, RevocationState, Revocations, RevocationsUnavailable,
    Withdrawn,
};
#[cfg(feature = "remote-keys")]
pub use revocations::{RemoteRevocations, RemoteRevocationsBuilder};
pub use slot_visibility::{CallerKnowledge, SlotRestriction, SlotVisibility};
#[cfg(feature = "tower")]
pub use ssp::SspRules;
#[cfg(feature = "test-issuer")]
pub use test_issuer::{BadToken, TestIssuer, TestToken};
pub use token_verifier::TokenVerifier;
pub use unverified::UnverifiedText;
pub use verified_token::VerifiedToken;

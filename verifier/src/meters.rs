//! What a verifier counts, for whoever installs a recorder of the `metrics` facade; nothing without that feature.
#![cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "nothing is counted"))]

#[cfg(feature = "metrics")]
use metrics::{counter, describe_counter, describe_gauge, gauge};

use crate::Rejection;

#[cfg(feature = "metrics")]
const VERIFICATIONS: &str = "careconnect_verifier_verifications_total";
#[cfg(all(feature = "metrics", feature = "tower"))]
const REQUESTS: &str = "careconnect_verifier_requests_total";
#[cfg(all(feature = "metrics", feature = "tower"))]
const UNSIGNED: &str = "careconnect_verifier_unsigned_tokens_total";
#[cfg(feature = "metrics")]
const PROOFS: &str = "careconnect_verifier_proofs_total";
#[cfg(feature = "metrics")]
const FETCHES: &str = "careconnect_verifier_fetches_total";
#[cfg(feature = "metrics")]
const KEYS_FETCHED: &str = "careconnect_verifier_keys_fetched_timestamp_seconds";
#[cfg(feature = "metrics")]
const REVOCATIONS_CONFIRMED: &str = "careconnect_verifier_revocations_confirmed_timestamp_seconds";

/// Tells the recorder what the names mean.
pub(crate) fn describe() {
    #[cfg(feature = "metrics")]
    {
        describe_counter!(VERIFICATIONS, "Verifications, by outcome and by the reason of a refusal");
        describe_counter!(PROOFS, "Genuine tokens, by what proved them: the cache or their signature");
        describe_counter!(FETCHES, "Fetches from the issuer, by what was fetched and by outcome");
        #[cfg(feature = "tower")]
        describe_counter!(REQUESTS, "Requests to a guarded provider, by outcome and by the reason of a refusal");
        #[cfg(feature = "tower")]
        describe_counter!(
            UNSIGNED,
            "Unsigned tokens that came to a guarded provider, by form and by whether they were let through"
        );
        describe_gauge!(KEYS_FETCHED, "When the issuer gave the keys that are used, Unix time");
        describe_gauge!(REVOCATIONS_CONFIRMED, "When the issuer last confirmed its revocations, Unix time");
    }
}

pub(crate) fn verified<T>(verdict: &Result<T, Rejection>) {
    #[cfg(feature = "metrics")]
    match verdict {
        Ok(_) => counter!(VERIFICATIONS, "outcome" => "accepted", "reason" => "none"),
        Err(rejection) => counter!(VERIFICATIONS, "outcome" => "refused", "reason" => rejection.reason()),
    }
    .increment(1);
}

#[cfg(feature = "tower")]
pub(crate) fn judged<T>(verdict: &Result<T, Rejection>) {
    #[cfg(feature = "metrics")]
    match verdict {
        Ok(_) => counter!(REQUESTS, "outcome" => "admitted", "reason" => "none"),
        Err(rejection) => counter!(REQUESTS, "outcome" => "refused", "reason" => rejection.reason()),
    }
    .increment(1);
}

#[cfg(feature = "tower")]
pub(crate) fn unsigned(dialect: crate::unsigned::Dialect, is_admitted: bool) {
    #[cfg(feature = "metrics")]
    counter!(UNSIGNED, "dialect" => format!("{dialect:?}"), "admitted" => is_admitted.to_string()).increment(1);
}

pub(crate) fn proven(from_cache: bool) {
    #[cfg(feature = "metrics")]
    match from_cache {
        true => counter!(PROOFS, "by" => "cache"),
        false => counter!(PROOFS, "by" => "signature"),
    }
    .increment(1);
}

/// `what` is `keys` or `revocations`.
pub(crate) fn fetched<T, E>(what: &'static str, outcome: &Result<T, E>) {
    #[cfg(feature = "metrics")]
    counter!(FETCHES, "what" => what, "outcome" => if outcome.is_ok() { "ok" } else { "failed" }).increment(1);
}

/// A moment instead of an age, which would need somebody to keep it up to date.
#[cfg(feature = "remote-keys")]
pub(crate) fn keys_are_of(url: &str, time: i64) {
    #[cfg(feature = "metrics")]
    gauge!(KEYS_FETCHED, "url" => url.to_owned()).set(seconds(time));
}

pub(crate) fn revocations_are_of(issuer: &str, time: i64) {
    #[cfg(feature = "metrics")]
    gauge!(REVOCATIONS_CONFIRMED, "issuer" => issuer.to_owned()).set(seconds(time));
}

/// Exact until the year 2106.
#[cfg(feature = "metrics")]
fn seconds(time: i64) -> f64 {
    u32::try_from(time).unwrap_or_default().into()
}

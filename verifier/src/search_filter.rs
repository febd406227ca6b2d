//! `searchFilter` of GP Connect, for back-ends that still read it: the parameter in which anybody can claim to be any
//! organisation of any type. A token proves both; these functions hold the parameter against it, or put it in its place.
//!
//! A query is read as the most lenient back-end would read it: names in any case and with modifiers, brackets or blanks
//! (`searchFilter:exact`, `SEARCHFILTER[]`), encoded up to four times, `;` as a second separator, lists with commas.
//! **What is unclear counts as a claim**, so that it is refused or stripped: a `searchFilter` without a system or with one
//! that is no URI, letters beyond ASCII, a value in which the name of one of the two systems occurs anywhere, ODS site codes, names that cannot
//! be read, and what is encoded more than four times. Of a list, one such value spoils the whole parameter. Systems that
//! nobody here knows, such as `https://directoryofservices.nhs.uk/Id/serviceId`, claim nothing.
//!
//! Only the query is read: a provider that accepts `POST Slot/_search` has a second place to look at.

mod reading;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use reading::{Claim, claims, parameters};

use crate::{OdsCode, OrganisationType, VerifiedToken};

/// The caller typed something else than the token proves. `Display` is for the log; its texts are escaped and cut short.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected searchFilter to claim the {claimed} {expected}, received \"{received}\"")]
pub struct Disagreement {
    /// What was claimed: `organisation type`, `ODS code`, or `token's organisation` where that is unclear.
    pub claimed: &'static str,
    /// What the token proves.
    pub expected: String,
    /// What came, decoded.
    pub received: String,
}

/// Does every `searchFilter` in the query that claims an organisation or a type agree with the token? None at all does.
/// Display texts (`Urgent Care`), lower-case ODS codes and the old names of both systems are understood.
pub fn compare(query: Option<&str>, token: &VerifiedToken) -> Result<(), Disagreement> {
    let all = parameters(query.unwrap_or_default()).into_iter().flat_map(|parameter| claims(parameter.text));
    for claim in all {
        let (agrees, claimed, expected) = match &claim {
            Claim::OrganisationType(text) => {
                let agrees =
                    OrganisationType::parse_code_or_display(text).is_ok_and(|it| it == *token.organisation_type());
                (agrees, "organisation type", token.organisation_type().to_string())
            }
            Claim::OdsCode(text) => {
                let agrees = OdsCode::parse(text).is_ok_and(|it| it == *token.ods_code());
                (agrees, "ODS code", token.ods_code().to_string())
            }
            Claim::Unclear(_) => {
                let expected = format!("{} of type {}", token.ods_code(), token.organisation_type());
                (false, "token's organisation", expected)
            }
        };
        if !agrees {
            return Err(Disagreement { claimed, expected, received: escaped(claim.text()) });
        }
    }
    Ok(())
}

/// The query with what the token proves in the place of what the caller typed: parameters that claim anything are left
/// out as by [`strip`], and two `searchFilter` follow, the organisation's type and its ODS code. Done twice it is as done once.
#[must_use]
pub fn replace(query: Option<&str>, token: &VerifiedToken) -> String {
    let mut query = strip(query);
    for proven in [token.organisation_type().uri(), token.ods_code().uri()] {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str("searchFilter=");
        query.push_str(&proven.replace('|', "%7C"));
    }
    query
}

/// The query without the parameters that claim anything; all others stay as they are and where they are.
#[must_use]
pub fn strip(query: Option<&str>) -> String {
    let mut kept: Option<String> = None;
    for parameter in parameters(query.unwrap_or_default()) {
        if claims(parameter.text).is_empty() {
            match &mut kept {
                None => kept = Some(parameter.text.to_owned()),
                Some(kept) => {
                    kept.push(parameter.separator);
                    kept.push_str(parameter.text);
                }
            }
        }
    }
    kept.unwrap_or_default()
}

/// The beginning of a text, safe in a log.
fn escaped(text: &str) -> String {
    text.chars().take(64).collect::<String>().escape_debug().collect()
}

/// As RFC 3986 §2.1 decodes; what is no encoding stays.
fn decoded(text: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy()
}

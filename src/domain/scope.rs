//! Scopes: what a consumer may ask for by name.

use std::{fmt, str::FromStr};

use serde::Serialize;

/// Behind a service root, it makes a scope that names a provider and asks for everything.
pub const DEFAULT: &str = "/.default";

/// Is that one token of a `scope` parameter (RFC 6749 §3.3)?
pub fn is_scope_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    !text.is_empty() && text.bytes().all(allowed)
}

/// What a group is called in a SMART-style `scope`, such as `organization/slot.read`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Scope(String);

/// Why a text cannot be a group's scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScope {
    /// It has characters that no scope has.
    #[error("{0:?} is not a scope: expected printable ASCII without spaces, quotation marks and backslashes")]
    Malformed(String),
    /// Another rule would always read it first.
    #[error(
        "{0:?} cannot stand for a group: what ends in {DEFAULT} names a provider, what begins with urn: a group itself"
    )]
    Taken(String),
}

impl Scope {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let received = || text.chars().take(200).collect();
        if !is_scope_token(text) {
            return Err(InvalidScope::Malformed(received()));
        }
        if text.ends_with(DEFAULT) || text.starts_with("urn:") {
            return Err(InvalidScope::Taken(received()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_groups_scope_is_one_token_that_nothing_else_claims() {
        for text in ["organization/slot.read", "patient/Appointment.c", "read", "!#~"] {
            assert_eq!(text.parse::<Scope>().map(|scope| scope.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "two words", "a\"b", "a\\b", "é", "a\n"] {
            assert_eq!(text.parse::<Scope>(), Err(InvalidScope::Malformed(text.to_owned())));
        }
        for text in ["https://provider.nhs.uk/.default", "urn:nhs:names:services:careconnect:fhir:rest:read:slot"] {
            assert_eq!(text.parse::<Scope>(), Err(InvalidScope::Taken(text.to_owned())));
        }
    }
}

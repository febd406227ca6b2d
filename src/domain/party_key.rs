//! Party keys: what ties the systems and endpoints of one organisation together in the Spine Directory Service.

use std::{fmt, str::FromStr};

use serde::Serialize;

/// An organisation's code, a hyphen and a number, such as `A1001-850001`; in upper case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct PartyKey(Box<str>);

/// A text that is no party key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no party key: expected 1 to 9 letters and digits, a hyphen and 1 to 10 digits, such as A1001-850001")]
pub struct InvalidPartyKey(String);

impl PartyKey {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PartyKey {
    type Err = InvalidPartyKey;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_valid = text.split_once('-').is_some_and(|(code, number)| {
            (1..=9).contains(&code.len())
                && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && (1..=10).contains(&number.len())
                && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        let refused = || InvalidPartyKey(text.chars().take(64).collect());
        if is_valid { Ok(Self(text.to_ascii_uppercase().into())) } else { Err(refused()) }
    }
}

impl fmt::Display for PartyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_key_is_a_code_and_a_number() {
        for text in ["A1001-850001", "YES-0000806", "z9x8w-1"] {
            assert_eq!(text.parse::<PartyKey>().unwrap().as_str(), text.to_uppercase());
        }
        for text in ["", "-", "A1001", "A1001-", "-1", "A1001-85x", "A 1-1", "A1001-1-2", "ABCDEFGHIJ-1"] {
            assert!(text.parse::<PartyKey>().is_err(), "{text:?}");
        }
    }
}

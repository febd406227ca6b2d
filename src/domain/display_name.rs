//! What people call a service or a provider.

use std::{fmt, str::FromStr};

use serde::Serialize;

/// One line of 1 to 200 characters that can be seen, of which not all are spaces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct DisplayName(Box<str>);

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a name: expected 1 to 200 characters on one line")]
pub struct InvalidDisplayName(String);

impl DisplayName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DisplayName {
    type Err = InvalidDisplayName;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_name = !text.trim().is_empty() && text.chars().count() <= 200 && is_visible(text);
        if is_name { Ok(Self(text.into())) } else { Err(InvalidDisplayName(text.chars().take(64).collect())) }
    }
}

/// Neither control characters, nor those that turn around or hide what stands beside them.
pub(super) fn is_visible(text: &str) -> bool {
    let as_it_is: usize = text.chars().map(|character| if "'\"\\".contains(character) { 2 } else { 1 }).sum();
    text.escape_debug().count() == as_it_is
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_that_says_something() {
        assert_eq!("Dr Ó'Brien & Söhne".parse::<DisplayName>().unwrap().as_str(), "Dr Ó'Brien & Söhne");
        for text in ["", " ", "a\nb", "a\0", "a\u{1b}[31m", "a\u{202e}b", "a\u{200b}b", &"a".repeat(201)] {
            assert!(text.parse::<DisplayName>().is_err(), "{text:?}");
        }
    }
}

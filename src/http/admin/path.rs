//! What a path names.

use std::str::FromStr;

use super::problem::Problem;

/// Of what somebody else wrote, in an answer.
const MOST_QUOTED: usize = 64;

/// The identifier that stands in the path. What cannot be one is that of nothing.
pub(super) fn named<T: FromStr>(what: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| nothing(what, text))
}

/// There is none of that name.
pub(super) fn nothing(what: &str, name: &str) -> Problem {
    let name: String = name.chars().take(MOST_QUOTED).collect();
    Problem::not_found(format!("{what} {name:?} is not registered"))
}

//! Things by their names in a path.

use std::{fmt::Write, str::FromStr};

use super::{BASE, problem::Problem};

/// Of what somebody else wrote, in an answer.
const MOST_QUOTED: usize = 64;

/// What a part of the path names; 404 when nothing can be called so.
pub fn named<T: FromStr>(what: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| missing(what, text))
}

/// 404: there is no `what` of that name.
pub fn missing(what: &str, name: &str) -> Problem {
    let name: String = name.chars().take(MOST_QUOTED).collect();
    Problem::not_found(format!("{what} {name:?} is not registered"))
}

/// The path of one thing in a collection (RFC 3986 §3.3).
pub fn path_of(collection: &str, name: &str) -> String {
    let mut path = format!("{BASE}/{collection}/");
    for byte in name.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' | b':' => path.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => path.push(char::from(byte)),
            _ => drop(write!(path, "%{byte:02X}")), // a String takes everything
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_fits_into_a_path() {
        assert_eq!(path_of("groups", "urn:nhs:a-b_c.d"), "/admin/v1/groups/urn:nhs:a-b_c.d");
        assert_eq!(path_of("certificate-policies", "50 %/é"), "/admin/v1/certificate-policies/50%20%25%2F%C3%A9");
    }
}

//! The query of a URL, read strictly: a parameter that is unknown, repeated or without a value is refused by its name.

use std::{fmt::Display, str::FromStr};

use axum::{extract::FromRequestParts, http::request::Parts};
use url::form_urlencoded;

use super::problem::Problem;
use crate::{
    clock::UnixTime,
    domain::{
        fields,
        form::{FormError, decode},
    },
};

/// More than any operation knows.
const MOST_PARAMETERS: usize = 32;
/// Of what others wrote, in an error.
const MOST_QUOTED: usize = 64;

/// The parameters that the route knows, as they were sent. A handler that takes one as an argument gets it.
#[derive(Debug, Clone, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query in which only the names in `known` may stand, each once.
    pub fn read(text: Option<&str>, known: &[&str]) -> Result<Self, Problem> {
        let (mut parameters, mut faults) = (Vec::<(String, String)>::new(), Vec::new());
        for pair in text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).take(MOST_PARAMETERS + 1) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name.as_bytes());
            let name = name.map_err(|error| Problem::malformed(format!("a name in the query {}", rule(&error))))?;
            let mut refuse = |rule: String| faults.push((name.chars().take(MOST_QUOTED).collect::<String>(), rule));
            if !known.contains(&name.as_str()) {
                let expected = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                refuse(format!("unknown parameter: expected {expected}"));
            } else if parameters.iter().any(|(seen, _)| *seen == name) {
                refuse("it stands in the query more than once".to_owned());
            } else {
                match decode(value.as_bytes()) {
                    Ok(value) if value.is_empty() => refuse("expected a value".to_owned()),
                    Ok(value) => parameters.push((name, value)),
                    Err(error) => refuse(format!("it {}", rule(&error))),
                }
            }
        }
        if faults.is_empty() { Ok(Self(parameters)) } else { Err(Problem::parameters(faults)) }
    }

    /// The value of a parameter, if it is there.
    pub fn get<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Problem> {
        let value = self.text(name).map(str::parse).transpose();
        value.map_err(|error: T::Err| Problem::parameters([(name.to_owned(), error.to_string())]))
    }

    /// A time, as RFC 3339 writes it.
    pub fn time(&self, name: &str) -> Result<Option<UnixTime>, Problem> {
        let value = self.text(name).map(|text| fields::time(&text.into())).transpose();
        value.map_err(|error| Problem::parameters([(name.to_owned(), error)]))
    }

    /// As it was sent.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The same query with another value for `name`, as it stands in a URL, with the question mark.
    pub fn with(&self, name: &str, value: &str) -> String {
        let others = self.0.iter().filter(|(known, _)| known != name);
        let mut text = form_urlencoded::Serializer::new("?".to_owned());
        text.extend_pairs(others).append_pair(name, value);
        text.finish().replacen("?&", "?", 1)
    }
}

/// Of a name or a value, what is wrong with it.
const fn rule(error: &FormError) -> &'static str {
    match error {
        FormError::BadEscape => "has a '%' that is not followed by two hexadecimal digits",
        FormError::NotUtf8 => "is not UTF-8",
        _ => "has control characters",
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(|| Problem::internal("a route without its guard"))
    }
}

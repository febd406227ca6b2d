//! The issuer identifier: who signs the tokens, and where the endpoints are (RFC 8414 §2).

use std::{fmt, str::FromStr};

use toml::Value;
use url::Url;

use super::setting::Setting;

/// An `https` URL with a host and perhaps a path, in the one spelling that every party compares.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Issuer {
    url: Box<str>,
    path_start: usize,
}

/// Why a text is no issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidIssuer(&'static str);

impl Issuer {
    /// Accepts `https://host[:port][/path]`: no credentials, query, fragment or trailing slash, and nothing that a URL
    /// parser would write differently, because issuers are compared character by character.
    pub fn parse(text: &str) -> Result<Self, InvalidIssuer> {
        let refuse = |rule| Err(InvalidIssuer(rule));
        let Some(rest) = text.strip_prefix("https://") else {
            return refuse("it does not begin with https://");
        };
        if rest.contains(['?', '#']) {
            return refuse("it has a query or a fragment");
        }
        if rest.ends_with('/') {
            return refuse("it ends with a slash");
        }
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        if authority.contains('@') {
            return refuse("it has credentials");
        }
        if !path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte)) {
            return refuse("its path has characters other than letters, digits and -._~");
        }
        if path.contains("//") || path.starts_with("/.well-known") {
            return refuse("its path has an empty segment or begins with .well-known");
        }
        match Url::parse(text) {
            Err(_) => refuse("it names no valid host"),
            Ok(url) if url.as_str().trim_end_matches('/') != text => {
                refuse("it is not in its canonical spelling: host in lower case, no :443, no dot segments")
            }
            Ok(_) => Ok(Self { url: text.into(), path_start: text.len() - path.len() }),
        }
    }

    /// The URL, which is the token's `iss`.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The path, such as `/careconnect`; empty when the URL has none.
    pub fn path(&self) -> &str {
        self.url.get(self.path_start..).unwrap_or_default()
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        self.url.get(..self.path_start).unwrap_or_default()
    }

    /// The URL of an endpoint below the issuer; `path` begins with a slash.
    pub fn endpoint(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The paths at which the well-known document `name` is looked for: inserted before the issuer's path (RFC 8414
    /// §3.1) and appended to it (OpenID Connect Discovery §4); one when the issuer has no path.
    pub fn well_known_paths(&self, name: &str) -> Vec<String> {
        let inserted = format!("/.well-known/{name}{}", self.path());
        let appended = format!("{}/.well-known/{name}", self.path());
        if inserted == appended { vec![inserted] } else { vec![inserted, appended] }
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

impl FromStr for Issuer {
    type Err = InvalidIssuer;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Setting for Option<Issuer> {
    fn expected(&self) -> String {
        "an https URL, such as https://auth.example.nhs.uk/careconnect".to_owned()
    }

    fn read(&mut self, value: &Value) -> Result<(), String> {
        let text = value.as_str().ok_or_else(|| format!("expected {}", self.expected()))?;
        *self = Some(Issuer::parse(text).map_err(|rule| format!("{rule}; expected {}", self.expected()))?);
        Ok(())
    }

    fn show(&self) -> Option<Value> {
        self.as_ref().map(|issuer| Value::String(issuer.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_path_and_both_well_known_forms() {
        let issuer = Issuer::parse("https://auth.example.nhs.uk/careconnect").unwrap();
        assert_eq!((issuer.origin(), issuer.path()), ("https://auth.example.nhs.uk", "/careconnect"));
        assert_eq!(issuer.endpoint("/oauth2/token"), "https://auth.example.nhs.uk/careconnect/oauth2/token");
        assert_eq!(
            issuer.well_known_paths("smart-configuration"),
            ["/.well-known/smart-configuration/careconnect", "/careconnect/.well-known/smart-configuration"]
        );
    }

    #[test]
    fn an_issuer_without_path_has_one_well_known_form() {
        let issuer = Issuer::parse("https://localhost:8443").unwrap();
        assert_eq!(issuer.path(), "");
        assert_eq!(issuer.well_known_paths("openid-configuration"), ["/.well-known/openid-configuration"]);
    }

    #[test]
    fn refuses_what_two_parties_could_spell_differently() {
        for text in [
            "",
            "auth.example.nhs.uk",
            "http://auth.example.nhs.uk",
            "HTTPS://auth.example.nhs.uk",
            "https://",
            "https://:8443",
            "https:///careconnect",
            "https://auth.example.nhs.uk/",
            "https://auth.example.nhs.uk/careconnect/",
            "https://auth.example.nhs.uk/?tenant=1",
            "https://auth.example.nhs.uk/#a",
            "https://admin@auth.example.nhs.uk",
            "https://Auth.example.nhs.uk",
            "https://auth.example.nhs.uk:443",
            "https://auth.example.nhs.uk/a/../b",
            "https://auth.example.nhs.uk/{any}",
            "https://auth.example.nhs.uk//a",
            "https://auth.example.nhs.uk/.well-known",
            " https://auth.example.nhs.uk",
        ] {
            assert!(Issuer::parse(text).is_err(), "{text:?}");
        }
    }
}

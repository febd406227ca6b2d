//! Where a consumer publishes its public keys (`jwks_uri`, RFC 7591 §2).

use std::{fmt, str::FromStr};

use url::Url;

/// An `https` URL without user, password and fragment, as it was registered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeySetUri(Box<str>);

/// Why a text is no such URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{received:?} cannot be a jwks_uri: {rule}")]
pub struct InvalidKeySetUri {
    /// What came, cut to 200 characters.
    pub received: String,
    /// What is wrong with it.
    pub rule: &'static str,
}

impl KeySetUri {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeySetUri {
    type Err = InvalidKeySetUri;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |rule| Err(InvalidKeySetUri { received: text.chars().take(200).collect(), rule });
        let Ok(url) = Url::parse(text) else { return refuse("it is no URL") };
        if url.scheme() != "https" {
            return refuse("expected https, for whoever changes the keys on the way becomes the consumer");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("it has a user or a password, and keys are public");
        }
        if url.fragment().is_some() {
            return refuse("it has a fragment, which no server sees");
        }
        if text.len() > 2048 {
            return refuse("it is longer than 2048 characters");
        }
        Ok(Self(url.as_str().into()))
    }
}

impl fmt::Display for KeySetUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_without_user_and_fragment_will_do() {
        // R50
        assert!("https://keys.supplier.example/jwks.json?v=1".parse::<KeySetUri>().is_ok());
        for text in [
            "",
            "keys.supplier.example",
            "http://keys.supplier.example/jwks.json",
            "file:///etc/passwd",
            "https://user@keys.supplier.example/",
            "https://:p@keys.supplier.example/",
            "https://keys.supplier.example/#a",
        ] {
            assert!(text.parse::<KeySetUri>().is_err(), "{text:?}");
        }
    }
}

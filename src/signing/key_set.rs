//! The published key set (RFC 7517 §5), written once and served as it is.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::SigningKey;
use crate::crypto;

/// The key set's document.
#[derive(Debug, Clone)]
pub struct KeySet {
    json: String,
    etag: String,
}

impl KeySet {
    /// The public halves of `keys` in their order.
    pub(super) fn new<'a>(keys: impl Iterator<Item = &'a SigningKey>) -> Self {
        let members: Vec<String> = keys.map(SigningKey::public_json).collect();
        let json = format!(r#"{{"keys":[{}]}}"#, members.join(","));
        let etag = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(crypto::sha256(json.as_bytes())));
        Self { json, etag }
    }

    /// The document.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Its strong entity tag, quotes included: another document has another one (RFC 9110 §8.8.3).
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// The `Cache-Control` that lets others keep it for `max_age` seconds.
    pub fn cache_control(max_age: u64) -> String {
        format!("public, max-age={max_age}")
    }
}

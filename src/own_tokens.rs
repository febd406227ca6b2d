//! Tokens that this issuer has signed, read back: to revoke them and to tell whether they count, never to let anybody in.

use arc_swap::ArcSwapOption;
use careconnect_verifier::{ClientId, KeySet, UnverifiedText};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{clock::UnixTime, signing};

/// Reads tokens with the keys that are published; a set is parsed once.
#[derive(Debug, Default)]
pub struct OwnTokens {
    parsed: ArcSwapOption<Parsed>,
}

#[derive(Debug)]
struct Parsed {
    etag: String,
    keys: KeySet,
}

/// A token that one of the published keys has signed for this issuer, whether it counts or not.
#[derive(Debug)]
pub struct OwnToken {
    /// All of its claims, as they were signed.
    pub claims: Map<String, Value>,
    /// Whose it is.
    pub client_id: ClientId,
    /// Its `jti`.
    pub token_id: Uuid,
    /// For whom it is: a service root.
    pub audience: String,
    /// Its `iat`.
    pub issued_at: UnixTime,
    /// Its `exp`.
    pub expires_at: UnixTime,
}

/// What its header says of it; the key decides the algorithm.
#[derive(Deserialize)]
struct Header {
    typ: String,
    kid: String,
}

/// The claims that say whose it is, and until when.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    client_id: ClientId,
    jti: Uuid,
    aud: String,
    iat: UnixTime,
    exp: UnixTime,
}

impl OwnTokens {
    /// What `token` says, if it is one that `issuer` has signed with a key in `published`; none for all else, whatever it is:
    /// statements, assertions and others' tokens among it (R24).
    pub fn read(&self, token: &str, published: &signing::KeySet, issuer: &str) -> Option<OwnToken> {
        let header: Header = serde_json::from_str(&UnverifiedText::read(token.as_bytes()).ok()?.header).ok()?;
        if !matches!(header.typ.as_str(), "at+jwt" | "JWT") {
            return None; // JWT: of the entra profile
        }
        let parsed = self.parsed(published)?;
        let payload = parsed.keys.find(&header.kid).ok()?.verify_jws(token.as_bytes()).ok()?;
        let claims: Map<String, Value> = serde_json::from_slice(&payload).ok()?;
        let known: Claims = serde_json::from_slice(&payload).ok()?;
        let Claims { iss, client_id, jti, aud, iat, exp } = known;
        (iss == issuer).then_some(OwnToken {
            claims,
            client_id,
            token_id: jti,
            audience: aud,
            issued_at: iat,
            expires_at: exp,
        })
    }

    fn parsed(&self, published: &signing::KeySet) -> Option<std::sync::Arc<Parsed>> {
        if let Some(parsed) = self.parsed.load_full().filter(|parsed| parsed.etag == published.etag()) {
            return Some(parsed);
        }
        let keys = KeySet::parse(published.json().as_bytes()).ok()?;
        let parsed = std::sync::Arc::new(Parsed { etag: published.etag().to_owned(), keys });
        self.parsed.store(Some(parsed.clone()));
        Some(parsed)
    }
}

//! The only place where a token is put together: `base64url(header).base64url(claims).base64url(signature)`
//! (RFC 7515 §3.1).

use std::{fmt, sync::Arc};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;

use super::{SigningError, SigningKey};

/// A signed access token. Its `Debug` shows the key and the token's id, never the token.
#[derive(Clone)]
pub struct SignedToken {
    compact: String,
    kid: Arc<str>,
    jti: String,
}

impl SignedToken {
    /// The token itself, for the one answer that carries it.
    pub fn expose(&self) -> &str {
        &self.compact
    }
}

impl fmt::Debug for SignedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedToken {{ kid: {}, jti: {} }}", self.kid, self.jti)
    }
}

/// What the header's `typ` says.
#[derive(Debug, Clone, Copy)]
pub(super) enum TokenType {
    /// `at+jwt` (RFC 9068 §2.1).
    AccessToken,
    /// `JWT`, as Azure AD wrote it.
    Entra,
    /// Another: no access token at all.
    Statement(&'static str),
}

/// A key with its headers, each encoded once.
#[derive(Debug)]
pub(super) struct Signer {
    key: SigningKey,
    access_token_header: String,
    entra_header: String,
}

impl Signer {
    pub(super) fn new(key: SigningKey) -> Self {
        Self { access_token_header: header(&key, "at+jwt"), entra_header: header(&key, "JWT"), key }
    }

    /// Signs `claims`, whose `jti` is given for the log.
    pub(super) fn sign(
        &self,
        token_type: TokenType,
        claims: &impl Serialize,
        jti: &str,
    ) -> Result<SignedToken, SigningError> {
        let mut payload = Vec::with_capacity(1024);
        serde_json::to_writer(&mut payload, claims)?;
        let other;
        let header = match token_type {
            TokenType::AccessToken => &self.access_token_header,
            TokenType::Entra => &self.entra_header,
            TokenType::Statement(name) => {
                other = header(&self.key, name);
                &other
            }
        };
        // Base64 is a third longer; the longest signature, of RSA with 4096 bits, has 683 characters.
        let mut compact = String::with_capacity(header.len() + payload.len() * 4 / 3 + 700);
        compact.push_str(header);
        BASE64_URL_SAFE_NO_PAD.encode_string(&payload, &mut compact);
        payload.clear();
        self.key.sign(compact.as_bytes(), &mut payload)?;
        compact.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(&payload, &mut compact);
        Ok(SignedToken { compact, kid: self.key.kid().clone(), jti: jti.to_owned() })
    }
}

/// The encoded header, with the dot behind it.
fn header(key: &SigningKey, token_type: &str) -> String {
    let json = format!(r#"{{"alg":"{}","typ":"{token_type}","kid":"{}"}}"#, key.algorithm(), key.kid());
    BASE64_URL_SAFE_NO_PAD.encode(json) + "."
}

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
}

/// A token that lacks its signature.
#[derive(Debug)]
pub(super) struct Unsigned {
    /// Header and claims, joined and encoded.
    message: String,
    jti: String,
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

    /// Does it sign within microseconds?
    pub(super) const fn is_here(&self) -> bool {
        self.key.is_here()
    }

    /// A token of `claims`, whose `jti` is given for the log.
    pub(super) fn prepare(
        &self,
        token_type: TokenType,
        claims: &impl Serialize,
        jti: &str,
    ) -> Result<Unsigned, SigningError> {
        let header = match token_type {
            TokenType::AccessToken => &self.access_token_header,
            TokenType::Entra => &self.entra_header,
        };
        Ok(Unsigned { message: encoded(header, claims)?, jti: jti.to_owned() })
    }

    /// A statement that is no token, and says so by its type (R24).
    pub(super) fn prepare_statement(
        &self,
        token_type: &str,
        statement: &impl Serialize,
    ) -> Result<Unsigned, SigningError> {
        Ok(Unsigned { message: encoded(&header(&self.key, token_type), statement)?, jti: token_type.to_owned() })
    }

    /// Signs what was prepared.
    pub(super) fn sign(&self, Unsigned { message, jti }: Unsigned) -> Result<SignedToken, SigningError> {
        Ok(SignedToken { compact: self.signed(message)?, kid: self.key.kid().clone(), jti })
    }

    fn signed(&self, mut compact: String) -> Result<String, SigningError> {
        let mut signature = Vec::with_capacity(512);
        self.key.sign(compact.as_bytes(), &mut signature)?;
        compact.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(&signature, &mut compact);
        Ok(compact)
    }
}

/// `header`, which ends with a dot, and the claims behind it, with room for the signature.
fn encoded(header: &str, claims: &impl Serialize) -> Result<String, SigningError> {
    let mut payload = Vec::with_capacity(1024);
    serde_json::to_writer(&mut payload, claims)?;
    // Base64 is a third longer; the longest signature, of RSA with 4096 bits, has 683 characters.
    let mut compact = String::with_capacity(header.len() + payload.len() * 4 / 3 + 700);
    compact.push_str(header);
    BASE64_URL_SAFE_NO_PAD.encode_string(&payload, &mut compact);
    Ok(compact)
}

/// The encoded header, with the dot behind it.
fn header(key: &SigningKey, token_type: &str) -> String {
    let json = format!(r#"{{"alg":"{}","typ":"{token_type}","kid":"{}"}}"#, key.algorithm(), key.kid());
    BASE64_URL_SAFE_NO_PAD.encode(json) + "."
}

//! A token in the making.

use serde_json::{Map, Value, json};

use super::{TestIssuer, signing};
use crate::{Asid, CertificateThumbprint, Group, KNOWN_GROUPS, OdsCode, base64url};

/// A good token, until something in it is changed. Texts go into it as they are given, valid or not.
#[derive(Debug, Clone)]
#[must_use = "call sign()"]
pub struct TestToken<'i> {
    issuer: &'i TestIssuer,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl<'i> TestToken<'i> {
    pub(super) fn new(issuer: &'i TestIssuer, audience: &str) -> Self {
        let token = Self { issuer, header: Map::new(), claims: Map::new() };
        let now = issuer.now();
        token
            .header("alg", "ES256")
            .header("typ", "at+jwt")
            .header("kid", issuer.key_id.as_str())
            .claim("iss", issuer.issuer())
            .claim("aud", audience)
            .claim("jti", signing::random_text())
            .claim("client_id", "92d85f9d-0666-49bc-a31c-12b45b04a7de")
            .claim("reason_for_request", "directcare")
            .issued_at(now)
            .expires_at(now.saturating_add(300))
            .asid("200000000205")
            .ods_code("A1001")
            .organisation_type("urgent-care")
            .groups(KNOWN_GROUPS.iter().map(|known| known.group.clone()))
    }

    /// The consumer's system: `asid`, `sub` and `requesting_system`.
    pub fn asid(self, asid: &str) -> Self {
        let uri = format!("{}|{asid}", Asid::SYSTEM);
        self.claim("asid", asid).claim("sub", uri.as_str()).claim("requesting_system", uri)
    }

    /// The consumer's organisation: `ods_code` and `requesting_organization`.
    pub fn ods_code(self, ods_code: &str) -> Self {
        self.claim("ods_code", ods_code).claim("requesting_organization", format!("{}|{ods_code}", OdsCode::SYSTEM))
    }

    /// That organisation's type, such as `gp-practice`.
    pub fn organisation_type(self, code: &str) -> Self {
        self.claim("org_type", code)
    }

    /// What the consumer has been assured for, and nothing else; `scope` follows.
    pub fn groups(self, groups: impl IntoIterator<Item = Group>) -> Self {
        let groups: Vec<_> = groups.into_iter().collect();
        let mut scopes: Vec<_> =
            KNOWN_GROUPS.iter().filter(|known| groups.contains(&known.group)).map(|known| known.scope).collect();
        scopes.sort_unstable();
        scopes.dedup();
        self.claim("scope", scopes.join(" ")).claim("groups", json!(groups))
    }

    /// Of use only with this certificate (RFC 8705 §3.1).
    pub fn bound_to(self, certificate: CertificateThumbprint) -> Self {
        self.claim("cnf", json!({ "x5t#S256": certificate.to_string() }))
    }

    /// `iat` and `nbf`, in Unix seconds.
    pub fn issued_at(self, time: i64) -> Self {
        self.claim("iat", time).claim("nbf", time)
    }

    /// `exp`, in Unix seconds.
    pub fn expires_at(self, time: i64) -> Self {
        self.claim("exp", time)
    }

    /// Any claim, of any type.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a claim out.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Any header parameter, of any type. The signature stays ES256, whatever `alg` says.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a header parameter out.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// The token, as it goes behind `Bearer `.
    pub fn sign(&self) -> String {
        self.signed_by(|message| self.issuer.key.sign(message))
    }

    pub(super) fn signed_by(&self, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
        let [header, claims] = self.texts();
        assemble(&header, &claims, sign)
    }

    /// Header and claims in JSON.
    pub(super) fn texts(&self) -> [String; 2] {
        [&self.header, &self.claims].map(|members| json!(members).to_string())
    }
}

/// A token of these texts, with whatever `sign` makes of them.
pub(super) fn assemble(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(claims.as_bytes()));
    let signature = sign(signed.as_bytes());
    format!("{signed}.{}", base64url::encode(&signature))
}

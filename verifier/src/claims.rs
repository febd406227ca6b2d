//! The token's exact shape: RFC 9068, with the claims of the Spine core JWT for an unattended call.

use serde::{Deserialize, Serialize};

use crate::{Asid, ClientId, Group, OdsCode, OrganisationType};

/// What an access token says, each field under its name on the wire. Times are seconds since 1970 (RFC 7519 §2).
///
/// Of a token that has been verified, these are what the verifier went by, not a copy of the payload: `aud` is the one
/// audience that was expected, though the token may name others too; groups that are no URN are left out; fractions of
/// seconds are rounded against the caller (`exp` down, `iat` and `nbf` up); and claims of other names are not here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccessTokenClaims {
    /// Who issued it: an absolute URL, compared as a whole string.
    pub iss: String,
    /// The consumer's accredited system, `system|ASID`.
    pub sub: String,
    /// The service root URL of the one provider that it is for.
    pub aud: String,
    /// When it was issued.
    pub iat: i64,
    /// When it becomes valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// When it ends.
    pub exp: i64,
    /// Its own identity, a random UUID.
    pub jti: String,
    /// The consumer's registration.
    pub client_id: ClientId,
    /// The groups in the words of SMART scopes, space-separated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The consumer's accredited system identifier.
    pub asid: Asid,
    /// The organisation that the consumer works for.
    pub ods_code: OdsCode,
    /// That organisation's type.
    pub org_type: OrganisationType,
    /// What the consumer may do; sorted by our issuer.
    pub groups: Vec<Group>,
    /// As `sub`, under the name that Spine parsers look for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requesting_system: Option<String>,
    /// The organisation, `system|ODS code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requesting_organization: Option<String>,
    /// `directcare`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_for_request: Option<String>,
    /// The certificate that the token is bound to (RFC 8705 §3.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

/// The holder of a bound token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// SHA-256 of the holder's certificate in DER, base64url without padding.
    #[serde(rename = "x5t#S256")]
    pub x5t_s256: String,
}

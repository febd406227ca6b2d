//! The claims as the payload spells them. Believed by nobody before the signature has been checked.

use std::fmt;

use serde::{
    Deserializer as _,
    de::{MapAccess, Visitor},
};

use crate::{
    AccessTokenClaims, Asid, ClientId, Confirmation, Group, InvalidIdentifier, OdsCode, OrganisationType, Rejection,
    claim_types::{Audience, NumericDate, UnverifiedConfirmation},
    strict_json::{self, Fault, Text, UnknownNames},
};

/// Everything that we know, each claim under its name; unknown ones are passed over.
#[derive(Default)]
pub(crate) struct UnverifiedClaims<'a> {
    iss: Option<Text<'a>>,
    sub: Option<Text<'a>>,
    aud: Option<Audience<'a>>,
    iat: Option<NumericDate>,
    nbf: Option<NumericDate>,
    exp: Option<NumericDate>,
    jti: Option<Text<'a>>,
    client_id: Option<Text<'a>>,
    scope: Option<Text<'a>>,
    asid: Option<Text<'a>>,
    ods_code: Option<Text<'a>>,
    org_type: Option<Text<'a>>,
    groups: Option<Vec<Text<'a>>>,
    requesting_system: Option<Text<'a>>,
    requesting_organization: Option<Text<'a>>,
    reason_for_request: Option<Text<'a>>,
    cnf: Option<UnverifiedConfirmation<'a>>,
}

impl<'a> UnverifiedClaims<'a> {
    pub(crate) fn read(json: &'a [u8]) -> Result<Self, Rejection> {
        strict_json::read(json, |json, fault| json.deserialize_map(ClaimsVisitor(fault))).map_err(|fault| match fault {
            Fault::Malformed(expected) => Rejection::Malformed { part: "payload", expected },
            Fault::WrongType(claim) => Rejection::InvalidClaim { claim, expected: expected(claim), received: None },
        })
    }

    pub(crate) fn issuer(&self) -> Result<&str, Rejection> {
        self.iss.as_ref().map(|Text(iss)| iss.as_ref()).ok_or(Rejection::MissingClaim { claim: "iss" })
    }

    pub(crate) fn audiences(&self) -> Result<&[Text<'a>], Rejection> {
        self.aud.as_ref().map(|Audience(aud)| aud.as_slice()).ok_or(Rejection::MissingClaim { claim: "aud" })
    }

    /// The first second in which the token has ended.
    pub(crate) fn expires_at(&self) -> Result<i64, Rejection> {
        self.exp.map(|exp| exp.rounded_down).ok_or(Rejection::MissingClaim { claim: "exp" })
    }

    pub(crate) fn issued_at(&self) -> Result<i64, Rejection> {
        self.iat.map(|iat| iat.rounded_up).ok_or(Rejection::MissingClaim { claim: "iat" })
    }

    pub(crate) fn not_before(&self) -> Option<i64> {
        self.nbf.map(|nbf| nbf.rounded_up)
    }

    /// The claims in their types, for `audience`, which the caller has found among [`Self::audiences`].
    pub(crate) fn into_claims(self, audience: &str) -> Result<AccessTokenClaims, Rejection> {
        Ok(AccessTokenClaims {
            iat: self.issued_at()?,
            nbf: self.not_before(),
            exp: self.expires_at()?,
            iss: required("iss", self.iss)?,
            sub: required("sub", self.sub)?,
            aud: audience.to_owned(),
            jti: required("jti", self.jti)?,
            client_id: identifier("client_id", self.client_id, ClientId::parse)?,
            scope: self.scope.map(owned),
            asid: identifier("asid", self.asid, Asid::parse)?,
            ods_code: identifier("ods_code", self.ods_code, OdsCode::parse_canonical)?,
            org_type: identifier("org_type", self.org_type, OrganisationType::parse)?,
            groups: groups(self.groups)?,
            requesting_system: self.requesting_system.map(owned),
            requesting_organization: self.requesting_organization.map(owned),
            reason_for_request: self.reason_for_request.map(owned),
            cnf: self.cnf.map(confirmation).transpose()?,
        })
    }
}

/// What a claim must be, for the error.
fn expected(claim: &str) -> &'static str {
    match claim {
        "exp" | "iat" | "nbf" => "a number of seconds since 1970, before the year 10000",
        "aud" => "a string or an array of strings",
        "groups" => "an array of strings",
        "cnf" => "an object with a string x5t#S256",
        _ => "a string",
    }
}

fn required(claim: &'static str, text: Option<Text<'_>>) -> Result<String, Rejection> {
    match text {
        None => Err(Rejection::MissingClaim { claim }),
        Some(Text(text)) if text.is_empty() => Err(Rejection::InvalidClaim {
            claim,
            expected: "a string that is not empty",
            received: Some(String::new()),
        }),
        Some(text) => Ok(owned(text)),
    }
}

fn owned(Text(text): Text<'_>) -> String {
    text.into_owned()
}

fn identifier<T>(
    claim: &'static str,
    text: Option<Text<'_>>,
    parse: impl FnOnce(&str) -> Result<T, InvalidIdentifier>,
) -> Result<T, Rejection> {
    let Text(text) = text.ok_or(Rejection::MissingClaim { claim })?;
    parse(&text).map_err(|invalid| Rejection::InvalidClaim {
        claim,
        expected: invalid.rule,
        received: Some(invalid.received),
    })
}

/// Names that are no URN are left out: no interaction needs them, so they open nothing.
fn groups(names: Option<Vec<Text<'_>>>) -> Result<Vec<Group>, Rejection> {
    let names = names.ok_or(Rejection::MissingClaim { claim: "groups" })?;
    Ok(names.iter().filter_map(|Text(name)| Group::parse(name).ok()).collect())
}

fn confirmation(UnverifiedConfirmation(x5t_s256): UnverifiedConfirmation<'_>) -> Result<Confirmation, Rejection> {
    match x5t_s256 {
        Some(x5t_s256) => Ok(Confirmation { x5t_s256: owned(x5t_s256) }),
        None => Err(Rejection::InvalidClaim { claim: "cnf", expected: expected("cnf"), received: None }),
    }
}

struct ClaimsVisitor<'f>(&'f mut Fault);

impl<'de> Visitor<'de> for ClaimsVisitor<'_> {
    type Value = UnverifiedClaims<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a claims set")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UnverifiedClaims<'de>, A::Error> {
        let Self(fault) = self;
        let mut claims = UnverifiedClaims::default();
        let mut unknown = UnknownNames::default();
        macro_rules! read {
            ($name:expr; $($claim:ident)*) => {
                match $name.as_ref() {
                    $(stringify!($claim) => strict_json::member(&mut map, &mut claims.$claim, stringify!($claim), fault)?,)*
                    _ => unknown.skip($name.into_owned(), &mut map)?,
                }
            };
        }
        while let Some(Text(name)) = map.next_key()? {
            read!(name; iss sub aud iat nbf exp jti client_id scope asid ods_code org_type groups
                requesting_system requesting_organization reason_for_request cnf);
        }
        Ok(claims)
    }
}

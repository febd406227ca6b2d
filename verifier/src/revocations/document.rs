//! Reads the list as strictly as a token: one reading, bounded, and nothing believed before the signature.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

use super::{RevocationsUnavailable, list::RevocationList};
use crate::{
    KeySource, Rejection,
    claim_types::NumericDate,
    policy::Policy,
    strict_json::{self, Fault, Text, UnknownNames},
    unverified::{UnverifiedToken, excerpt},
};

/// The `typ` of its header, by which it is no token, and no token is it (RFC 8725 §3.11).
const TYPE: &str = "careconnect-revocations+jwt";
/// Twenty thousand tokens and more. One is on it for minutes only.
pub(super) const MAX_BYTES: usize = 1024 * 1024;

impl From<Rejection> for RevocationsUnavailable {
    fn from(rejection: Rejection) -> Self {
        Self(format!("the list of revocations is not valid: {rejection}"))
    }
}

/// The list in `document`, if the issuer of `policy` has signed it and it has not ended. `withdrawn` are the keys that
/// are known to be withdrawn: they sign no list either.
pub(super) async fn read(
    document: &[u8],
    policy: &Policy,
    keys: &dyn KeySource,
    withdrawn: impl Fn(&str) -> bool,
) -> Result<RevocationList, RevocationsUnavailable> {
    let refuse =
        |reason: String| Err(RevocationsUnavailable(format!("the list of revocations is not valid: {reason}")));
    let token = UnverifiedToken::read_within(MAX_BYTES, document, &policy.algorithms)?;
    if token.header.typ() != Some(TYPE) {
        return refuse(format!("expected typ {TYPE:?}, received {:?}", token.header.typ().map(excerpt)));
    }
    let key_id = token.header.key_id()?;
    let known = keys.current();
    match known.as_ref().and_then(|known| known.find(key_id).ok()) {
        Some(key) => key.check_signature_of(&token)?,
        None => keys.refreshed().await.map_err(Rejection::from)?.find(key_id)?.check_signature_of(&token)?,
    }
    let claims = Claims::read(&token.payload)?;
    let (now, leeway) = (policy.clock.now(), policy.leeway);
    if claims.issuer != policy.issuer {
        return refuse(format!("expected the issuer {:?}, received {:?}", policy.issuer, excerpt(&claims.issuer)));
    }
    if claims.list.ends_at <= now.saturating_sub(leeway) {
        return refuse(format!("it ended at {}, it is {now} (leeway {leeway} s)", claims.list.ends_at));
    }
    if claims.list.issued_at > now.saturating_add(leeway) {
        return refuse(format!("it was made at {}, it is {now} (leeway {leeway} s)", claims.list.issued_at));
    }
    if withdrawn(key_id) || claims.list.keys.contains(key_id) {
        return refuse(format!("it is signed with the withdrawn key {:?}", excerpt(key_id)));
    }
    Ok(claims.list)
}

struct Claims {
    issuer: String,
    list: RevocationList,
}

impl Claims {
    fn read(json: &[u8]) -> Result<Self, Rejection> {
        strict_json::read(json, |json, fault| json.deserialize_map(ClaimsVisitor(fault))).map_err(
            |fault| match fault {
                Fault::Malformed(expected) => Rejection::Malformed { part: "payload", expected },
                Fault::WrongType(claim) => Rejection::InvalidClaim { claim, expected: expected(claim), received: None },
            },
        )?
    }
}

fn expected(claim: &str) -> &'static str {
    match claim {
        "iss" => "a string",
        "iat" | "exp" => "a number of seconds since 1970, before the year 10000",
        "clients" => "an array of objects with a string client_id and, perhaps, a number issued_up_to",
        _ => "an array of strings",
    }
}

#[derive(Default)]
struct Members<'a> {
    iss: Option<Text<'a>>,
    iat: Option<NumericDate>,
    exp: Option<NumericDate>,
    tokens: Option<Vec<Text<'a>>>,
    clients: Option<Vec<Client<'a>>>,
    keys: Option<Vec<Text<'a>>>,
}

impl Members<'_> {
    /// A list that lacks a member is none: what is not said is not taken for nothing.
    fn into_claims(self) -> Result<Claims, Rejection> {
        let missing = |claim| Rejection::MissingClaim { claim };
        let texts = |texts: Vec<Text<'_>>| texts.into_iter().map(|Text(text)| text.into_owned()).collect();
        let mut list = RevocationList {
            issued_at: self.iat.ok_or_else(|| missing("iat"))?.rounded_up,
            ends_at: self.exp.ok_or_else(|| missing("exp"))?.rounded_down,
            tokens: texts(self.tokens.ok_or_else(|| missing("tokens"))?),
            clients: std::collections::HashMap::new(),
            keys: texts(self.keys.ok_or_else(|| missing("keys"))?).into_iter().collect(),
        };
        for client in self.clients.ok_or_else(|| missing("clients"))? {
            list.withdraw_client(client.id.into_owned(), client.issued_up_to);
        }
        Ok(Claims { issuer: self.iss.ok_or_else(|| missing("iss"))?.0.into_owned(), list })
    }
}

struct ClaimsVisitor<'f>(&'f mut Fault);

impl<'de> Visitor<'de> for ClaimsVisitor<'_> {
    type Value = Result<Claims, Rejection>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of revocations")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Self(fault) = self;
        let (mut members, mut unknown) = (Members::default(), UnknownNames::default());
        while let Some(Text(name)) = map.next_key()? {
            match name.as_ref() {
                "iss" => strict_json::member(&mut map, &mut members.iss, "iss", fault)?,
                "iat" => strict_json::member(&mut map, &mut members.iat, "iat", fault)?,
                "exp" => strict_json::member(&mut map, &mut members.exp, "exp", fault)?,
                "tokens" => strict_json::member(&mut map, &mut members.tokens, "tokens", fault)?,
                "clients" => strict_json::member(&mut map, &mut members.clients, "clients", fault)?,
                "keys" => strict_json::member(&mut map, &mut members.keys, "keys", fault)?,
                _ => unknown.skip(name.into_owned(), &mut map)?,
            }
        }
        Ok(members.into_claims())
    }
}

/// An entry of `clients`.
struct Client<'a> {
    id: std::borrow::Cow<'a, str>,
    issued_up_to: Option<i64>,
}

impl<'de> Deserialize<'de> for Client<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ClientVisitor)
    }
}

struct ClientVisitor;

impl<'de> Visitor<'de> for ClientVisitor {
    type Value = Client<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a string client_id")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Client<'de>, A::Error> {
        // The fault is told of `clients` as a whole.
        let mut fault = strict_json::NOT_AN_OBJECT;
        let (mut id, mut issued_up_to) = (None, None::<NumericDate>);
        let mut unknown = UnknownNames::default();
        while let Some(Text(name)) = map.next_key()? {
            match name.as_ref() {
                "client_id" => strict_json::member(&mut map, &mut id, "clients", &mut fault)?,
                "issued_up_to" => strict_json::member(&mut map, &mut issued_up_to, "clients", &mut fault)?,
                _ => unknown.skip(name.into_owned(), &mut map)?,
            }
        }
        let Text(id) = id.ok_or_else(|| serde::de::Error::missing_field("client_id"))?;
        Ok(Client { id, issued_up_to: issued_up_to.map(|last| last.rounded_up) })
    }
}

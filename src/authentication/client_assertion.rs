//! `private_key_jwt`: an assertion that a registered key has signed is the proof (RFC 7523 §3, RFC 7523bis).

use careconnect_verifier::UnverifiedAssertion;
use uuid::Uuid;

use crate::{
    clock::UnixTime,
    crypto::sha256,
    domain::{ClientKey, CredentialId, Reason},
};

mod refusal;

pub use refusal::AssertionRefusal;

/// How far the clocks of client and server may differ, in seconds. An assertion is accepted until this long after its
/// `exp`, so its use is remembered until then.
pub const LEEWAY: i64 = 60;
/// How far ahead `exp` may be, in seconds, beside the leeway (FAPI 2.0, the NHS API platform).
pub const LONGEST_LIFETIME: i64 = 300;
/// The longest `jti`, in bytes.
pub const LONGEST_ID: usize = 256;

/// What [`prove`] checks, in its order: the reason that a refusal has, and what is the case when there is none.
pub const CHECKS: [(Reason, &str); 11] = [
    (Reason::AssertionIssuer, "'iss' and 'sub' are the client id"),
    (Reason::AssertionKeyNotNamed, "a header names the key that signed it"),
    (Reason::AssertionKeyUnknown, "the consumer has that key now"),
    (Reason::AssertionSignature, "the signature is that key's, with the algorithm that it is registered for"),
    (Reason::AssertionTypeHeader, "'typ' is none, JWT or client-authentication+jwt"),
    (Reason::AssertionAudience, "'aud' is this server alone"),
    (Reason::AssertionExpiryMissing, "there is an 'exp'"),
    (Reason::AssertionExpired, "'exp' is not past"),
    (Reason::AssertionLifetime, "'exp' is at most five minutes ahead"),
    (Reason::AssertionNotYetValid, "'nbf' and 'iat' are not ahead"),
    (Reason::AssertionIdMissing, "there is a 'jti'"),
];

/// What an assertion is held against, beside the keys.
#[derive(Debug, Clone)]
pub struct Circumstances<'a> {
    /// The client that the request names: by `client_id`, else by the assertion's `sub`.
    pub client_id: Option<&'a str>,
    /// The audience that always fits.
    pub issuer: &'a str,
    /// A second audience that fits, for a consumer that is registered so.
    pub token_endpoint: Option<&'a str>,
    /// The time.
    pub now: UnixTime,
}

/// An assertion that is proven, but for its being used once.
#[derive(Debug, PartialEq, Eq)]
pub struct ProvenAssertion<'k> {
    /// The credential that the key belongs to.
    pub credential: CredentialId,
    /// The key that signed it.
    pub key: &'k ClientKey,
    /// What must be recorded before anything is done for it.
    pub assertion_use: AssertionUse,
}

/// One use of one assertion. Whoever records it first may go on; everybody after that is refused (R21).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssertionUse {
    /// The first 16 octets of SHA-256 over client id, NUL and `jti`: another client's `jti` is another id.
    pub id: Uuid,
    /// The first second in which the assertion would be refused anyway, so that it may be forgotten.
    pub expires_at: UnixTime,
}

impl AssertionUse {
    fn new(client_id: &str, jti: &str, expires_at: UnixTime) -> Self {
        // A client id has no NUL, so client id and jti cannot be shifted against each other.
        let hash = sha256(&[client_id.as_bytes(), &[0], jti.as_bytes()].concat());
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        Self { id: Uuid::from_bytes(id), expires_at }
    }
}

/// Proves that `assertion` is from the client that it names, by one of its `keys` that count now; none for a client that
/// is unknown, which is then refused like a known one without the key (R13).
///
/// What a stranger can be told comes first, what depends on the registration only once the signature is verified. The
/// caller records the [`AssertionUse`] before it believes the result: a refused assertion is not used up.
pub fn prove<'k>(
    assertion: &UnverifiedAssertion,
    keys: impl Iterator<Item = (CredentialId, &'k ClientKey)>,
    circumstances: &Circumstances<'_>,
) -> Result<ProvenAssertion<'k>, AssertionRefusal> {
    let client_id = client(assertion, circumstances.client_id)?;
    let (credential, key) = signer(assertion, keys)?;
    check_type(assertion)?;
    check_audience(assertion, circumstances)?;
    let expires_at = check_times(assertion, circumstances.now)?;
    let jti = id(assertion)?;
    let assertion_use = AssertionUse::new(client_id, jti, expires_at.plus(LEEWAY));
    Ok(ProvenAssertion { credential, key, assertion_use })
}

/// R19: `iss` = `sub` = client, and `client_id` if it is sent.
fn client<'a>(assertion: &'a UnverifiedAssertion, named: Option<&str>) -> Result<&'a str, AssertionRefusal> {
    match (assertion.issuer.as_deref(), assertion.subject.as_deref()) {
        (Some(issuer), Some(subject)) if issuer == subject && !subject.is_empty() => match named {
            Some(named) if named != subject => Err(AssertionRefusal::client_id_differs(named, subject)),
            _ => Ok(subject),
        },
        (issuer, subject) => Err(AssertionRefusal::issuer_and_subject(issuer, subject)),
    }
}

/// The key that the assertion names and that signed it, with the one algorithm that it is registered for (R22). Several
/// keys may have one name while one replaces the other.
fn signer<'k>(
    assertion: &UnverifiedAssertion,
    keys: impl Iterator<Item = (CredentialId, &'k ClientKey)>,
) -> Result<(CredentialId, &'k ClientKey), AssertionRefusal> {
    let (kid, x5t, x5t_s256) = (assertion.key_id.as_deref(), assertion.x5t.as_deref(), assertion.x5t_s256.as_deref());
    let (header, value) = match (kid, x5t_s256, x5t) {
        (Some(kid), _, _) => ("kid", kid),
        (None, Some(x5t_s256), _) => ("x5t#S256", x5t_s256),
        (None, None, Some(x5t)) => ("x5t", x5t),
        (None, None, None) => return Err(AssertionRefusal::KeyNotNamed),
    };
    let is_named = |key: &ClientKey| match kid {
        Some(kid) => key.key_id() == Some(kid),
        None => key.has_certificate(x5t, x5t_s256),
    };
    let mut refusal = AssertionRefusal::key_unknown(header, value);
    for (credential, key) in keys.filter(|(_, key)| is_named(key)) {
        if key.algorithm() != assertion.algorithm {
            refusal = AssertionRefusal::AlgorithmDiffers { registered: key.algorithm(), received: assertion.algorithm };
        } else if assertion.is_signed_by(key.public_key()) {
            return Ok((credential, key));
        } else {
            refusal = AssertionRefusal::signature_wrong(header, value);
        }
    }
    Err(refusal)
}

/// R24: an access token is `at+jwt`, and so never an assertion.
fn check_type(assertion: &UnverifiedAssertion) -> Result<(), AssertionRefusal> {
    match assertion.typ.as_deref() {
        None => Ok(()),
        Some(typ) if ["JWT", "client-authentication+jwt"].iter().any(|known| typ.eq_ignore_ascii_case(known)) => Ok(()),
        Some(typ) => Err(AssertionRefusal::type_header(typ)),
    }
}

/// R18: one audience, which is this server; an array of one is one.
fn check_audience(assertion: &UnverifiedAssertion, to: &Circumstances<'_>) -> Result<(), AssertionRefusal> {
    match assertion.audiences.as_slice() {
        [only] if only == to.issuer || Some(only.as_str()) == to.token_endpoint => Ok(()),
        received => Err(AssertionRefusal::audience(to.issuer, to.token_endpoint, received)),
    }
}

/// R20. Gives `exp`.
fn check_times(assertion: &UnverifiedAssertion, now: UnixTime) -> Result<UnixTime, AssertionRefusal> {
    let expires_at = UnixTime(assertion.expires_at.ok_or(AssertionRefusal::ExpiryMissing)?);
    if expires_at.plus(LEEWAY) <= now {
        return Err(AssertionRefusal::Expired { expires_at, now });
    }
    if expires_at > now.plus(LONGEST_LIFETIME + LEEWAY) {
        return Err(AssertionRefusal::LifetimeTooLong { expires_at, now });
    }
    for (claim, starts_at) in [("nbf", assertion.not_before), ("iat", assertion.issued_at)] {
        if let Some(starts_at) = starts_at.map(UnixTime).filter(|starts_at| *starts_at > now.plus(LEEWAY)) {
            return Err(AssertionRefusal::NotYetValid { claim, starts_at, now });
        }
    }
    Ok(expires_at)
}

fn id(assertion: &UnverifiedAssertion) -> Result<&str, AssertionRefusal> {
    match assertion.id.as_deref() {
        Some(id) if (1..=LONGEST_ID).contains(&id.len()) => Ok(id),
        other => Err(AssertionRefusal::IdMissing { length: other.map(str::len) }),
    }
}

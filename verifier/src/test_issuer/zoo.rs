//! Every kind of token that a provider must refuse, as attackers, other issuers and mistakes make them.

use serde_json::json;

use super::{TestIssuer, TestToken, signing::hmac_sha256, token::assemble};
use crate::{CertificateThumbprint, Group, KNOWN_GROUPS, Presented, base64url, unverified::MAX_TOKEN_BYTES};

/// A token with which a request must be refused.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BadToken {
    /// What is wrong with it, in a few words.
    pub name: &'static str,
    /// The token, as it goes behind `Bearer `.
    pub token: String,
    /// The certificate of the connection that it comes on; none for most.
    pub certificate: Option<CertificateThumbprint>,
    /// What [`Rejection::reason`](crate::Rejection::reason) must be.
    pub reason: &'static str,
    /// What [`Rejection::status`](crate::Rejection::status) must be.
    pub status: u16,
}

impl BadToken {
    fn new(reason: &'static str, name: &'static str, token: String) -> Self {
        let status = if reason == "group_missing" { 403 } else { 401 };
        Self { name, token, certificate: None, reason, status }
    }

    fn on_connection_of(self, certificate: CertificateThumbprint) -> Self {
        Self { certificate: Some(certificate), ..self }
    }

    /// The token with its certificate, for a verifier.
    pub fn presented(&self) -> Presented<'_> {
        let presented = Presented::new(&self.token);
        self.certificate.map_or(presented, |certificate| presented.with_certificate(certificate))
    }
}

pub(super) fn bad_tokens(issuer: &TestIssuer, audience: &str) -> Vec<BadToken> {
    let token = || issuer.token_for(audience);
    let families = [
        outside_their_time(issuer, token()),
        for_others(issuer, audience),
        without_signature(issuer, token()),
        of_other_keys(issuer, audience),
        with_wrong_claims(token()),
        of_another_kind(token()),
        stolen(token()),
        with_two_readings(issuer, token()),
    ];
    families.into_iter().flatten().collect()
}

pub(super) fn tokens_without(issuer: &TestIssuer, group: &Group, audience: &str) -> Vec<BadToken> {
    let with = |name, groups: Vec<String>| {
        BadToken::new("group_missing", name, issuer.token_for(audience).claim("groups", groups).sign())
    };
    let others = KNOWN_GROUPS.iter().filter(|known| known.group != *group).map(|known| known.group.to_string());
    vec![
        with("no group", Vec::new()),
        with("every other group", others.collect()),
        with("a group whose name goes on", vec![format!("{group}s")]),
        with("a group whose name is the beginning", vec![group.as_str()[..group.as_str().len() - 1].to_owned()]),
        with("the group in other letters", vec![group.as_str().to_uppercase()]),
        with("a wildcard", vec!["*".to_owned(), "urn:nhs:names:services:careconnect:*".to_owned()]),
        with("several groups in one text", vec![format!("{group} {group}")]),
    ]
}

fn outside_their_time(issuer: &TestIssuer, token: TestToken<'_>) -> Vec<BadToken> {
    let later = |seconds| issuer.now().saturating_add(seconds);
    let token = || token.clone();
    vec![
        BadToken::new("expired", "ended an hour ago", token().issued_at(later(-7200)).expires_at(later(-3600)).sign()),
        BadToken::new("expired", "ended a minute ago", token().issued_at(later(-361)).expires_at(later(-61)).sign()),
        BadToken::new(
            "not_yet_valid",
            "valid in an hour",
            token().claim("nbf", later(3600)).expires_at(later(7200)).sign(),
        ),
        BadToken::new(
            "iat_future",
            "issued in an hour",
            token().issued_at(later(3600)).without("nbf").expires_at(later(7200)).sign(),
        ),
        BadToken::new("missing_claim", "without an end", token().without("exp").sign()),
        BadToken::new("invalid_claim", "an end in words", token().claim("exp", later(300).to_string()).sign()),
        BadToken::new("invalid_claim", "an end beyond all numbers", token().claim("exp", 1e300).sign()),
    ]
}

fn for_others(issuer: &TestIssuer, audience: &str) -> Vec<BadToken> {
    let audience_of = |name, value: String| BadToken::new("wrong_audience", name, issuer.token_for(value).sign());
    let mut shorter = audience.to_owned();
    shorter.pop();
    let other = "https://another-provider.test/STU3/1";
    vec![
        audience_of("for another provider", other.to_owned()),
        audience_of("for a longer address than ours", format!("{audience}/2")),
        audience_of("for ours with a slash", format!("{audience}/")),
        audience_of("for a sibling of ours", format!("{shorter}~")),
        audience_of("for a shorter address than ours", shorter),
        audience_of("for two providers at once in one text", format!("{other} {audience}")),
        BadToken::new("wrong_audience", "for several others", issuer.token_for("").claim("aud", vec![other]).sign()),
        BadToken::new("missing_claim", "for nobody", issuer.token_for("").without("aud").sign()),
        BadToken::new(
            "wrong_issuer",
            "of another issuer",
            issuer.token_for(audience).claim("iss", "https://another-issuer.test").sign(),
        ),
        BadToken::new(
            "wrong_issuer",
            "of an issuer with a longer name",
            issuer.token_for(audience).claim("iss", format!("{}/", issuer.issuer())).sign(),
        ),
    ]
}

fn without_signature(issuer: &TestIssuer, token: TestToken<'_>) -> Vec<BadToken> {
    let unsigned = |alg: &str| token.clone().header("alg", alg).signed_by(|_| Vec::new());
    let hmac = |secret: &[u8]| token.clone().header("alg", "HS256").signed_by(|message| hmac_sha256(secret, message));
    vec![
        BadToken::new("unsupported_alg", "alg none", unsigned("none")),
        BadToken::new("unsupported_alg", "alg none in other letters", unsigned("nOnE")),
        BadToken::new("malformed", "alg none without the last dot", unsigned("none").trim_end_matches('.').to_owned()),
        BadToken::new("unsupported_alg", "HS256 with the public key in PEM", hmac(issuer.key.public_pem().as_bytes())),
        BadToken::new("unsupported_alg", "HS256 with the public JWK", hmac(issuer.jwk().to_string().as_bytes())),
        BadToken::new("unsupported_alg", "HS256 with an empty secret", hmac(b"")),
        BadToken::new(
            "unsupported_alg",
            "RS256 by the key that is for ES256",
            token.clone().header("alg", "RS256").sign(),
        ),
        BadToken::new("bad_signature", "ES256 without a signature", unsigned("ES256")),
        BadToken::new("bad_signature", "a signature of zeros", token.signed_by(|_| vec![0; 64])),
        BadToken::new(
            "bad_signature",
            "a signature in DER",
            token.signed_by(|message| issuer.key.sign_in_der(message)),
        ),
    ]
}

fn of_other_keys(issuer: &TestIssuer, audience: &str) -> Vec<BadToken> {
    let (namesake, stranger) = (issuer.impostor(&issuer.key_id), issuer.impostor("a-strangers-key"));
    let (own_key, keys) = (namesake.jwk(), "https://attacker.test/jwks.json");
    let tampered = {
        let (token, other) = (issuer.token_for(audience).sign(), issuer.token_for(audience).ods_code("Z9999").sign());
        let signature = token.rsplit('.').next().unwrap_or_default();
        format!("{}.{signature}", other.rsplit_once('.').map_or("", |(signed, _)| signed))
    };
    vec![
        BadToken::new("unknown_kid", "of a key that nobody knows", stranger.token_for(audience).sign()),
        BadToken::new("bad_signature", "of another key under the name of ours", namesake.token_for(audience).sign()),
        BadToken::new("bad_signature", "changed after it was signed", tampered),
        BadToken::new(
            "bad_signature",
            "brings its own key",
            namesake.token_for(audience).header("jwk", own_key).sign(),
        ),
        BadToken::new("unknown_kid", "tells where its key is", stranger.token_for(audience).header("jku", keys).sign()),
        BadToken::new(
            "bad_header",
            "without the name of a key",
            issuer.token_for(audience).without_header("kid").sign(),
        ),
    ]
}

fn with_wrong_claims(token: TestToken<'_>) -> Vec<BadToken> {
    let token = || token.clone();
    vec![
        BadToken::new("missing_claim", "without groups", token().without("groups").sign()),
        BadToken::new("missing_claim", "without a system", token().without("asid").sign()),
        BadToken::new("missing_claim", "without an organisation", token().without("ods_code").sign()),
        BadToken::new("missing_claim", "without an identity of its own", token().without("jti").sign()),
        BadToken::new("invalid_claim", "groups in one text", token().claim("groups", Group::READ_SLOT.as_str()).sign()),
        BadToken::new("invalid_claim", "a system as a number", token().claim("asid", 200_000_000_205_u64).sign()),
        BadToken::new("invalid_claim", "a system that is none", token().asid("12345").sign()),
        BadToken::new("invalid_claim", "an organisation in small letters", token().ods_code("a1001").sign()),
    ]
}

fn of_another_kind(token: TestToken<'_>) -> Vec<BadToken> {
    let typed = |typ: &str| token.clone().header("typ", typ).sign();
    let crit = token.clone().header("crit", vec!["exp"]).sign();
    vec![
        BadToken::new("wrong_typ", "any JWT", typed("JWT")),
        BadToken::new("wrong_typ", "a client assertion", typed("client-authentication+jwt")),
        BadToken::new("wrong_typ", "a list of revocations", typed("careconnect-revocations+jwt")),
        BadToken::new("wrong_typ", "without a type", token.clone().without_header("typ").sign()),
        BadToken::new("crit", "with an extension that must be understood", crit),
        BadToken::new("malformed", "five parts, as if it were encrypted", format!("{}.AA.AA", token.sign())),
        BadToken::new("malformed", "an opaque text", "6f1c2d3e-0000-4000-8000-000000000001".to_owned()),
        BadToken::new("malformed", "three empty parts", "..".to_owned()),
        BadToken::new("too_large", "over 16 KiB", token.clone().claim("x", "x".repeat(MAX_TOKEN_BYTES)).sign()),
    ]
}

fn stolen(token: TestToken<'_>) -> Vec<BadToken> {
    let [holder, thief] = [&b"the holder"[..], b"a thief"].map(CertificateThumbprint::of_der);
    let bound = token.clone().bound_to(holder).sign();
    let by_key = token.claim("cnf", json!({ "jkt": base64url::encode(&[7; 32]) })).sign();
    vec![
        BadToken::new("cnf_mismatch", "bound, on another's connection", bound.clone()).on_connection_of(thief),
        BadToken::new("cnf_mismatch", "bound, on a connection without certificate", bound),
        BadToken::new("invalid_claim", "bound to what is no certificate", by_key).on_connection_of(holder),
    ]
}

fn with_two_readings(issuer: &TestIssuer, token: TestToken<'_>) -> Vec<BadToken> {
    let [header, claims] = token.texts();
    let good = token.sign();
    let signed = |header: &str, claims: &str| assemble(header, claims, |message| issuer.key.sign(message));
    let twice = |text: &str, member: &str| text.replacen('{', &format!("{{{member},"), 1);
    vec![
        BadToken::new("malformed", "a claim twice", signed(&header, &twice(&claims, r#""ods_code":"Z9999""#))),
        BadToken::new("malformed", "a header parameter twice", signed(&twice(&header, r#""alg":"ES256""#), &claims)),
        BadToken::new("malformed", "base64 with padding", format!("{good}==")),
        BadToken::new("malformed", "base64 of another alphabet", format!("{}+/", &good[..good.len() - 2])),
        BadToken::new("malformed", "base64 with stray bits", with_stray_bits(&good)),
        BadToken::new("malformed", "claims that are no JSON", signed(&header, "{")),
        BadToken::new("malformed", "claims that are no object", signed(&header, "[]")),
    ]
}

/// 64 octets leave four bits in the last letter, which must be zero: A, Q, g or w.
fn with_stray_bits(token: &str) -> String {
    let (rest, last) = token.split_at(token.len() - 1);
    let next = match last {
        "A" => "B",
        "Q" => "R",
        "g" => "h",
        _ => "x",
    };
    format!("{rest}{next}")
}

//! Tokens with the verdict that a verifier must reach, shared with verifiers in other languages. Where they leave the
//! verdict open (`either`), `either.json` says which one is ours, and why.

use std::{collections::HashMap, slice, time::Instant};

use base64::{Engine, engine::general_purpose::STANDARD};
use careconnect_verifier::{CertificateThumbprint, FixedKeys, Group, KeySet, Presented, Rejection, TokenVerifier};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Vectors {
    certs: HashMap<String, String>,
    jwks: HashMap<String, Value>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    token: Option<String>,
    token_hex: Option<String>,
    jwks: String,
    issuer: String,
    audience: String,
    now: i64,
    options: Options,
    expect: String,
    reasons: Vec<String>,
}

/// Our verdict where the vectors permit both: `accept`, or the reason of the refusal.
#[derive(Deserialize)]
struct Choice {
    id: String,
    verdict: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(default)]
    require_groups: Vec<Group>,
    cert: Option<String>,
    #[serde(default)]
    leeway: u32,
    ssp_from: Option<String>,
    #[serde(default)]
    require_cnf: bool,
}

/// R29 to R40, each by the vectors of its category.
#[test]
fn every_vector_reaches_its_verdict() {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors/verifier.json")).unwrap();
    assert_eq!(vectors.cases.len(), 380);
    let choices: Vec<Choice> = serde_json::from_str(include_str!("../vectors/either.json")).unwrap();
    let open = vectors.cases.iter().filter(|case| case.expect == "either").map(|case| &case.id);
    assert!(open.eq(choices.iter().map(|choice| &choice.id)), "a choice for each open case, in their order");
    let choices = choices.into_iter().map(|choice| (choice.id, choice.verdict)).collect();
    let wrong: Vec<String> = vectors.cases.iter().filter_map(|case| disagreement(&vectors, &choices, case)).collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn disagreement(vectors: &Vectors, choices: &HashMap<String, String>, case: &Case) -> Option<String> {
    let started = Instant::now();
    let verdict = judge(vectors, case);
    let reason = verdict.as_ref().map_or_else(Rejection::reason, |()| "accept");
    let expected = match case.expect.as_str() {
        "reject" => case.reasons.as_slice(),
        "accept" => slice::from_ref(&case.expect),
        _ => slice::from_ref(&choices[&case.id]),
    };
    let conforms = expected.iter().any(|expected| expected == reason) && started.elapsed().as_secs() < 10;
    (!conforms).then(|| format!("{}: expected {expected:?}, got {verdict:?}", case.id))
}

fn judge(vectors: &Vectors, case: &Case) -> Result<(), Rejection> {
    let keys = KeySet::parse(vectors.jwks[&case.jwks].to_string().as_bytes())?;
    let now = case.now;
    let mut builder = TokenVerifier::for_issuer(&case.issuer)
        .audience(&case.audience)
        .keys(FixedKeys::new(keys))
        .leeway(case.options.leeway)
        .clock(move || now);
    if case.options.require_cnf {
        builder = builder.require_certificate_binding();
    }
    let token = case.token.clone().map_or_else(|| from_hex(case.token_hex.as_deref().unwrap()), String::into_bytes);
    let mut presented = Presented::new(&token);
    if let Some(name) = &case.options.cert {
        presented = presented.with_certificate(CertificateThumbprint::of_der(&from_pem(&vectors.certs[name])));
    }
    if let Some(asid) = &case.options.ssp_from {
        presented = presented.from_system(asid);
    }
    let verifier = builder.build().unwrap();
    let verdicts = [(); 2].map(|()| verifier.verify_offline(presented));
    assert_eq!(verdicts[0], verdicts[1], "{}: a token that is known is judged as one that is not", case.id);
    let [verified, _] = verdicts;
    let verified = verified?;
    case.options.require_groups.iter().try_for_each(|group| verified.require(group))
}

fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn from_pem(pem: &str) -> Vec<u8> {
    STANDARD.decode(pem.lines().filter(|line| !line.starts_with("-----")).collect::<String>()).unwrap()
}

//! Tokens with the verdict that a verifier must reach, shared with verifiers in other languages. Where they leave the
//! verdict open (`either`), `either.json` says which one is ours, and why.

use std::{collections::HashMap, slice, time::Instant};

#[cfg(feature = "axum")]
use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, StatusCode},
    routing::get,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use careconnect_verifier::{CertificateThumbprint, FixedKeys, Group, KeySet, Presented, Rejection, TokenVerifier};
#[cfg(feature = "axum")]
use careconnect_verifier::{InteractionTable, ProviderGuard, Requester};
use serde::Deserialize;
use serde_json::Value;
#[cfg(feature = "axum")]
use tower_service::Service;

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
    let (verifier, token) = (case.verifier(vectors)?, case.token());
    let mut presented = Presented::new(&token);
    if let Some(certificate) = case.certificate(vectors) {
        presented = presented.with_certificate(certificate);
    }
    if let Some(asid) = &case.options.ssp_from {
        presented = presented.from_system(asid);
    }
    let verdicts = [(); 2].map(|()| verifier.verify_offline(presented));
    assert_eq!(verdicts[0], verdicts[1], "{}: a token that is known is judged as one that is not", case.id);
    let [verified, _] = verdicts;
    let verified = verified?;
    case.options.require_groups.iter().try_for_each(|group| verified.require(group))
}

impl Case {
    fn verifier(&self, vectors: &Vectors) -> Result<TokenVerifier, Rejection> {
        let keys = KeySet::parse(vectors.jwks[&self.jwks].to_string().as_bytes())?;
        let now = self.now;
        let mut builder = TokenVerifier::for_issuer(&self.issuer)
            .audience(&self.audience)
            .keys(FixedKeys::new(keys))
            .leeway(self.options.leeway)
            .clock(move || now);
        if self.options.require_cnf {
            builder = builder.require_certificate_binding();
        }
        Ok(builder.build().unwrap())
    }

    fn token(&self) -> Vec<u8> {
        self.token.clone().map_or_else(|| from_hex(self.token_hex.as_deref().unwrap()), String::into_bytes)
    }

    fn certificate(&self, vectors: &Vectors) -> Option<CertificateThumbprint> {
        let name = self.options.cert.as_ref()?;
        Some(CertificateThumbprint::of_der(&from_pem(&vectors.certs[name])))
    }
}

/// The same through a service behind the layer, whose handler requires the groups. No header has control characters.
#[cfg(feature = "axum")]
#[tokio::test]
async fn every_vector_reaches_its_verdict_through_the_layer() {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors/verifier.json")).unwrap();
    let table = InteractionTable::parse("GET /Slot urn:example:look needs none").unwrap();
    let (mut wrong, mut unsendable) = (Vec::new(), 0);
    for case in vectors.cases.iter().filter(|case| case.expect != "either") {
        let Ok(credentials) = HeaderValue::try_from([b"Bearer ".as_slice(), &case.token()].concat()) else {
            unsendable += 1;
            continue;
        };
        let mut request = Request::get("/Slot").header("authorization", credentials);
        if let Some(asid) = &case.options.ssp_from {
            request = request.header("ssp-from", asid);
        }
        let mut request = request.body(Body::empty()).unwrap();
        if let Some(certificate) = case.certificate(&vectors) {
            request.extensions_mut().insert(certificate);
        }
        let status = match case.verifier(&vectors) {
            Err(_) => StatusCode::SERVICE_UNAVAILABLE,
            Ok(verifier) => {
                let guard = ProviderGuard::new(verifier).interactions(table.clone()).build().unwrap();
                let groups = case.options.require_groups.clone();
                let look =
                    async move |requester: Requester| groups.iter().try_for_each(|group| requester.require(group));
                Router::new().route("/Slot", get(look)).layer(guard.layer()).call(request).await.unwrap().status()
            }
        };
        if (status == StatusCode::OK) != (case.expect == "accept") {
            wrong.push(format!("{}: expected {}, got {status}", case.id, case.expect));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(unsendable, 3);
}

fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn from_pem(pem: &str) -> Vec<u8> {
    STANDARD.decode(pem.lines().filter(|line| !line.starts_with("-----")).collect::<String>()).unwrap()
}

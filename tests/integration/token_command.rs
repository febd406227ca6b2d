//! `careconnect-auth token`: the contract that scripts and other languages' tests rely on.

use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::command;

const VECTORS: &str = include_str!("../../verifier/tests/vectors/verifier.json");

fn vectors() -> Value {
    serde_json::from_str(VECTORS).unwrap()
}

fn vector(id: &str) -> (Value, Value) {
    let mut vectors = vectors();
    let case = vectors["cases"].as_array().unwrap().iter().find(|case| case["id"] == id).unwrap().clone();
    let jwks = vectors["jwks"][case["jwks"].as_str().unwrap()].take();
    (case, jwks)
}

/// Runs `careconnect-auth token …` with `input` on standard input.
fn token_command(arguments: &[&str], input: &[u8]) -> Output {
    let here = std::env::current_dir().unwrap();
    command::output(command::command(&here, &[&["token"], arguments].concat()), input)
}

/// Runs `token verify` for one vector, with `jwks` in a file and `more` arguments.
fn verify(case: &Value, jwks: &str, token: &[u8], more: &[&str]) -> Output {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("jwks.json");
    std::fs::write(&file, jwks).unwrap();
    let now = case["now"].to_string();
    let [issuer, audience] = ["issuer", "audience"].map(|name| case[name].as_str().unwrap());
    let mut arguments = vec!["verify", "--jwks", file.to_str().unwrap(), "--issuer", issuer];
    arguments.extend(["--audience", audience, "--now", &now]);
    arguments.extend(more);
    token_command(&arguments, token)
}

fn only_line(output: &Output) -> Value {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    assert_eq!(text.matches('\n').count(), 1, "{text:?}");
    serde_json::from_str(text).unwrap()
}

fn is_conforming(case: &Value, verdict: &Value) -> bool {
    let reasons = case["reasons"].as_array().unwrap();
    match case["expect"].as_str().unwrap() {
        "accept" => verdict["verdict"] == "accept",
        "reject" => verdict["verdict"] == "reject" && (reasons.is_empty() || reasons.contains(&verdict["reason"])),
        _ => true,
    }
}

fn batch(lines: &[Value]) -> Vec<Value> {
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let output = token_command(&["verify", "--batch"], input.as_bytes());
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_vector_reaches_its_verdict_in_one_batch() {
    let mut vectors = vectors(); // R29 to R40
    let cases = vectors["cases"].take();
    let cases = cases.as_array().unwrap();
    let question = |case: &Value| {
        let mut line = case.clone();
        line["jwks"] = vectors["jwks"][case["jwks"].as_str().unwrap()].clone();
        if let Some(name) = line["options"].as_object_mut().unwrap().remove("cert") {
            line["options"]["cert_pem"] = vectors["certs"][name.as_str().unwrap()].clone();
        }
        line
    };
    let verdicts = batch(&cases.iter().map(question).collect::<Vec<_>>());
    assert_eq!(verdicts.len(), cases.len());
    for (case, verdict) in cases.iter().zip(&verdicts) {
        assert_eq!(case["id"], verdict["id"]);
        assert!(is_conforming(case, verdict), "{}: {verdict}", case["id"]);
    }
}

#[test]
fn single_runs_say_the_same_with_their_exit_codes() {
    for id in ["valid-es256", "valid-rs256", "sig-bitflip-0", "time-exp-equals-now", "jwks-null", "enc-nl-trail2"] {
        let (case, jwks) = vector(id);
        let token = case["token"].as_str().map_or_else(|| from_hex(case["token_hex"].as_str().unwrap()), Vec::from);
        let output = verify(&case, &jwks.to_string(), &token, &[]);
        let verdict = only_line(&output);
        assert!(is_conforming(&case, &verdict), "{id}: {verdict}");
        assert_eq!(output.status.code(), Some(if verdict["verdict"] == "accept" { 0 } else { 1 }));
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn an_accepted_token_is_told_in_claims() {
    let (case, jwks) = vector("valid-es256");
    let output = verify(&case, &jwks.to_string(), case["token"].as_str().unwrap().as_bytes(), &[]);
    let claims = &only_line(&output)["claims"];
    assert_eq!(claims["ods"], "A83008");
    assert_eq!(claims["org_type"], "gp-practice");
    assert_eq!(claims["asid"], "200000000205");
    assert_eq!(claims["groups"].as_array().unwrap().len(), 2);
    assert_eq!((&claims["sub"], &claims["exp"]), (&json!("client-123"), &json!(1_800_000_290)));
}

#[test]
fn options_narrow_what_is_accepted() {
    let (case, jwks) = vector("valid-es256");
    let group = "urn:nhs:names:services:careconnect:fhir:rest:";
    let [held, lacking] = ["read:slot", "update:appointment"].map(|name| format!("{group}{name}"));
    for (options, reason) in [
        (vec!["--require-group", &held, "--alg", "ES256", "--leeway", "60", "--ssp-from", "200000000205"], None),
        (vec!["--require-group", &held, "--require-group", &lacking], Some("group_missing")),
        (vec!["--alg", "RS256"], Some("unsupported_alg")),
        (vec!["--require-cnf"], Some("cnf_mismatch")),
        (vec!["--ssp-from", "200000000999"], Some("asid_mismatch")),
    ] {
        let output = verify(&case, &jwks.to_string(), case["token"].as_str().unwrap().as_bytes(), &options);
        assert_eq!(only_line(&output)["reason"].as_str(), reason, "{options:?}");
    }
}

#[test]
fn a_refusal_is_explained_on_request_and_without_a_time_it_is_now() {
    let (case, jwks) = vector("valid-es256");
    let token = case["token"].as_str().unwrap().as_bytes();
    let refused = only_line(&verify(&case, &jwks.to_string(), token, &["--alg", "RS256", "--explain"]));
    assert!(refused["detail"].as_str().unwrap().contains("received \"ES256\""), "{refused}");

    let directory = TempDir::new().unwrap();
    let file = directory.path().join("jwks.json");
    std::fs::write(&file, jwks.to_string()).unwrap();
    let [issuer, audience] = ["issuer", "audience"].map(|name| case[name].as_str().unwrap());
    let arguments = ["verify", "--jwks", file.to_str().unwrap(), "--issuer", issuer, "--audience", audience];
    let reason = only_line(&token_command(&arguments, token))["reason"].clone();
    assert!(["expired", "not_yet_valid", "iat_future"].contains(&reason.as_str().unwrap()), "{reason}");
}

#[test]
fn any_bytes_are_answered() {
    let (case, jwks) = vector("valid-es256"); // R42
    for token in [vec![b'a'; 5_000_000], vec![b'.'; 100_000], vec![0xff, 0xfe, b'.'], vec![]] {
        let output = verify(&case, &jwks.to_string(), &token, &[]);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(only_line(&output)["verdict"], "reject");
    }
}

#[test]
fn an_unusable_key_set_is_a_refusal() {
    let (case, _) = vector("valid-es256");
    for jwks in ["", "[]", "no json", "{\"keys\":1}"] {
        let output = verify(&case, jwks, case["token"].as_str().unwrap().as_bytes(), &[]);
        assert_eq!((output.status.code(), only_line(&output)["reason"].as_str()), (Some(1), Some("jwks_invalid")));
    }
}

#[test]
fn unusable_arguments_exit_with_two_and_print_no_verdict() {
    let (case, jwks) = vector("valid-es256");
    let token = case["token"].as_str().unwrap();
    for options in [
        vec!["--leeway", "61"],
        vec!["--alg", "none"],
        vec!["--require-group", "*"],
        vec!["--cert", "/nonexistent"],
        vec!["--batch"],
        vec!["--frobnicate"],
    ] {
        let output = verify(&case, &jwks.to_string(), token.as_bytes(), &options);
        assert_eq!(output.status.code(), Some(2), "{options:?}");
        assert!(output.stdout.is_empty() && !String::from_utf8_lossy(&output.stderr).contains(token));
    }
}

#[test]
fn a_line_that_asks_nothing_is_refused_and_not_skipped() {
    let output = token_command(
        &["verify", "--batch"],
        b"\nnonsense\n{\"id\":\"a\"}\n{\"id\":\"b\",\"token\":\"\\ud800\"}\n{\"id\":7,\"kind\":\"x\"}\n\xff\n{\"id\":\"last\"}",
    );
    let ids: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .inspect(|answer| assert_eq!(answer["verdict"], "reject"))
        .map(|mut answer| answer["id"].take())
        .collect();
    assert_eq!(json!(ids), json!([null, null, "a", "b", 7, null, "last"]));
}

#[test]
fn signatures_alone_go_through_the_same_code() {
    let (case, jwks) = vector("valid-es256"); // R31
    let token = case["token"].as_str().unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let [message, signature] = [signed.as_bytes().to_vec(), from_base64url(signature)].map(|bytes| to_hex(&bytes));
    let jwk = &jwks["keys"][0];
    let raw = |alg: &str, message: &str| json!({ "id": alg, "kind": "raw", "alg": alg, "jwk": jwk, "msg_hex": message, "sig_hex": signature });
    let verdicts = batch(&[
        raw("ES256", &message),
        raw("ES256", &format!("{message}00")),
        raw("RS256", &message),
        raw("HS256", &message),
        json!({ "id": 1, "kind": "jws", "jws": token, "jwk": jwk }),
        json!({ "id": 2, "kind": "jws", "jws": format!("{token}A"), "jwk": jwk }),
        json!({ "id": 3, "kind": "jws", "jws": token, "jwk": { "kty": "oct", "k": "AAAA" } }),
    ]);
    let told: Vec<_> = verdicts.iter().map(|verdict| verdict["verdict"].as_str().unwrap()).collect();
    assert_eq!(told, ["accept", "reject", "reject", "reject", "accept", "reject", "reject"]);
}

#[test]
fn inspect_says_first_whether_anybody_vouches_for_the_token() {
    let (case, jwks) = vector("valid-es256");
    let token = case["token"].as_str().unwrap();
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("jwks.json");
    std::fs::write(&file, jwks.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let forged = token.replacen(".eyJ", ".eyK", 1);
    for (arguments, input, first_word, code) in [
        (vec!["inspect"], format!("{token}\n"), "unverified:", 0),
        (vec!["inspect", "--jwks", file], token.to_owned(), "verified:", 0),
        (vec!["inspect", token, "--jwks", file], String::new(), "verified:", 0),
        (vec!["inspect", "--jwks", file], format!("{token}AAAA"), "unverified:", 1),
        (vec!["inspect", "--jwks", file], forged, "", 2),
    ] {
        let output = token_command(&arguments, input.as_bytes());
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!((text.split(' ').next().unwrap(), output.status.code()), (first_word, Some(code)), "{text}");
        assert!(code == 2 || text.contains("1800000290  2027-01-15T08:04:50Z"));
    }
}

#[test]
fn inspect_speaks_json() {
    let (case, _) = vector("alg-none-no-kid");
    let output = token_command(&["--json", "inspect"], case["token"].as_str().unwrap().as_bytes());
    let text = only_line(&output);
    assert_eq!((&text["verified"], &text["header"]["alg"]), (&json!(false), &json!("none")));
    assert_eq!((&text["claims"]["ods_code"], &text["reason"]), (&json!("A83008"), &json!("no_key_set")));

    let directory = TempDir::new().unwrap();
    let file = directory.path().join("jwks.json");
    std::fs::write(&file, r#"{"keys":[]}"#).unwrap();
    let (case, _) = vector("valid-es256");
    let arguments = ["inspect", "--json", case["token"].as_str().unwrap(), "--jwks", file.to_str().unwrap()];
    let output = token_command(&arguments, b"");
    let text = only_line(&output);
    assert_eq!((output.status.code(), &text["reason"]), (Some(1), &json!("unknown_kid")), "{text}");
    assert!(text["detail"].as_str().unwrap().contains("received \"es1\""), "{text}");
}

#[test]
fn inspect_aligns_what_it_knows_and_what_it_does_not() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let token = format!("{}.{}.AAAA", part(json!({ "alg": "ES256" })), part(json!({ "appidacr": "2", "other": 1 })));
    let output = token_command(&["inspect", &token], b"");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\nappidacr                 2  (how"), "{text}");
    assert!(text.contains("\nother                    1\n"), "{text}");
}

fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_base64url(text: &str) -> Vec<u8> {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

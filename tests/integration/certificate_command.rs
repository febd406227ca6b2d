//! `cert verify` and `cert inspect`, as scripts call them.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use careconnect_auth::clock::UnixTime;
use rcgen::{DnType, SerialNumber};
use serde_json::{Value, json};

use crate::support::authority::{Authority, Identity, NOW, certificate_pem, valid};

fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_careconnect-auth"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _closed_early = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// The exit code and the one line of `cert verify`.
fn verify(input: &[u8]) -> (i32, Value) {
    let output = run(&["cert", "verify"], input);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    (output.status.code().unwrap(), serde_json::from_str(&text).unwrap())
}

fn question(root: &Authority, identity: &Identity) -> Value {
    let chain: Vec<_> = identity.chain.iter().map(|der| certificate_pem(der)).collect();
    json!({ "roots": [root.pem()], "chain": chain, "time": NOW.0, "crls": [], "max_depth": null })
}

#[test]
fn an_accepted_chain_is_exit_0_and_a_refused_one_exit_1_with_its_reason() {
    let root = Authority::new("Root");
    let identity = root.intermediate("Issuing").client("a.nhs.uk");
    let mut question = question(&root, &identity);
    assert_eq!(verify(question.to_string().as_bytes()), (0, json!({ "verdict": "accept" })));
    question["time"] = json!(null);
    assert_eq!(verify(question.to_string().as_bytes()).0, 0);
    question["max_depth"] = json!(0);
    assert_eq!(verify(question.to_string().as_bytes()), (1, json!({ "verdict": "reject", "reason": "too_deep" })));
    question["max_depth"] = json!(1);
    question["time"] = json!(0);
    let refused = verify(question.to_string().as_bytes());
    assert_eq!(refused, (1, json!({ "verdict": "reject", "reason": "not_yet_valid" })));
}

#[test]
fn revocation_lists_are_heeded() {
    let root = Authority::new("Root");
    let identity = root.issue("a.nhs.uk", |params| params.serial_number = Some(SerialNumber::from(7_u64)));
    let mut question = question(&root, &identity);
    question["crls"] = json!([root.revocation_list(&[7], 2040)]);
    assert_eq!(verify(question.to_string().as_bytes()), (1, json!({ "verdict": "reject", "reason": "revoked" })));
    question["crls"] = json!([root.revocation_list(&[8], 2040)]);
    assert_eq!(verify(question.to_string().as_bytes()).0, 0);
}

#[test]
fn a_malformed_chain_is_refused_and_a_malformed_question_is_a_set_up_error() {
    let root = Authority::new("Root");
    let good = question(&root, &root.client("a.nhs.uk"));
    let with = |key: &str, value: Value| {
        let mut question = good.clone();
        question[key] = value;
        verify(question.to_string().as_bytes()).0
    };
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for chain in [json!([]), json!(["garbage"]), json!([garbage]), json!(["-----BEGIN CERTIFICATE-----\n!"])] {
        assert_eq!(with("chain", chain.clone()), 1, "{chain}");
    }
    for (key, value) in [
        ("roots", json!([])),
        ("roots", json!(["garbage"])),
        ("roots", json!([garbage])),
        ("crls", json!(["garbage"])),
        ("time", json!("now")),
        ("unknown", json!(1)),
    ] {
        assert_eq!(with(key, value.clone()), 2, "{key} {value}");
    }
    for input in [&b""[..], b"{", b"\xff\xfe", b"[]"] {
        assert_eq!(verify(input).0, 2);
    }
}

#[test]
fn a_hostile_chain_is_answered() {
    let root = Authority::new("Root");
    let mut question = question(&root, &Authority::new("I").client("a.nhs.uk"));
    let issuer = certificate_pem(&Authority::new("I").der());
    for count in [3, 500, 10_000] {
        let chain = question["chain"].as_array_mut().unwrap();
        chain.extend((0..count).map(|_| json!(issuer)));
        let start = Instant::now();
        assert_eq!(verify(question.to_string().as_bytes()).0, 1);
        assert!(start.elapsed() < Duration::from_secs(20), "{count}: {:?}", start.elapsed());
    }
}

#[test]
fn a_certificate_is_shown_with_what_it_can_be_registered_as() {
    let identity = Authority::new("Issuing").issue("BaRS.trust.nhs.uk", |params| {
        params.distinguished_name.push(DnType::OrganizationName, "Trust, The");
    });
    let directory = tempfile::tempdir().unwrap();
    let (pem, der) = (directory.path().join("a.pem"), directory.path().join("a.der"));
    std::fs::write(&pem, identity.pem()).unwrap();
    std::fs::write(&der, &identity.chain[0]).unwrap();
    for file in [pem, der] {
        let output = run(&["cert", "inspect", file.to_str().unwrap(), "--json"], b"");
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(shown["subject"], r"O=Trust\, The,CN=BaRS.trust.nhs.uk");
        assert_eq!((&shown["issuer"], &shown["usage"]), (&json!("CN=Issuing"), &json!(["clientAuth"])));
        assert_eq!((&shown["not_after"], &shown["key"]), (&json!("2049-01-01T00:00:00Z"), &json!("ECDSA, P-256")));
        assert_eq!(shown["registrations"][0]["value"], "bars.trust.nhs.uk");
        assert_eq!(shown["registrations"][1]["value"], shown["subject"]);
        assert_eq!(shown["registrations"][2]["value"], shown["thumbprint"]);
    }
}

#[test]
fn what_the_listener_would_refuse_in_a_certificate_is_said_and_nothing_offered_for_registration() {
    let root = Authority::new("Issuing");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.pem");
    let inspect = |identity: Identity| -> Value {
        std::fs::write(&file, identity.pem()).unwrap();
        let output = run(&["cert", "inspect", file.to_str().unwrap(), "--json"], b"");
        assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count(), 1);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let server = inspect(root.server());
    assert!(server["refused"].as_str().unwrap().contains("clientAuth"), "{server}");
    assert_eq!((&server["registrations"], &server["out_of_date"]), (&json!([]), &json!(null)));
    let expired = inspect(root.issue("a.nhs.uk", |params| valid(params, UnixTime(0), UnixTime(1))));
    assert!(expired["out_of_date"].as_str().unwrap().starts_with("valid until 1970"), "{expired}");
    assert_eq!((expired["registrations"].as_array().map(Vec::len), &expired["refused"]), (Some(4), &json!(null)));
    let self_signed = inspect(Identity::self_signed("a.nhs.uk", |_| {}));
    assert_eq!(
        (self_signed["registrations"].as_array().map(Vec::len), &self_signed["refused"]),
        (Some(2), &json!(null))
    );
}

#[test]
fn a_file_is_judged_by_the_authorities_that_are_named() {
    let (root, directory) = (Authority::new("Root"), tempfile::tempdir().unwrap());
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("root.pem"), root.pem()).unwrap();
    std::fs::write(path("client.pem"), root.intermediate("Issuing").client("a.nhs.uk").pem()).unwrap();
    std::fs::write(path("server.pem"), root.server().pem()).unwrap();
    let judge = |file: &str, more: &[&str]| {
        let (file, root) = (path(file), path("root.pem"));
        let output = run(&[&["cert", "verify", &file, "--authorities", &root], more].concat(), b"");
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(judge("client.pem", &[]), (0, "accepted\n".to_owned()));
    let (code, said) = judge("server.pem", &[]);
    assert!(code == 1 && said.starts_with("refused (wrong_usage): expected"), "{code} {said}");
    let (code, said) = judge("server.pem", &["--json"]);
    assert_eq!((code, &serde_json::from_str::<Value>(&said).unwrap()["reason"]), (1, &json!("wrong_usage")));
    assert_eq!(judge("absent.pem", &[]).0, 2);
    let without = run(&["cert", "verify", &path("client.pem"), "--config", &path("root.pem")], b"");
    assert_eq!(without.status.code(), Some(2));
}

#[test]
fn a_file_that_is_no_certificate_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("text.pem");
    for content in [None, Some(""), Some("text"), Some("0text")] {
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let output = run(&["cert", "inspect", file.to_str().unwrap()], b"");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains("text.pem"), "{content:?}: {error}");
    }
}

//! What the guide for providers shows is what works: its programs, in each language, against a server and the vectors.

mod keys;
mod programs;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{
    dev::Dev,
    foreign::{alone, said},
    shell_blocks::{links, run},
};

use programs::{PAGES, Programs};

const GUIDE: &str = include_str!("../../docs/providers.md");
const VECTORS: &str = include_str!("../../verifier/tests/vectors/verifier.json");

/// An access token of a demo server, for the consumer of this name.
fn token(dev: &Dev, consumer: &str, root: &str) -> String {
    let manifest = dev.manifest();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let consumers = manifest["consumers"].as_array().unwrap();
    let consumer = consumers.iter().find(|one| text(&one["name"]).contains(consumer)).unwrap();
    let mut curl = alone(std::process::Command::new("curl"));
    curl.args(["--silent", "--fail-with-body", "--cacert", &text(&manifest["ca_file"])]);
    match consumer["client_secret"].as_str() {
        Some(secret) => curl.args(["--user", &format!("{}:{secret}", text(&consumer["client_id"]))]),
        None => curl.args(["--cert", &text(&consumer["cert_file"]), "--key", &text(&consumer["key_file"])]),
    };
    curl.args(["--data", "grant_type=client_credentials", "--data", &format!("resource={root}")]);
    curl.arg(text(&manifest["token_endpoint"]));
    let answer: Value = serde_json::from_str(&said(curl)).unwrap();
    text(&answer["access_token"])
}

/// The ODS codes of providers that a demo server registers.
const PRACTICE: &str = "A20047";
const WITH_RS256: &str = "B82617";
const WITH_BOUND_TOKENS: &str = "C81002";

/// The service root of a provider, and issuer, key set and authority, as the services want them.
fn facts(dev: &Dev, provider: &str) -> (String, String, String, String) {
    let manifest = dev.manifest();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let provider = manifest["providers"].as_array().unwrap().iter().find(|one| one["ods_code"] == provider).unwrap();
    let root = text(&provider["base_url"]);
    (root, text(&manifest["issuer"]), text(&manifest["jwks_uri"]), text(&manifest["ca_file"]))
}

#[tokio::test]
async fn each_program_admits_who_may_and_says_why_others_may_not() {
    // R32, R35, R36, R38
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let (root, issuer, keys, authority) = facts(&dev, PRACTICE);
    let neighbour = facts(&dev, WITH_BOUND_TOKENS).0;
    for page in &PAGES {
        let language = page.language;
        let service = Programs::of(page).serve(&issuer, &root, &keys, authority.as_ref()).await;
        let get = || reqwest::Client::new().get(format!("{}/Slot?patient=9000000009", service.url));

        let nobody = service.ask(get()).await;
        assert_eq!(
            (nobody.status, nobody.challenge.as_deref()),
            (401, Some("Bearer realm=\"careconnect\"")),
            "{language}"
        );
        service.ask(get().basic_auth("a", Some("b"))).await.challenge.unwrap();
        let full = token(&dev, "by secret", &root);
        assert_eq!((service.look(&full).await.status, service.book(&full).await.status), (200, 201), "{language}");

        let viewer = token(&dev, "looks at slots only", &root);
        assert_eq!(service.look(&viewer).await.status, 200, "{language}");
        let refused = service.book(&viewer).await;
        let challenge = refused.challenge.unwrap();
        assert_eq!(refused.status, 403, "{language}");
        assert!(challenge.contains("insufficient_scope") && challenge.contains(":create:appointment"), "{challenge}");

        service.look(&token(&dev, "by secret", &neighbour)).await.is_unauthorised(language);
        service.look(&full[..full.len() - 4]).await.is_unauthorised(language);
        service.look("").await;
        let sent_by = |asid: &str| service.ask(get().bearer_auth(&full).header("Ssp-From", asid));
        assert_eq!(sent_by("200000000208").await.status, 200, "{language}");
        let other = sent_by("200000000209").await;
        other.is_unauthorised(language);
        assert_eq!(other.reason, "asid_mismatch");
        let twice = service.ask(get().bearer_auth(&full).bearer_auth(&viewer)).await;
        assert_eq!(twice.status, 400, "{language}");
        let elsewhere = service.ask(reqwest::Client::new().get(format!("{}/Patient", service.url))).await;
        assert_eq!(elsewhere.status, 404, "{language}");

        // Never the token, nor what may be about a patient.
        let log = service.log();
        assert!(log.contains("200000000208") && !log.contains(&full[..40]) && !log.contains("9000000009"), "{log}");
    }
}

#[tokio::test]
async fn each_program_takes_rs256_and_refuses_a_bound_token_without_its_certificate() {
    // R37
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    for page in &PAGES {
        let programs = Programs::of(page);
        if careconnect_auth::crypto::MAKES_RSA_KEYS {
            let (root, issuer, keys, authority) = facts(&dev, WITH_RS256);
            let service = programs.serve(&issuer, &root, &keys, authority.as_ref()).await;
            assert_eq!(service.look(&token(&dev, "by secret", &root)).await.status, 200, "{}", page.language);
        }
        let (root, issuer, keys, authority) = facts(&dev, WITH_BOUND_TOKENS);
        let service = programs.serve(&issuer, &root, &keys, authority.as_ref()).await;
        let bound = token(&dev, "Demo 111, by certificate", &root);
        assert_eq!(service.look(&bound).await.reason, "cnf_mismatch", "{}", page.language);
    }
}

#[test]
fn every_vector_reaches_its_verdict_in_each_language() {
    // R29 to R40
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 380);
    for page in &PAGES {
        let verdicts = Programs::of(page).judge(&[]);
        assert_eq!(verdicts.len(), cases.len(), "{}", page.language);
        for (case, verdict) in cases.iter().zip(verdicts) {
            assert_eq!(case["id"], verdict["id"], "{}", page.language);
            let conforms = case["expect"] == "either" || case["expect"] == verdict["verdict"];
            assert!(conforms, "{}: expected {}, got {verdict}", page.language, case["expect"]);
        }
    }
}

#[test]
fn what_a_library_alone_lets_through_is_what_the_table_says() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    let mut let_through = BTreeMap::<&str, [usize; 2]>::new();
    for (column, page) in PAGES[..2].iter().enumerate() {
        for (case, verdict) in cases.iter().zip(Programs::of(page).judge(&["alone"])) {
            assert!(case["expect"] != "accept" || verdict["verdict"] == "accept", "{}: {verdict}", page.language);
            if case["expect"] == "reject" && verdict["verdict"] == "accept" {
                let_through.entry(case["category"].as_str().unwrap()).or_default()[column] += 1;
            }
        }
    }
    let refused = cases.iter().filter(|case| case["expect"] == "reject").count();
    assert!(GUIDE.contains(&format!("Of the {} vectors {refused} must be refused", cases.len())));
    for (family, [python, node]) in &let_through {
        assert!(GUIDE.contains(&format!("| {family} | {python} | {node} |")), "{family}: {python} and {node}");
    }
    let [python, node] = let_through.values().fold([0, 0], |[a, b], [c, d]| [a + c, b + d]);
    assert!(GUIDE.contains(&format!("| together | {python} | {node} |")), "together: {python} and {node}");
    let requirements = include_str!("../interop/requirements.txt");
    let pyjwt = requirements.lines().find_map(|line| line.strip_prefix("PyJWT[crypto]==")).unwrap();
    let packages: Value = serde_json::from_str(include_str!("../interop/package.json")).unwrap();
    let jose = packages["dependencies"]["jose"].as_str().unwrap();
    for said in [format!("PyJWT {pyjwt}"), format!("jose {jose}")] {
        assert!(GUIDE.contains(&said), "{said}");
    }
    let installed = [format!("'PyJWT[crypto]=={pyjwt}'"), format!("jose@{jose}")];
    for (page, said) in PAGES.iter().zip(installed) {
        assert!(page.text.contains(&said), "{said}");
    }
}

#[tokio::test]
async fn the_guide_s_requests_are_answered_as_it_says() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let (root, issuer, keys, authority) = facts(&dev, PRACTICE);
    let service = Programs::of(&PAGES[0]).serve(&issuer, &root, &keys, authority.as_ref()).await;
    let [requests] = &crate::support::shell_blocks::blocks(GUIDE, "sh")[..] else { panic!("one block") };
    let requests = requests.replace("http://127.0.0.1:8090", &service.url);
    let answers = run(&requests, &dev, directory.path(), &[]);
    let statuses: Vec<_> = answers.split("HTTP/1.").skip(1).map(|answer| &answer[2..5]).collect();
    assert_eq!(statuses, ["200", "401", "401"], "{answers}");
}

#[test]
fn every_file_that_the_guide_names_exists() {
    let documents = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let pages = PAGES.iter().map(|page| (documents.join("providers"), page.text));
    for (folder, text) in pages.chain([(documents.clone(), GUIDE)]) {
        for target in links(text) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let named = std::fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{target}: {error}"));
            let headings = named.lines().filter(|line| line.starts_with('#')).map(str::to_lowercase);
            let plain = |heading: String| heading.replace([',', '`', '#'], "").trim().replace(' ', "-");
            assert!(anchor.is_empty() || headings.map(plain).any(|heading| heading == anchor), "{target}");
        }
    }
}

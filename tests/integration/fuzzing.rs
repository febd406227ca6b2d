//! Every operation of openapi.yaml, fuzzed by schemathesis: whatever it sends, the answer is one that the contract declares.
//!
//! `tests/interop/fuzz.toml` says which checks hold in which way, `tests/interop/fuzz_hooks.py` which refusals are right. One
//! check is left out, `allow_header_conformance`: HEAD and OPTIONS are no operations of the contract.

use std::path::Path;

use serde_json::Value;

use crate::support::{
    command::run,
    dev::Dev,
    foreign::{interop_file, python, said},
};

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method,\
                      use_after_free,ensure_resource_availability";

/// The client id in the examples of the contract.
const EXAMPLE: &str = "92d85f9d-0666-49bc-a31c-12b45b04a7de";

/// Fuzzes the operations at `url` whose paths match `paths`, always with the same seed; `more` are further arguments.
fn fuzz(dev: &Dev, url: &str, paths: &str, more: &[&str]) {
    let manifest = dev.manifest();
    let mut schemathesis = python();
    schemathesis
        .args(["-c", "from schemathesis.cli import schemathesis; schemathesis()", "--config-file"])
        .arg(interop_file("fuzz.toml"))
        .args(["--no-color", "run", concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.yaml"), "--url", url])
        .args(["--include-path-regex", paths, "--tls-verify", manifest["ca_file"].as_str().unwrap()])
        .args(["--seed", "1", "--generation-deterministic", "--warnings", "off"])
        .args(["--output-sanitize", "false"]) // nothing here is secret, and a failure is to be understood
        .args(["--output-truncate", "false"])
        .args(more)
        .env("SCHEMATHESIS_HOOKS", "fuzz_hooks")
        .env("PYTHONPATH", interop_file(""))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(&dev.directory);
    said(schemathesis);
    let log = dev.log();
    for event in ["panicked", "admin_request_failed"] {
        assert!(!log.contains(event), "{log}");
    }
}

fn origin(url: &Value) -> String {
    let url: reqwest::Url = url.as_str().unwrap().parse().unwrap();
    url.origin().ascii_serialization()
}

/// As the administrator.
fn fuzz_admin(dev: &Dev, more: &[&str]) {
    let admin = &dev.manifest()["admin"];
    let file = |name: &str| admin[name].as_str().unwrap();
    let certificate = ["--request-cert", file("cert_file"), "--request-cert-key", file("key_file")];
    fuzz(dev, &origin(&admin["base_url"]), "^/admin/", &[&certificate[..], more].concat());
}

/// What was done to the register; what was refused is no part of it.
fn changes(directory: &Path) -> String {
    let list = ["--config", "dev/careconnect-auth.toml", "--json", "estate", "export"];
    run(directory, &list).success().stdout
}

#[test]
fn no_request_of_an_administrator_gets_an_answer_that_is_not_declared() {
    // R54
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let known =
        format!("--config dev/careconnect-auth.toml consumer register --client-id {EXAMPLE} --name Example --secret");
    let known = format!("{known} --asid 200000000205 --ods-code A1001 --organisation-type urgent-care --supplier SUP1");
    run(directory.path(), &known.split(' ').collect::<Vec<_>>()).success();
    let checks = format!("{CHECKS},positive_data_acceptance");
    let phases = ["--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "5"];
    fuzz_admin(&dev, &[&phases[..], &["--checks", &checks]].concat());
}

#[test]
fn no_request_of_a_viewer_changes_anything_or_gets_an_answer_that_is_not_declared() {
    // R49
    let directory = tempfile::tempdir().unwrap();
    let mut dev = Dev::start(directory.path());
    dev.serve_again(|config| config.replace(r#"["viewer", "editor", "approver"]"#, r#"["viewer"]"#));
    let before = changes(directory.path());
    fuzz_admin(&dev, &["--phases", "examples,fuzzing", "--max-examples", "3", "--checks", CHECKS]);
    assert_eq!(changes(directory.path()), before);
}

#[test]
fn no_request_of_the_public_gets_an_answer_that_is_not_declared() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let manifest = dev.manifest();
    let issuer = manifest["issuer"].as_str().unwrap();
    let by_secret = manifest["consumers"].as_array().unwrap().iter().find(|one| one["auth_method"] == "client_secret");
    let text = |name: &str| by_secret.unwrap()[name].as_str().unwrap();
    let basic = format!("{}:{}", text("client_id"), text("client_secret"));
    let phases = ["--phases", "examples,coverage,fuzzing", "--max-examples", "30", "--checks", CHECKS];
    let below_the_issuer = "^/(oauth2/|errors/|[.]well-known/[a-z.-]+$)";
    fuzz(&dev, issuer, below_the_issuer, &[&phases[..], &["--auth", &basic]].concat());
    fuzz(&dev, &origin(&manifest["issuer"]), "^/(health/|openapi[.]yaml|[.]well-known/[a-z-]+/)", &phases);
}

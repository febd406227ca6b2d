//! `dev`, its `dev.json`, and clients that we did not write: Authlib asks for tokens, PyJWT verifies them.

use std::{path::Path, process::Command};

use serde_json::Value;

use crate::support::{command::run_with_input, dev::Dev};

#[test]
fn clients_that_we_did_not_write_get_tokens_and_verify_them() {
    let python = std::env::var_os("INTEROP_PYTHON")
        .expect("INTEROP_PYTHON names a Python with tests/interop/requirements.txt: run tests/run");
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    for method in ["client_secret", "tls_client_auth", "self_signed_tls_client_auth"] {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/get_token.py");
        let output =
            Command::new(&python).arg(script).arg(dev.directory.join("dev.json")).arg(method).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{method}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("ES256"), "{said}");
    }
}

#[test]
fn dev_writes_what_scripts_rely_on() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let manifest = dev.manifest();
    let consumers = manifest["consumers"].as_array().unwrap();
    for method in ["client_secret", "tls_client_auth", "self_signed_tls_client_auth"] {
        assert!(consumers.iter().any(|consumer| consumer["auth_method"] == method), "{method}");
    }
    assert!(consumers.iter().any(|consumer| consumer["status"] == "suspended"));
    assert!(consumers.iter().any(|consumer| consumer["groups"].as_array().unwrap().len() == 1));
    let providers = manifest["providers"].as_array().unwrap();
    assert!(providers.iter().any(|provider| provider["certificate_bound"] == true));
    for file in ["ca_file", "config_file"] {
        assert!(Path::new(manifest[file].as_str().unwrap()).is_absolute(), "{file}");
    }
}

#[test]
fn a_curl_line_of_the_guide_gets_a_token_that_the_command_line_verifies_and_a_changed_byte_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let manifest = dev.manifest();
    let consumer =
        manifest["consumers"].as_array().unwrap().iter().find(|c| c["auth_method"] == "tls_client_auth").unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let root = text(&manifest["providers"][0]["base_url"]);
    let curl = |arguments: &[&str]| {
        let output = Command::new("curl")
            .args(["--silent", "--fail-with-body", "--cacert", &text(&manifest["ca_file"])])
            .args(arguments)
            .output();
        let output = output.expect("curl is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let resource = format!("resource={root}");
    let answer = curl(&[
        "--cert",
        &text(&consumer["cert_file"]),
        "--key",
        &text(&consumer["key_file"]),
        "--data",
        "grant_type=client_credentials",
        "--data",
        &resource,
        &text(&manifest["token_endpoint"]),
    ]);
    let keys = curl(&[&text(&manifest["jwks_uri"])]);
    std::fs::write(directory.path().join("jwks.json"), keys.to_string()).unwrap();
    let token = text(&answer["access_token"]);
    let now = jiff::Timestamp::now().as_second().to_string();
    let issuer = text(&manifest["issuer"]);
    let arguments = ["token", "verify", "--jwks", "jwks.json", "--issuer", &issuer, "--audience", &root, "--now", &now];

    let accepted = run_with_input(directory.path(), &arguments, token.as_bytes()).success().json();
    assert_eq!((accepted["verdict"].as_str(), &accepted["claims"]["asid"]), (Some("accept"), &consumer["asid"]));

    let mut changed = token.into_bytes();
    let at = changed.len() - 10;
    changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
    let refused = run_with_input(directory.path(), &arguments, &changed);
    assert_eq!((refused.code, refused.json()["reason"].as_str()), (1, Some("bad_signature")));
}

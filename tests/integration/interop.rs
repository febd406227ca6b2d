//! `dev`, its `dev.json`, and clients that we did not write: Authlib, PyJWT and MSAL of Python, openid-client of Node, and a
//! client of the admin API that openapi-python-client makes of openapi.yaml.

use std::{path::Path, process::Command};

use serde_json::Value;

use crate::support::{
    command::{run, run_with_input},
    dev::Dev,
    foreign::{interop_file, node, python, said, said_soon},
};

/// Of `dev.json`, the consumers that get tokens.
fn active_consumers(manifest: &Value) -> impl Iterator<Item = &Value> {
    manifest["consumers"].as_array().unwrap().iter().filter(|consumer| consumer["status"] == "active")
}

#[test]
fn authlib_gets_tokens_by_each_method_and_pyjwt_verifies_them() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    for consumer in active_consumers(&dev.manifest()) {
        let mut authlib = python();
        authlib.arg(interop_file("get_token.py")).arg(dev.manifest_file()).arg(text(&consumer["client_id"]));
        let said = said(authlib);
        assert!(said.contains("ES256") && said.contains(&text(&consumer["auth_method"])), "{said}");
    }
}

#[test]
fn authlib_introspects_and_revokes_by_each_method() {
    // R47, R48
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    for consumer in active_consumers(&dev.manifest()) {
        let mut authlib = python();
        authlib.arg(interop_file("revoke_token.py")).arg(dev.manifest_file()).arg(text(&consumer["client_id"]));
        assert_eq!(said(authlib).trim_end(), format!("revoked {}", text(&consumer["auth_method"])));
    }
}

#[test]
fn openid_client_gets_tokens_by_each_method_and_jose_verifies_them() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let script = directory.path().join("get_token.mjs"); // Node looks for packages beside the program
    std::fs::copy(interop_file("get_token.mjs"), &script).unwrap();
    std::fs::write(directory.path().join("package.json"), r#"{"type":"module"}"#).unwrap();
    let mut methods = Vec::new();
    for consumer in active_consumers(&dev.manifest()) {
        let mut openid_client = node(directory.path());
        openid_client.arg(&script).arg(dev.manifest_file()).arg(text(&consumer["client_id"]));
        let said = said(openid_client);
        assert!(said.contains("ES256") && said.contains(&text(&consumer["auth_method"])), "{said}");
        methods.push(text(&consumer["auth_method"]));
    }
    for method in ["client_secret", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"] {
        assert!(methods.iter().any(|used| used == method), "{method}");
    }
}

#[test]
fn the_request_of_the_nhs_api_platform_gets_a_token_once() {
    // R21
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let manifest = dev.manifest();
    let supplier = active_consumers(&manifest).find(|consumer| consumer["alg"] == "RS512");
    assert_eq!(supplier.is_some(), careconnect_auth::crypto::MAKES_RSA_KEYS);
    let Some(supplier) = supplier else { return };
    let mut pyjwt = python();
    pyjwt.arg(interop_file("nhs_api_platform.py")).arg(dev.manifest_file()).arg(text(&supplier["client_id"]));
    assert_eq!(said(pyjwt).trim(), supplier["asid"]);
}

#[test]
fn msal_names_its_key_by_its_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let make = "openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=msal -keyout msal.key -out msal.pem";
    let mut openssl = Command::new("sh");
    openssl.args(["-c", make]).current_dir(directory.path());
    said(openssl);
    let operator = |arguments: &str| {
        let arguments = format!("--config dev/careconnect-auth.toml consumer {arguments} --key msal.pem");
        run(directory.path(), &arguments.split(' ').collect::<Vec<_>>()).success();
    };
    operator(
        "register --client-id msal --name MSAL --asid 200000000299 --ods-code A1001 --organisation-type urgent-care \
         --supplier SUP1 --group read:slot --evidence test --reason test --token-endpoint-audience --key-algorithm PS256",
    );
    operator("credential add msal --key-algorithm RS256"); // the same key, for applications that give a thumbprint
    for thumbprint in ["sha256", "sha1"] {
        said_soon(|| {
            let mut msal = python();
            msal.arg(interop_file("msal_certificate.py")).arg(dev.manifest_file()).arg("msal");
            msal.args(["msal.key", "msal.pem", thumbprint]).current_dir(directory.path());
            msal
        });
    }
}

#[test]
fn a_generated_client_administers_and_its_generator_has_nothing_to_complain_of() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let mut generator = python();
    generator.args(["-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning", "--output-path"]);
    generator.arg("admin_api").arg("--config").arg(interop_file("generator.yaml"));
    generator.args(["--path", concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.yaml")]).current_dir(directory.path());
    let complaints = said(generator);
    assert_eq!(complaints.trim(), "Generating admin_api");
    let mut client = python();
    client.arg(interop_file("admin_client.py")).arg(dev.manifest_file());
    client.env("PYTHONPATH", directory.path());
    let said = said(client);
    assert!(said.contains("consumers"), "{said}");
}

#[test]
fn dev_writes_what_scripts_rely_on() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let manifest = dev.manifest();
    let consumers = manifest["consumers"].as_array().unwrap();
    for method in ["client_secret", "tls_client_auth", "self_signed_tls_client_auth", "private_key_jwt"] {
        assert!(consumers.iter().any(|consumer| consumer["auth_method"] == method), "{method}");
    }
    assert!(consumers.iter().any(|consumer| consumer["status"] == "suspended"));
    assert!(consumers.iter().any(|consumer| consumer["groups"].as_array().unwrap().len() == 1));
    let providers = manifest["providers"].as_array().unwrap();
    assert!(providers.iter().any(|provider| provider["certificate_bound"] == true));
    for file in ["ca_file", "config_file"] {
        assert!(Path::new(manifest[file].as_str().unwrap()).is_absolute(), "{file}");
    }
    let with_key = consumers.iter().find(|consumer| consumer["auth_method"] == "private_key_jwt").unwrap();
    assert_eq!((&with_key["alg"], &with_key["kid"]), (&"ES256".into(), &"demo-1".into()));
    assert_eq!(with_key["assertion_audience"], manifest["issuer"]);
    for file in ["key_file", "jwk_file"] {
        assert!(Path::new(with_key[file].as_str().unwrap()).is_absolute(), "{file}");
    }
}

#[test]
fn the_lock_file_of_npm_pins_every_package_and_names_no_host() {
    let lock: Value = serde_json::from_str(include_str!("../interop/package-lock.json")).unwrap();
    for (name, package) in lock["packages"].as_object().unwrap().iter().filter(|(name, _)| !name.is_empty()) {
        assert!(package["integrity"].as_str().is_some_and(|hash| hash.starts_with("sha512-")), "{name}");
        assert!(package.get("resolved").is_none(), "{name}");
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn a_curl_line_of_the_guide_gets_a_token_that_the_command_line_verifies_and_a_changed_byte_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let manifest = dev.manifest();
    let consumer =
        manifest["consumers"].as_array().unwrap().iter().find(|c| c["auth_method"] == "tls_client_auth").unwrap();
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

//! `directory lookup`, and what doctor says of the directory.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{PROVIDER, UNKNOWN};
use crate::support::{
    command::{Run, run},
    slapd::Slapd,
};

async fn in_scene(directory: &Path, arguments: &[&str]) -> Run {
    let (directory, arguments) = (directory.to_path_buf(), arguments.iter().map(|one| (*one).to_owned()));
    let arguments: Vec<String> = arguments.collect();
    let run = move || run(&directory, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// A working directory with a configuration that has these lines.
fn configured(lines: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("careconnect-auth.toml"), lines).unwrap();
    directory
}

#[tokio::test]
async fn lookup_shows_what_the_directory_knows() {
    let slapd = Slapd::start("").await;
    let scene = configured(&format!("directory.url = \"{}\"\ndirectory.timeout_seconds = 20\n", slapd.url()));
    let text = in_scene(scene.path(), &["directory", "lookup", PROVIDER]).await.success().stdout;
    for line in [
        "asid          200000100002",
        "ods_code      T99999",
        "party_key     T99999-850002",
        "manufacturer  TESTSUP2",
        "product_key   90002",
        "client        T99999",
        "interaction   urn:nhs:names:services:careconnect:fhir:rest:search:slot",
        "endpoint      urn:nhs:names:services:careconnect:fhir:rest:search:slot at https://provider.thirdparty.nhs.uk/T99999/STU3/1/careconnect/appointment (provider.thirdparty.nhs.uk)",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    let found = in_scene(scene.path(), &["directory", "lookup", PROVIDER, "--json"]).await.success().json();
    let interaction = "urn:nhs:names:services:careconnect:fhir:rest:search:slot";
    assert_eq!(
        (&found["ods_code"], &found["product"], &found["problems"]),
        (&json!("T99999"), &Value::Null, &json!([]))
    );
    let address = "https://provider.thirdparty.nhs.uk/T99999/STU3/1/careconnect/appointment";
    let endpoint = json!({ "interaction": interaction, "address": address, "fqdn": "provider.thirdparty.nhs.uk" });
    assert_eq!(found["endpoints"], json!([endpoint]));

    let absent = in_scene(scene.path(), &["directory", "lookup", UNKNOWN]).await;
    assert_eq!((absent.code, absent.stdout.as_str()), (1, ""));
    assert!(absent.stderr.contains(&format!("has no system of the ASID {UNKNOWN}")), "{absent:?}");

    let doctor = in_scene(scene.path(), &["doctor"]).await.stdout;
    assert!(doctor.lines().any(|line| line == format!("ok       directory      {} answers", slapd.url())), "{doctor}");
    slapd.stop();
    let doctor = in_scene(scene.path(), &["doctor"]).await.stdout;
    assert!(doctor.lines().any(|line| line.starts_with("warning  directory ")), "{doctor}");
    let unanswered = in_scene(scene.path(), &["directory", "lookup", PROVIDER]).await;
    assert_eq!(unanswered.code, 2);
    assert!(unanswered.stderr.contains("the directory cannot be reached"), "{unanswered:?}");
}

#[tokio::test]
async fn lookup_without_a_directory_or_an_asid_is_exit_2() {
    let scene = configured("");
    let run = in_scene(scene.path(), &["directory", "lookup", PROVIDER]).await;
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("no directory is configured: expected `directory.url`"), "{run:?}");
    let run = in_scene(scene.path(), &["directory", "lookup", "*)(uniqueIdentifier=*"]).await;
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("is not an ASID: expected 12 decimal digits"), "{run:?}");
    assert!(!in_scene(scene.path(), &["doctor"]).await.stdout.contains("directory      "));
}

#[tokio::test]
async fn a_directory_that_could_be_spoofed_needs_a_dangerous_switch() {
    let plain = "directory.url = \"ldap://192.0.2.1\"\n";
    let run = in_scene(configured(plain).path(), &["config", "check"]).await;
    assert!(run.stdout.contains("`directory.url` is ldap://192.0.2.1:389"), "{run:?}");
    assert!(run.stdout.contains("`directory.allow_plain_ldap_beyond_loopback = true`"), "{run:?}");
    let switched = configured(&format!("{plain}directory.allow_plain_ldap_beyond_loopback = true\n"));
    let run = in_scene(switched.path(), &["config", "dump"]).await;
    assert!(run.stdout.contains("url = \"ldap://192.0.2.1:389\""), "{run:?}");
    let alone = configured("directory.key_file = \"a.key\"\n");
    let run = in_scene(alone.path(), &["config", "dump"]).await;
    assert!(run.stderr.contains("`directory.key_file` is set without `directory.certificate_file`"), "{run:?}");
}

//! Registering by the command line, beside a running server and without one.

use careconnect_auth::clock::UnixTime;

use crate::support::{
    authority::valid,
    command::{command, run},
    test_server::{ROOT, TestServer},
};

const CONSUMER: &[&str] = &[
    "consumer",
    "register",
    "--name",
    "Example 111",
    "--asid",
    "200000000205",
    "--ods-code",
    "a1001",
    "--organisation-type",
    "urgent-care",
    "--supplier",
    "SUP1",
    "--group",
    "read:slot",
    "--evidence",
    "checklist 12",
    "--reason",
    "it is ready",
];

fn with<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [base, more].concat()
}

#[tokio::test]
async fn a_consumer_registered_beside_a_running_server_gets_a_token_and_none_once_suspended() {
    let server = TestServer::start().await;
    let directory = server.directory.path();
    let provider = ["provider", "register", "--asid", "200000000359", "--ods-code", "A20047", "--name", "Practice"];
    run(directory, &with(&provider, &["--service-root", ROOT])).success();

    let registered = run(directory, &with(CONSUMER, &["--secret", "--json"])).success().json();
    let (id, secret) = (registered["client_id"].as_str().unwrap(), registered["client_secret"].as_str().unwrap());
    let ask = || server.token().basic(id, secret).field("resource", ROOT).send();
    server.caught_up().await;
    assert_eq!(ask().await.json()["scope"], "organization/slot.read");

    run(directory, &["consumer", "suspend", id]).success();
    server.caught_up().await;
    assert_eq!(ask().await.refused(401).1, "client_authentication_failed");
    run(directory, &["consumer", "resume", id]).success();
    server.caught_up().await;
    ask().await.token();
}

#[tokio::test]
async fn a_secret_is_shown_once() {
    // R16
    let server = TestServer::start().await;
    let directory = server.directory.path();
    let registered = run(directory, &with(CONSUMER, &["--secret", "--json"])).success().json();
    let (id, secret) = (registered["client_id"].as_str().unwrap(), registered["client_secret"].as_str().unwrap());
    for shown in [run(directory, &["consumer", "show", id, "--json"]), run(directory, &["consumer", "list"])] {
        let shown = shown.success();
        assert!(shown.stdout.contains(id) && !shown.stdout.contains(secret) && !shown.stdout.contains("argon2"));
    }
}

#[tokio::test]
async fn malformed_input_is_one_sentence_and_changes_nothing() {
    let server = TestServer::start().await;
    let directory = server.directory.path();
    let replaced = |option: &str, value: &'static str| {
        let mut arguments = with(CONSUMER, &["--secret"]);
        let at = arguments.iter().position(|argument| *argument == option).unwrap();
        arguments[at + 1] = value;
        arguments
    };
    let rows: Vec<(Vec<&str>, &str)> = vec![
        (replaced("--asid", "12a"), "12 decimal digits"),
        (replaced("--ods-code", "A1 01"), "1 to 9 letters and digits"),
        (replaced("--organisation-type", "Urgent Care"), "lower-case"),
        (replaced("--group", "*"), "URN"),
        (replaced("--name", " "), "1 to 200 characters"),
        (replaced("--supplier", "SUP/1"), "1 to 9 letters and digits"),
        (replaced("--evidence", " "), "1 to 1000 characters"),
        (replaced("--reason", " "), "says why"),
        (CONSUMER.to_vec(), "a way in"),
        (with(CONSUMER, &["--certificate-dns", "*.nhs.uk"]), "wildcard"),
        (with(CONSUMER, &["--certificate-subject", "nonsense"]), "RFC 4514"),
        (with(CONSUMER, &["--certificate-thumbprint", "abc"]), "SHA-256"),
        (with(CONSUMER, &["--certificate-file", "server.key"]), "server.key"),
        (with(CONSUMER, &["--certificate-file", "missing.pem"]), "missing.pem"),
        (
            vec![
                "provider",
                "register",
                "--asid",
                "200000000359",
                "--ods-code",
                "A1",
                "--name",
                "P",
                "--service-root",
                "ftp://x",
            ],
            "https://",
        ),
    ];
    for (arguments, expected) in rows {
        let refused = run(directory, &arguments);
        assert_eq!(refused.code, 2, "{arguments:?} {refused:?}");
        assert!(refused.stderr.contains(expected), "{arguments:?} {refused:?}");
        assert_eq!(refused.stdout, "", "{arguments:?}");
    }
    assert_eq!(run(directory, &["consumer", "list", "--json"]).success().json(), serde_json::json!([]));
}

#[tokio::test]
async fn what_the_register_refuses_is_said_and_changes_nothing() {
    let server = TestServer::start().await;
    let directory = server.directory.path();
    let with_id = with(CONSUMER, &["--secret", "--client-id", "kept"]);
    run(directory, &with_id).success();
    let rows = [
        (run(directory, &with_id), "kept"),
        (run(directory, &with(CONSUMER, &["--secret", "--group", "urn:nhs:names:unknown"])), "urn:nhs:names:unknown"),
        (run(directory, &["consumer", "suspend", "nobody"]), "nobody"),
        (run(directory, &["provider", "show", "200000000359"]), "200000000359"),
    ];
    for (refused, expected) in rows {
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.stderr.contains(expected), "{refused:?}");
    }
    let listed = run(directory, &["consumer", "list", "--json"]).success().json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn groups_are_listed_with_what_they_permit() {
    let server = TestServer::start().await;
    let groups = run(server.directory.path(), &["group", "list", "--json"]).success().json();
    let slot = groups.as_array().unwrap().iter().find(|group| group["scope"] == "organization/slot.read").unwrap();
    let permitted = slot["interactions"].as_array().unwrap();
    for name in ["careconnect:fhir:rest:read:slot", "careconnect:fhir:rest:search:slot", "a2si:fhir:rest:search:slot"] {
        assert!(permitted.contains(&format!("urn:nhs:names:services:{name}").into()), "{permitted:?}");
    }
}

#[tokio::test]
async fn a_group_and_an_organisation_type_that_are_added_can_be_registered_with_and_asked_for() {
    let server = TestServer::start().await;
    let directory = server.directory.path();
    let (group, interaction) =
        ("urn:nhs:names:services:example:read:list", "urn:nhs:names:services:example:search:list");
    let add = ["group", "add", group, "--scope", "organization/list.read", "--interaction", interaction];
    run(directory, &add).success();
    run(directory, &["organisation-type", "add", "community-pharmacy", "--display", "Community Pharmacy"]).success();
    assert_eq!(run(directory, &add).code, 1);

    let provider = ["provider", "register", "--asid", "200000000359", "--ods-code", "A20047", "--name", "Practice"];
    run(directory, &with(&provider, &["--service-root", ROOT, "--group", group])).success();
    let mut consumer = with(CONSUMER, &["--group", group, "--secret", "--json"]);
    let at = consumer.iter().position(|argument| *argument == "urgent-care").unwrap();
    consumer[at] = "community-pharmacy";
    let registered = run(directory, &consumer).success().json();
    let (id, secret) = (registered["client_id"].as_str().unwrap(), registered["client_secret"].as_str().unwrap());
    server.caught_up().await;

    let answer = server.token().basic(id, secret).field("resource", ROOT).field("scope", interaction).send().await;

    assert_eq!(answer.json()["scope"], "organization/list.read");
    assert_eq!(server.verify(ROOT, &answer.token()).await.organisation_type().as_str(), "community-pharmacy");
}

#[tokio::test]
async fn doctor_is_content_with_a_healthy_server_and_names_what_is_wrong_with_another() {
    let server = TestServer::start().await;
    let directory = server.directory.path().to_owned();
    let healthy = tokio::task::spawn_blocking(move || run(&directory, &["doctor", "--json"])).await.unwrap();
    let verdicts: Vec<_> = healthy.success().json().as_array().unwrap().iter().map(|f| f["verdict"].clone()).collect();
    assert!(verdicts.iter().all(|verdict| verdict != "failure"), "{verdicts:?}");

    let directory = server.directory.path().to_owned();
    std::fs::remove_file(directory.join("server.key")).unwrap();
    let ill = tokio::task::spawn_blocking(move || run(&directory, &["doctor"])).await.unwrap();
    assert_eq!(ill.code, 1, "{ill:?}");
    assert!(ill.stdout.contains("server.key"), "{ill:?}");
}

#[tokio::test]
async fn doctor_says_which_issuer_it_expected_and_what_it_found() {
    let server = TestServer::start().await;
    let directory = server.directory.path().to_owned();
    let file = directory.join("careconnect-auth.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    for (path, received) in [("/other", "no metadata at "), ("/careconnect\"\n#", "ready")] {
        std::fs::write(&file, text.replace("/careconnect\"", &format!("{path}\""))).unwrap();
        let directory = directory.clone();
        let said = tokio::task::spawn_blocking(move || run(&directory, &["doctor", "--quick"])).await.unwrap();
        assert!(said.stdout.contains(received), "{said:?}");
        assert_eq!(said.stdout.contains("(404 Not Found)"), path == "/other", "{said:?}");
        assert_eq!(said.stdout.contains(&format!("expected the issuer \"{}", server.url("/other"))), path == "/other");
    }
}

#[tokio::test]
async fn a_registration_that_cannot_be_printed_is_named_with_what_to_do() {
    let server = TestServer::start().await;
    let directory = server.directory.path();
    let into_full = |arguments: &[&str]| {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = command(directory, arguments).stdout(full).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, complaint) = into_full(&with(CONSUMER, &["--secret", "--client-id", "kept"]));
    assert_eq!(code, Some(2));
    assert!(complaint.contains("kept is registered") && complaint.contains("credential rotate kept"), "{complaint}");
    let (code, complaint) = into_full(&["consumer", "suspend", "kept"]);
    assert_eq!(code, Some(2));
    assert!(complaint.contains("kept is suspended"), "{complaint}");
    let shown = run(directory, &["consumer", "show", "kept"]).success();
    assert!(shown.stdout.contains("suspended since 20"), "{shown:?}");
    assert!(shown.stdout.contains(" read:slot\n"), "{shown:?}");
}

#[tokio::test]
async fn a_certificate_that_no_listener_would_accept_is_not_registered() {
    let server = TestServer::start().await;
    let directory = server.directory.path();
    let expired = server.client_authority.issue("a.nhs.uk", |params| valid(params, UnixTime(0), UnixTime(1)));
    std::fs::write(directory.join("expired.pem"), expired.pem()).unwrap();

    let refused = run(directory, &with(CONSUMER, &["--certificate-file", "server.pem"]));
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("server.pem: expected the extended key usage clientAuth"), "{refused:?}");
    let warned = run(directory, &with(CONSUMER, &["--certificate-file", "expired.pem"])).success();
    assert!(warned.stderr.contains("warning: expired.pem: valid until 1970-01-01T00:00:01Z"), "{warned:?}");
}

#[test]
fn the_exit_codes_are_in_the_help() {
    let here = std::env::current_dir().unwrap();
    assert!(run(&here, &["--help"]).success().stdout.contains("Exit codes: 0"));
    assert_eq!(run(&here, &["nonsense"]).code, 2);
}

//! Ways in of a registered consumer by the command line, beside a running server.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use crate::support::{
    authority::Identity,
    command::{run, run_with_input},
    test_server::{ROOT, TestServer, consumer},
};

/// A server with a consumer that has a secret: its client id and the secret.
async fn scene() -> (TestServer, String, String) {
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let secret = registered.secret.unwrap().expose().to_owned();
    (server, registered.consumer.client_id.to_string(), secret)
}

async fn status(server: &TestServer, id: &str, secret: &str) -> u16 {
    server.token().basic(id, secret).field("resource", ROOT).send().await.status.as_u16()
}

#[tokio::test]
async fn a_rotated_secret_works_beside_the_old_one_until_the_overlap_is_over() {
    let (server, id, old) = scene().await;
    let rotated = run(
        server.directory.path(),
        &["consumer", "credential", "rotate", &id, "--overlap", "1h", "--label", "from Monday on", "--json"],
    );
    let rotated = rotated.success();
    let new = rotated.json()["client_secret"].as_str().unwrap().to_owned();
    assert!(rotated.stderr.contains("counts until") && !rotated.stderr.contains(&new), "{rotated:?}");
    server.caught_up().await;
    let shown = run(server.directory.path(), &["consumer", "show", &id, "--json"]).success().json();
    assert_eq!(shown["credentials"].as_array().map(Vec::len), Some(2));
    assert!(shown.to_string().contains("from Monday on"), "{shown}");
    assert!(!shown.to_string().contains(&new), "shown once"); // R16

    // The command reads this machine's clock, which is behind the server's: there the overlap is over.
    assert_eq!((status(&server, &id, &new).await, status(&server, &id, &old).await), (200, 401));
}

#[tokio::test]
async fn both_secrets_work_during_an_overlap_and_an_ended_one_no_longer() {
    let (server, id, old) = scene().await;
    let directory = server.directory.path();
    let arguments = ["consumer", "credential", "rotate", &id, "--overlap", "3650d", "--json"];
    let rotated = run(directory, &arguments).success().json();
    let new = rotated["client_secret"].as_str().unwrap();
    server.caught_up().await;
    assert_eq!((status(&server, &id, new).await, status(&server, &id, &old).await), (200, 200));

    let credential = rotated["credentials"][0]["id"].as_str().unwrap();
    run(directory, &["consumer", "credential", "end", &id, credential]).success();
    server.caught_up().await;
    assert_eq!((status(&server, &id, new).await, status(&server, &id, &old).await), (401, 200));
}

#[tokio::test]
async fn a_secret_of_another_system_is_taken_over_and_never_repeated() {
    let (server, id, _) = scene().await;
    let directory = server.directory.path();
    let secret = format!("+/{}", &BASE64_STANDARD.encode(careconnect_auth::random::bytes::<32>())[2..]);
    assert_eq!(secret.len(), 44);
    let add = ["consumer", "credential", "add", &id, "--import-secret", "-", "--json"];
    let added = run_with_input(directory, &add, format!("{secret}\n").as_bytes()).success();
    assert!(!added.stdout.contains(&secret) && added.json()["client_secret"] == Value::Null, "{added:?}");
    server.caught_up().await;
    assert_eq!(status(&server, &id, &secret).await, 200);

    let weak = BASE64_STANDARD.encode([7; 32]);
    for chosen in ["hunter2", "", &weak] {
        let refused = run_with_input(directory, &add, chosen.as_bytes());
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{refused:?}");
        assert!(chosen.is_empty() || !refused.stderr.contains(chosen), "{refused:?}");
    }
}

#[tokio::test]
async fn keys_and_certificates_are_added_with_what_they_are_limited_to() {
    let (server, id, _) = scene().await;
    let directory = server.directory.path();
    let own = Identity::self_signed("hub.trust.nhs.uk", |_| {});
    std::fs::write(directory.join("own.pem"), own.pem()).unwrap();
    let arguments = [
        "consumer",
        "credential",
        "add",
        &id,
        "--certificate-uri",
        "spiffe://trust.nhs.uk/hub",
        "--certificate-issuer",
        "client-ca.pem",
        "--certificate-environment",
        "test",
        "--certificate-key-of",
        "own.pem",
        "--key",
        "own.pem",
        "--key-id",
        "k1",
        "--jwks-uri",
        "https://keys.supplier.example/jwks.json",
        "--ends-at",
        "2099-01-01",
        "--json",
    ];
    run(directory, &arguments).success();
    let again = run(directory, &["consumer", "credential", "add", &id, "--key", "own.pem", "--key-id", "k1"]);
    assert!(again.code == 1 && again.stderr.contains("has this key already"), "{again:?}");
    let shown = run(directory, &["consumer", "show", &id, "--json"]).success().json();
    let credentials = shown["credentials"].as_array().unwrap();
    let of = |kind: &str| credentials.iter().find(|one| one["kind"] == kind).unwrap_or_else(|| panic!("{kind}"));
    assert_eq!(
        (&of("san_uri")["environment"], &of("san_uri")["ends_at"]),
        (&"test".into(), &"2099-01-01T00:00:00Z".into())
    );
    assert_eq!(of("san_uri")["issuer_key"], of("public_key")["issuer_key"], "one pin for all of them");
    let jwk: Value = serde_json::from_str(of("key")["value"].as_str().unwrap()).unwrap();
    assert_eq!((&jwk["kid"], &jwk["alg"]), (&"k1".into(), &"ES256".into()));
    assert_eq!(of("key_set")["value"], "https://keys.supplier.example/jwks.json");
    let text = run(directory, &["consumer", "show", &id]).success().stdout;
    assert!(text.contains("ES256 k1") && text.contains("(test, issued by key "), "{text}");
}

#[tokio::test]
async fn what_cannot_be_registered_is_one_sentence_and_changes_nothing() {
    // R50
    let (server, id, _) = scene().await;
    let directory = server.directory.path();
    let pem = format!("{}/tests/throwaway_keys/rsa-2048.pem", env!("CARGO_MANIFEST_DIR"));
    let before = run(directory, &["consumer", "show", &id, "--json"]).success().stdout;
    let rows: [(&[&str], &str); 12] = [
        (&["--certificate-dns", "*.nhs.uk"], "wildcard"),
        (&["--certificate-subject", "CN=*,O=NHS"], "wildcard"),
        (&[], "nothing to add"),
        (&["--key", &pem], "private key"),
        (&["--key", "client-ca.pem", "--key-algorithm", "RS512"], "alg"),
        (&["--key", "server.key"], "private key"),
        (&["--jwks-uri", "http://keys.supplier.example/"], "https"),
        (&["--jwks-uri", "https://127.0.0.1./"], "public address"),
        (&["--jwks-uri", "https://localhost:9/"], "public address"),
        (&["--certificate-issuer", "client-ca.pem"], "goes with"),
        (&["--secret", "--starts-at", "2030-01-01", "--ends-at", "2029-01-01"], "before it starts"),
        (&["--secret", "--ends-at", "soon"], "2027-04-01"),
    ];
    for (more, expected) in rows {
        let refused = run(directory, &[&["consumer", "credential", "add", &id], more].concat());
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{more:?} {refused:?}");
        assert!(refused.stderr.contains(expected), "{more:?} {refused:?}");
    }
    let nobody = run(directory, &["consumer", "credential", "rotate", "nobody"]);
    assert_eq!(nobody.code, 1, "{nobody:?}");
    assert_eq!(run(directory, &["consumer", "show", &id, "--json"]).success().stdout, before);
}

#[tokio::test]
async fn a_consumer_is_changed_only_where_it_is_told_to_be() {
    let (server, id, _) = scene().await;
    let directory = server.directory.path();
    let change = |more: &[&str]| run(directory, &[&["consumer", "change", &id, "--json"], more].concat());
    let both = change(&["--token-endpoint-audience", "true", "--requests-per-minute", "300"]).success().json();
    assert_eq!((&both["accepts_token_endpoint_audience"], &both["requests_per_minute"]), (&true.into(), &300.into()));
    let one = change(&["--requests-per-minute", "none"]).success().json();
    assert_eq!((&one["accepts_token_endpoint_audience"], &one["requests_per_minute"]), (&true.into(), &Value::Null));
    for wrong in [&[][..], &["--requests-per-minute", "-1"], &["--token-endpoint-audience", "maybe"]] {
        assert_eq!(change(wrong).code, 2, "{wrong:?}");
    }
}

//! Private keys at rest.

use std::{os::unix::fs::PermissionsExt, path::Path};

use careconnect_auth::{
    clock::Clock,
    operations::{change_keys::KeyWork, import_key::import_key, tend_keys::tend_keys},
    signing::read_private_key,
};
use careconnect_verifier::Algorithm;
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{
    changes::act,
    command::run,
    process::{Scene, Serve},
    signing_keys::write_sealing_key,
    soon::soon,
    test_server::{TestServer, consumer},
};

#[tokio::test]
async fn a_node_without_the_sealing_key_does_not_start_and_says_what_is_missing() {
    let scene = Scene::migrated().await;
    Serve::start(scene.path()).stops_when_told();
    let key = scene.path().join("sealing-key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::rename(&key, scene.path().join("elsewhere")).unwrap();
    let refused = run(scene.path(), &["serve"]);
    assert!(refused.code == 2 && refused.stderr.contains("there is no sealing key at"), "{refused:?}");
    assert!(!key.exists(), "another one would open nothing");
    let doctor = run(scene.path(), &["doctor"]);
    assert!(doctor.code == 1 && doctor.stdout.contains("there is no sealing key at"), "{doctor:?}");

    write_sealing_key(scene.path());
    let check = run(scene.path(), &["config", "check"]);
    assert!(check.code == 1 && check.stdout.contains("is sealed with the sealing key"), "{check:?}");
    let before = run(scene.path(), &["--json", "keys", "list"]).success().json();
    for refused in [
        run(scene.path(), &["serve"]),
        run(scene.path(), &["--reason", "x", "keys", "rotate"]),
        run(scene.path(), &["--reason", "x", "keys", "reseal"]),
    ] {
        assert!(refused.code != 0 && refused.stderr.contains("is sealed with the sealing key"), "{refused:?}");
    }
    assert_eq!(run(scene.path(), &["--json", "keys", "list"]).success().json(), before);
}

#[tokio::test]
async fn the_sealing_key_is_changed_without_a_key_being_lost() {
    for store in ["files", "database"] {
        let scene = Scene::migrated().await;
        scene.configure(&format!("keys.store = \"{store}\"\n"));
        Serve::start(scene.path()).stops_when_told();
        let keys = run(scene.path(), &["--json", "keys", "list"]).success().json();
        std::fs::rename(scene.path().join("sealing-key"), scene.path().join("former")).unwrap();
        write_sealing_key(scene.path());
        scene.configure("keys.former_sealing_key_files = [\"former\"]\n");
        let resealed = run(scene.path(), &["--reason", "yearly", "keys", "reseal"]).success();
        assert!(resealed.stdout.contains("keys are sealed with the sealing key"), "{resealed:?}");
        let file = scene.path().join("careconnect-auth.toml");
        let text =
            std::fs::read_to_string(&file).unwrap().replace("keys.former_sealing_key_files = [\"former\"]\n", "");
        std::fs::write(&file, text).unwrap();
        std::fs::remove_file(scene.path().join("former")).unwrap();
        Serve::start(scene.path()).stops_when_told();
        assert_eq!(run(scene.path(), &["--json", "keys", "list"]).success().json(), keys);
        let doctor = run(scene.path(), &["doctor"]);
        assert!(doctor.stdout.contains("signing keys"), "{doctor:?}");
        assert!(!doctor.stdout.contains("sealed with the sealing key"), "{doctor:?}");
    }
}

#[tokio::test]
async fn unsealed_keys_of_an_earlier_release_are_taken_over_with_their_turns() {
    let scene = Scene::migrated().await;
    let pem =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/throwaway_keys/p256.sec1.pem")).unwrap();
    let keys = scene.path().join("keys");
    std::fs::create_dir(&keys).unwrap();
    std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o700)).unwrap();
    let named = keys.join("ES256-unknown.pem");
    std::fs::write(&named, &pem).unwrap();
    std::fs::set_permissions(&named, std::fs::Permissions::from_mode(0o600)).unwrap();
    let refused = run(scene.path(), &["serve"]);
    assert_ne!(refused.code, 0, "{refused:?}");
    let (_, expected) = refused.stderr.split_once("the name should be ").unwrap();
    let expected = expected.split(';').next().unwrap();
    let kid = expected.trim_start_matches("ES256-").trim_end_matches(".pem").to_owned();
    std::fs::rename(&named, keys.join(expected)).unwrap();

    let mut serve = Serve::spawn(scene.path());
    let log = serve.read_until("serving");
    assert!(log.contains("key_unsealed") && log.contains(&kid), "{log}");
    serve.stops_when_told();
    let listed = run(scene.path(), &["--json", "keys", "list"]).success().json();
    let es256: Vec<_> = listed.as_array().unwrap().iter().filter(|key| key["algorithm"] == "ES256").collect();
    assert_eq!(
        (es256.len(), es256[0]["kid"].as_str(), es256[0]["state"].as_str()),
        (1, Some(kid.as_str()), Some("active"))
    );
    let doctor = run(scene.path(), &["doctor"]);
    assert!(doctor.stdout.contains("is a private key that is not sealed"), "{doctor:?}");
}

#[tokio::test]
async fn what_is_written_into_the_database_past_the_program_is_neither_published_nor_believed() {
    let server = TestServer::start().await;
    let first = server.running.app.keys.ring().records().iter().find(|key| key.algorithm == Algorithm::Es256).cloned();
    let kid = first.unwrap().kid;
    let answer = server.admin().post(&format!("/keys/{kid}/withdrawal"), &json!({"reason": "stolen"})).await;
    assert_eq!(answer.status, 200);
    let published = server.running.app.keys.key_set().kids().to_vec();
    assert!(!published.contains(&kid.as_ref().into()), "at the answer already");
    let tampered = format!(
        "UPDATE signing_keys SET withdrawn_at = NULL, gone_at = NULL, retired_at = NULL, \
         revision = (SELECT revision + 1 FROM registry_revision) WHERE kid = '{kid}'"
    );
    server.database.tamper(&tampered).await;
    server.database.tamper("UPDATE registry_revision SET revision = revision + 1").await;
    server.database.tamper("INSERT INTO signing_keys SELECT 'x', 'ES256', '{}', 0, 0, NULL, NULL, NULL, 'files', NULL, 'x', revision FROM registry_revision").await;
    server.caught_up().await;
    let other = server.another_node().await; // one that does not remember
    for node in [&server.running.app, &other.app] {
        tend_keys(&KeyWork::of(node), server.clock.now()).await.unwrap();
        assert_eq!(node.keys.key_set().kids(), published);
    }
    soon("the other node to stop", other.stop()).await;
}

#[tokio::test]
async fn a_server_that_can_confirm_no_key_any_more_goes_on_with_those_that_it_has() {
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let published = server.running.app.keys.key_set().kids().to_vec();
    let next = "(SELECT revision + 1 FROM registry_revision)";
    server.database.tamper(&format!("UPDATE signing_keys SET proof = 'v1.0.0.0', revision = {next}")).await;
    server.database.tamper("UPDATE registry_revision SET revision = revision + 1").await;
    server.caught_up().await;
    server
        .register(careconnect_auth::operations::register_consumer::ConsumerRegistration {
            name: "Another".parse().unwrap(),
            ..consumer()
        })
        .await; // so that the ring has looked
    server.token_by_secret(&registered).send().await.token();
    assert_eq!(server.running.app.keys.key_set().kids(), published);
}

#[tokio::test]
async fn nodes_that_take_over_the_same_key_at_once_lose_nothing_of_it() {
    // R45
    let server = TestServer::with("keys.store = \"files\"\n").await;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/throwaway_keys/p256.sec1.pem");
    let private_half = read_private_key(Algorithm::Es256, &file).unwrap();
    let (work, now) = (KeyWork::of(&server.running.app), server.clock.now());
    let imports = (0..4).map(|_| import_key(&work, Algorithm::Es256, private_half.clone(), act(now)));
    let imported: Vec<_> = soon("four imports", join_all(imports)).await.into_iter().flatten().collect();
    assert_eq!(imported.len(), 1);
    work.stores.key(&imported[0]).unwrap();
}

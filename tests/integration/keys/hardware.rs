//! Keys in a PKCS#11 token: a server that never has a private key in its memory.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use careconnect_auth::{
    clock::{Clock, SystemClock},
    operations::{register_consumer::register_consumer, register_provider::register_provider},
};
use careconnect_verifier::{KeySet, TokenVerifier};
use serde_json::Value;

use super::rotation::kid_of;
use crate::support::{
    changes::act,
    command::command,
    process::{Scene, Serve},
    test_server::{ROOT, consumer, provider},
};

const MODULES: [&str; 2] = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"];
const LABEL: &str = "careconnect";
const PIN: &str = "432198765";

/// A token of SoftHSM in `directory`, and the file that tells where it is.
fn make_token(directory: &Path) -> String {
    let (tokens, configuration) = (directory.join("tokens"), directory.join("softhsm2.conf"));
    fs::create_dir(&tokens).unwrap();
    fs::write(&configuration, format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display())).unwrap();
    let configuration = configuration.to_str().unwrap().to_owned();
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", "87654321"])
        .env("SOFTHSM2_CONF", &configuration)
        .output()
        .expect("softhsm2-util is missing; on Debian: apt-get install softhsm2");
    assert!(made.status.success(), "{made:?}");
    let pin = directory.join("pin");
    fs::write(&pin, format!("{PIN}\n")).unwrap();
    fs::set_permissions(&pin, fs::Permissions::from_mode(0o600)).unwrap();
    configuration
}

async fn token(scene: &Scene, id: &str, secret: &str) -> String {
    let url = format!("https://localhost:{}/careconnect/oauth2/token", scene.public);
    let form = [("grant_type", "client_credentials"), ("resource", ROOT)];
    let answer = scene.client().post(url).basic_auth(id, Some(secret)).form(&form).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[tokio::test]
async fn tokens_are_signed_in_hardware_also_after_a_restart_and_a_key_that_was_sealed_before_gives_way() {
    let scene = Scene::migrated().await;
    let (database, now) = (scene.database.handle(), SystemClock.now());
    register_provider(database, provider(ROOT), act(now)).await.unwrap();
    let registered = register_consumer(database, consumer(), act(now)).await.unwrap();
    let (id, secret) = (registered.consumer.client_id.to_string(), registered.secret.unwrap().expose().to_owned());
    let mut sealed = Serve::start(scene.path());
    let before = kid_of(&token(&scene, &id, &secret).await);
    sealed.stops_when_told();

    let module = MODULES.into_iter().find(|module| Path::new(module).exists()).expect("SoftHSM is missing");
    let configuration = make_token(scene.path());
    scene.configure(&format!(
        "keys.store = \"pkcs11\"\nkeys.pkcs11_module = \"{module}\"\nkeys.pkcs11_token_label = \"{LABEL}\"\n\
         keys.pkcs11_pin_file = \"pin\"\n"
    ));
    let environment = [("SOFTHSM2_CONF", configuration.as_str())];
    let keys = |arguments: &[&str]| {
        let said = command(scene.path(), &[&["--json", "--reason", "a test", "keys"], arguments].concat())
            .envs(environment)
            .output()
            .unwrap();
        assert!(said.status.success(), "{said:?}");
        serde_json::from_slice::<Value>(&said.stdout).unwrap()
    };
    let next = keys(&["rotate", "--alg", "ES256"])[0]["kid"].as_str().unwrap().to_owned();
    // Compromised, so that the one in hardware signs now and not in five minutes.
    keys(&["revoke", &before]);
    for _ in 0..2 {
        let mut served = Serve::start_with(scene.path(), &environment);
        let token = token(&scene, &id, &secret).await;
        assert_eq!(kid_of(&token), next);
        let jwks = format!("https://localhost:{}/careconnect/.well-known/jwks.json", scene.public);
        let published = KeySet::parse(&scene.client().get(jwks).send().await.unwrap().bytes().await.unwrap()).unwrap();
        let verifier = TokenVerifier::for_issuer(format!("https://localhost:{}/careconnect", scene.public));
        let verifier = verifier.audience(ROOT).keys(careconnect_verifier::FixedKeys::new(published)).build().unwrap();
        verifier.verify_offline(token.as_str()).unwrap();
        served.stops_when_told();
    }
    let listed = keys(&["list"]);
    let in_hardware = listed.as_array().unwrap().iter().find(|key| key["kid"] == *next).unwrap();
    assert_eq!((&in_hardware["kept_in"], &in_hardware["state"]), (&"pkcs11".into(), &"active".into()));

    let without = command(scene.path(), &["serve"]).env("SOFTHSM2_CONF", "/dev/null").output().unwrap();
    let said = String::from_utf8_lossy(&without.stderr);
    assert!(!without.status.success() && said.contains("expected one token labelled \"careconnect\""), "{said}");
    assert!(!said.contains(PIN));
}

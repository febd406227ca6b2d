//! How the programs keep the issuer's keys: through rotations, floods of unknown ones, and while the issuer is away.

use std::time::Instant;

use axum::http::StatusCode;

use super::{
    PRACTICE, facts,
    programs::{PAGES, Page, Programs},
    token,
};
use crate::support::{
    command::run,
    dev::Dev,
    foreign::{alone, said},
    key_host::KeyHost,
    soon::until,
};

/// The same programs, but patient for a second only: a test does not wait for half a minute.
fn impatient(page: &'static Page) -> Programs {
    let cooldowns = [
        ("TIMEOUT, COOLDOWN, REFRESH, KEEP = 5, 30,", "TIMEOUT, COOLDOWN, REFRESH, KEEP = 5, 1,"),
        ("const COOLDOWN = 30_000;", "const COOLDOWN = 1_000;"),
        ("long COOLDOWN = Duration.ofSeconds(30)", "long COOLDOWN = Duration.ofSeconds(1)"),
    ];
    assert_eq!(cooldowns.iter().filter(|(long, _)| page.text.contains(long)).count(), 1, "{}", page.language);
    Programs::changed(page, |text| {
        cooldowns.iter().fold(text.to_owned(), |text, (long, short)| text.replace(long, short))
    })
}

/// A token whose header names the key `kid`, and which nobody has signed.
fn naming(token: &str, kid: usize) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let header = format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}"}}"#);
    format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(header), token.split_once('.').unwrap().1)
}

/// The key set of a server, at an address that counts and that can fail.
async fn publish(dev: &Dev) -> (KeyHost, String) {
    let (_, _, keys, authority) = facts(dev, PRACTICE);
    let mut curl = alone(std::process::Command::new("curl"));
    curl.args(["--silent", "--fail", "--cacert", &authority, &keys]);
    let (host, keys) = (KeyHost::start().await, said(curl));
    host.answer("/keys", StatusCode::OK, keys.clone());
    (host, keys)
}

#[tokio::test]
async fn a_rotation_goes_unnoticed() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let (root, issuer, keys, authority) = facts(&dev, PRACTICE);
    let mut services = Vec::new();
    let before = token(&dev, "by secret", &root);
    for page in &PAGES {
        let service = impatient(page).serve(&issuer, &root, &keys, authority.as_ref()).await;
        assert_eq!(service.look(&before).await.status, 200, "{}", page.language);
        services.push(service);
    }

    let operator = |arguments: &str| {
        let arguments = format!("--config dev/careconnect-auth.toml {arguments}");
        run(directory.path(), &arguments.split(' ').collect::<Vec<_>>()).success().stdout
    };
    operator("--reason rotation keys rotate --alg ES256");
    let canary = operator(&format!("keys rehearse --alg ES256 --audience {root}"));
    for service in services {
        // Signed by the next key, it opens nothing: 403 is for who has found the key.
        until("the next key is found", async || service.look(canary.trim()).await.status != 401).await;
        assert_ne!(service.look(canary.trim()).await.status, 503, "{}", service.language);
        assert_eq!(service.look(&before).await.status, 200, "{}", service.language);
    }
}

#[tokio::test]
async fn a_flood_of_unknown_keys_makes_one_fetch_in_a_cooldown_also_while_the_issuer_is_away() {
    // R31
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let (root, issuer, ..) = facts(&dev, PRACTICE);
    let good = token(&dev, "by secret", &root);
    for page in &PAGES {
        let (host, _) = publish(&dev).await;
        let (url, authority) = (host.uri("/keys").to_string(), host.directory.path().join("ca.pem"));
        let service = Programs::of(page).serve(&issuer, &root, &url, &authority).await;
        let begun = Instant::now();
        let at_most = || 1 + usize::try_from(begun.elapsed().as_secs() / 30).unwrap();

        assert_eq!(service.look(&good).await.status, 200, "{}: {}", page.language, service.log());
        for kid in 0..40 {
            assert_eq!(service.look(&naming(&good, kid)).await.reason, "unknown_kid", "{}", page.language);
        }
        assert!(host.asked("/keys") <= at_most(), "{}: {}", page.language, host.asked("/keys"));

        host.answer("/keys", StatusCode::SERVICE_UNAVAILABLE, String::new());
        for kid in 40..80 {
            assert_eq!(service.look(&naming(&good, kid)).await.reason, "unknown_kid", "{}", page.language);
        }
        assert!(host.asked("/keys") <= at_most(), "{}: {}", page.language, host.asked("/keys"));
        assert_eq!(service.look(&good).await.status, 200, "{}", page.language);
    }
}

#[tokio::test]
async fn known_keys_go_on_while_the_issuer_is_away_and_a_start_without_it_recovers() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let (root, issuer, ..) = facts(&dev, PRACTICE);
    let good = token(&dev, "by secret", &root);
    for page in &PAGES {
        let (host, keys) = publish(&dev).await;
        host.answer("/keys", StatusCode::SERVICE_UNAVAILABLE, String::new());
        let (url, authority) = (host.uri("/keys").to_string(), host.directory.path().join("ca.pem"));
        let service = impatient(page).serve(&issuer, &root, &url, &authority).await;
        let told = service.look(&good).await;
        assert_eq!((told.status, told.reason.as_str()), (503, "keys_unavailable"), "{}", page.language);

        host.answer("/keys", StatusCode::OK, keys);
        until("the keys are there", async || service.look(&good).await.status == 200).await;
        host.answer("/keys", StatusCode::OK, "no key set".to_owned());
        let asked = host.asked("/keys");
        until("they are asked for again", async || {
            service.look(&naming(&good, 1)).await.is_unauthorised(page.language);
            host.asked("/keys") > asked
        })
        .await;
        assert_eq!(service.look(&good).await.status, 200, "{}", page.language);
    }
}

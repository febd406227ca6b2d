//! What ends soon is said in the log and by `doctor`, each thing once.

use careconnect_auth::{
    authentication::client_trust::{ClientTrust, PemFile},
    clock::{Clock, SystemClock, UnixTime},
    expiries::of_trust,
    operations::{end_credential::end_credential, register_consumer::register_consumer},
};
use serde_json::Value;

use crate::support::{
    authority::{Authority, NOW, valid},
    changes::act,
    command::run,
    log::Log,
    soon::until,
    test_server::{TestServer, consumer},
};

const DAY: i64 = 86_400;

#[tokio::test]
async fn the_log_says_at_once_and_after_a_reload_what_ends_soon() {
    let log = Log::capture();
    let root = Authority::new("Root");
    let ending = |days: i64| root.issue("localhost", |params| valid(params, NOW.plus(-DAY), NOW.plus(days * DAY)));
    let first = ending(29);
    let files = [("server.pem", first.pem()), ("server.key", first.key_pem())];
    let server = TestServer::with_files("tls.reload_every_seconds = 1\n", &files).await;
    let said = |event: &str| log.text().lines().filter(|line| line.contains(event)).count();
    until("the warning", async || said("\"ends_soon\"") == 1).await;
    assert!(log.text().contains("\"kind\":\"server_certificate\""), "{}", log.text());

    let ended = ending(0);
    for (name, text) in [("server.key", ended.key_pem()), ("server.pem", ended.pem())] {
        std::fs::write(server.directory.path().join(name), text).unwrap();
    }
    until("the next warning", async || said("\"has_ended\"") == 1).await;
    assert_eq!(said("\"ends_soon\""), 1, "{}", log.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_reports_what_ends_once_and_fails_when_it_has_ended() {
    let (now, server) = (SystemClock.now(), TestServer::start().await);
    let directory = server.directory.path();
    let about_ends = || {
        let findings: Vec<Value> = serde_json::from_value(run(directory, &["doctor", "--json"]).json()).unwrap();
        let about =
            findings.into_iter().filter(|found| found["check"] == "expiry" || found.to_string().contains("CN="));
        let verdict = |found: &Value| (found["verdict"].as_str().unwrap().to_owned(), found["detail"].to_string());
        about.map(|found| verdict(&found)).collect::<Vec<_>>()
    };
    let nothing = about_ends();
    assert!(nothing.len() == 1 && nothing[0].0 == "ok", "{nothing:?}");
    for (ends, verdict) in [(DAY, "warning"), (-DAY, "failure")] {
        let authority = Authority::with("Ending", |params| valid(params, now.plus(-2 * DAY), now.plus(ends)));
        std::fs::write(directory.join("client-ca.pem"), authority.pem()).unwrap();
        let found = about_ends();
        assert!(found.len() == 1 && found[0].0 == verdict && found[0].1.contains("CN=Ending"), "{found:?}");
        let checked = run(directory, &["config", "check", "--json"]).json();
        let warnings =
            checked["warnings"].as_array().unwrap().iter().filter_map(|warning| warning["sentence"].as_str());
        let warnings: Vec<_> = warnings.filter(|sentence| sentence.contains("CN=Ending")).collect();
        assert!(warnings.len() == 1 && warnings[0].contains("authority: default: "), "{warnings:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_names_the_consumer_whose_way_in_ends() {
    let (now, server) = (SystemClock.now(), TestServer::start().await);
    let database = server.database.handle();
    let consumer = register_consumer(database, consumer(), act(now)).await.unwrap().consumer;
    let (client_id, secret) = (&consumer.client_id, &consumer.credentials[0]);
    end_credential(database, client_id, secret.id, now.plus(DAY), act(now)).await.unwrap();
    let found = run(server.directory.path(), &["doctor"]).success().stdout;
    let line = found.lines().find(|line| line.contains("expiry")).unwrap();
    for part in ["warning", "secret", client_id.as_str(), &secret.label, &now.plus(DAY).to_string()] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn authorities_and_revocation_lists_are_told_of_in_time() {
    // R27
    let kinds = |authority: &Authority, list: &str, now: UnixTime| {
        let anchor = authority.pem();
        let anchor = PemFile { name: "ca.pem", content: anchor.as_bytes() };
        let list = PemFile { name: "ca.crl", content: list.as_bytes() };
        let trust = ClientTrust::from_pem(&[anchor], &[list]).unwrap();
        of_trust(&trust, now).into_iter().map(|expiry| expiry.kind).collect::<Vec<_>>()
    };
    let lasting = Authority::new("Root");
    let list = lasting.revocation_list(&[], 2027); // made in 2021, due at the beginning of 2027
    assert_eq!(kinds(&lasting, &list, NOW.plus(-45 * DAY)), [""; 0]);
    assert_eq!(kinds(&lasting, &list, NOW.plus(-43 * DAY)), ["revocation_list"], "30 days are enough notice");
    assert_eq!(kinds(&lasting, &list, NOW), ["revocation_list"]);
    let ending = Authority::with("Root", |params| valid(params, NOW.plus(-DAY), NOW.plus(29 * DAY)));
    assert_eq!(kinds(&ending, &ending.revocation_list(&[], 2040), NOW), ["authority"]);
}

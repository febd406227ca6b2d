//! Certificates, authorities and revocation lists change while the server runs.

use std::{fs, os::unix::fs::symlink, sync::Arc, time::Duration};

use careconnect_auth::{
    clock::ManualClock,
    server::{ClientAuthentication, ReloadableTls, certificate_watch::follow_files},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    signal::unix::{Signal, SignalKind, signal},
};

use crate::support::{
    authority::{Authority, NOW, valid},
    listener::{Listener, files, write_identity},
    log::Log,
    soon::{soon, until},
    tls_client::{config, connect},
};

fn load(directory: &std::path::Path) -> Result<ReloadableTls, careconnect_auth::server::TlsError> {
    let clock = Arc::new(ManualClock::at(NOW));
    ReloadableTls::load(files(directory), ClientAuthentication::Required, Arc::new(|_, _| false), clock)
}

fn hang_up() -> Signal {
    signal(SignalKind::hangup()).unwrap()
}

#[tokio::test]
async fn a_reload_changes_the_certificate_and_the_authorities_for_new_connections() {
    let (old, new) = (Authority::new("Clients"), Authority::new("Clients"));
    let mut listener = Listener::start(&old).await;
    assert!(listener.get("/whoami", Some(&old.client("a.nhs.uk"))).await.is_ok());
    listener.root = Authority::new("New Server Root");
    write_identity(listener.directory.path(), &listener.root.server());
    fs::write(listener.directory.path().join("clients.pem"), new.pem()).unwrap();
    listener.tls.reload().unwrap();
    assert!(listener.get("/whoami", Some(&new.client("a.nhs.uk"))).await.is_ok());
    assert!(listener.get("/whoami", Some(&old.client("a.nhs.uk"))).await.is_err());
}

#[tokio::test]
async fn a_kept_connection_is_judged_again_after_the_authorities_changed() {
    let root = Authority::new("Clients");
    let (listener, identity) = (Listener::start(&root).await, root.client("a.nhs.uk"));
    let mut stream = connect(listener.address, config(&listener.root, Some(&identity))).await.unwrap();
    let mut verdict = async || {
        stream.write_all(b"GET /verdict HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut answer = [0; 4096];
        let length = soon("an answer", stream.read(&mut answer)).await.unwrap();
        String::from_utf8_lossy(&answer[..length]).lines().last().unwrap().to_owned()
    };
    assert_eq!(verdict().await, "trusted");
    fs::write(listener.directory.path().join("clients.pem"), Authority::new("Other").pem()).unwrap();
    listener.tls.reload().unwrap();
    assert_eq!(verdict().await, "unknown_issuer");
    fs::write(listener.directory.path().join("clients.pem"), root.pem()).unwrap();
    listener.tls.reload().unwrap();
    assert_eq!(verdict().await, "trusted");
    listener.clock.advance(40 * 365 * 86_400);
    assert_eq!(verdict().await, "expired");
}

#[tokio::test]
async fn a_broken_file_keeps_the_old_certificate_and_says_why() {
    let (log, root) = (Log::capture(), Authority::new("Clients"));
    let listener = Listener::start(&root).await;
    fs::write(listener.directory.path().join("server.pem"), "-----BEGIN CERTIFICATE-----\nAAAA").unwrap();
    assert!(listener.tls.reload_if_changed().is_err());
    assert!(matches!(listener.tls.reload_if_changed(), Ok(false)), "the same failure is not reported twice");
    assert!(listener.get("/whoami", Some(&root.client("a.nhs.uk"))).await.is_ok());
    assert!(log.text().contains("tls_reload_failed") && log.text().contains("server.pem"), "{}", log.text());
    write_identity(listener.directory.path(), &listener.root.server());
    assert!(matches!(listener.tls.reload_if_changed(), Ok(true)));
}

#[tokio::test]
async fn a_swapped_symbolic_link_is_noticed() {
    let (old, new) = (Authority::new("Clients"), Authority::new("Clients"));
    let listener = Listener::start(&old).await;
    let path = |name: &str| listener.directory.path().join(name);
    fs::rename(path("clients.pem"), path("clients-1.pem")).unwrap();
    fs::write(path("clients-2.pem"), new.pem()).unwrap();
    symlink(path("clients-1.pem"), path("clients.pem")).unwrap();
    let every = Duration::from_millis(50);
    tokio::spawn(follow_files(vec![listener.tls.clone()], Arc::default(), hang_up(), every, listener.stop.clone()));
    assert!(listener.get("/whoami", Some(&old.client("a.nhs.uk"))).await.is_ok());
    symlink(path("clients-2.pem"), path("next")).unwrap();
    fs::rename(path("next"), path("clients.pem")).unwrap();
    until("the new authority", async || listener.get("/whoami", Some(&new.client("a.nhs.uk"))).await.is_ok()).await;
    assert!(listener.get("/whoami", Some(&old.client("a.nhs.uk"))).await.is_err());
}

#[tokio::test]
async fn sighup_reloads_at_once() {
    let (log, root) = (Log::capture(), Authority::new("Clients"));
    let listener = Listener::start(&root).await;
    tokio::spawn(follow_files(
        vec![listener.tls.clone()],
        Arc::default(),
        hang_up(),
        Duration::from_secs(3600),
        listener.stop.clone(),
    ));
    fs::write(listener.directory.path().join("clients.pem"), Authority::new("Other").pem()).unwrap();
    let sent = std::process::Command::new("kill").args(["-HUP", &std::process::id().to_string()]).status().unwrap();
    assert!(sent.success());
    until("the old authority is gone", async || listener.get("/whoami", Some(&root.client("a.nhs.uk"))).await.is_err())
        .await;
    assert_eq!(log.refusals(), ["unknown_issuer"]);
}

#[test]
fn an_unusable_file_is_named_with_its_fault() {
    let (directory, root) = (tempfile::tempdir().unwrap(), Authority::new("Root"));
    let path = |name: &str| directory.path().join(name);
    let fault = || load(directory.path()).unwrap_err().to_string();
    assert!(fault().contains("server.pem: cannot be read"), "{}", fault());
    write_identity(directory.path(), &root.server());
    assert!(fault().contains("clients.pem: cannot be read"), "{}", fault());
    fs::write(path("clients.pem"), "no PEM").unwrap();
    assert!(fault().contains("clients.pem: expected at least one certificate in PEM"), "{}", fault());
    fs::write(path("clients.pem"), root.pem()).unwrap();
    assert!(load(directory.path()).is_ok());
    fs::write(path("server.key"), root.server().key_pem()).unwrap();
    assert!(fault().contains("server.key: the key does not belong to the certificate in"), "{}", fault());
    fs::write(path("server.key"), root.pem()).unwrap();
    assert!(fault().contains("server.key: expected a private key in PEM"), "{}", fault());
    fs::write(path("server.pem"), root.server().key_pem()).unwrap();
    assert!(fault().contains("server.pem: expected a certificate in PEM, found none"), "{}", fault());
}

#[test]
fn a_certificate_out_of_date_is_a_warning_for_the_clock_may_be_wrong() {
    let (log, directory) = (Log::capture(), tempfile::tempdir().unwrap());
    let root = Authority::new("Root");
    let valid_in = |from, until| root.issue("localhost", |params| valid(params, NOW.plus(from), NOW.plus(until)));
    fs::write(directory.path().join("clients.pem"), root.pem()).unwrap();
    write_identity(directory.path(), &valid_in(9, 99));
    assert!(load(directory.path()).is_ok());
    assert!(log.text().contains("tls_certificate_not_yet_valid"), "{}", log.text());
    write_identity(directory.path(), &valid_in(-9, -1));
    assert!(load(directory.path()).is_ok());
    let (_, expiries) = files(directory.path()).examine(NOW).unwrap();
    assert_eq!(expiries.len(), 1, "{expiries:?}");
    assert!(expiries[0].kind == "server_certificate" && expiries[0].is_over(NOW), "{expiries:?}");
}

#[test]
fn a_certificate_for_another_host_is_a_warning_when_it_is_loaded_and_when_it_is_examined() {
    let (log, directory) = (Log::capture(), tempfile::tempdir().unwrap());
    let root = Authority::new("Root");
    write_identity(directory.path(), &root.client("elsewhere.nhs.uk"));
    fs::write(directory.path().join("clients.pem"), root.pem()).unwrap();
    assert!(load(directory.path()).is_ok());
    assert!(log.text().contains("tls_certificate_for_another_host"), "{}", log.text());
    let (concerns, _) = files(directory.path()).examine(NOW).unwrap();
    assert_eq!(concerns.len(), 1, "{concerns:?}");
    assert!(concerns[0].sentence.contains("does not name \"localhost\""), "{concerns:?}");
}

//! Revocation lists from files and over HTTP: what is taken, what is not, and what their absence means.

use axum::http::{HeaderMap, StatusCode, header::LOCATION};
use careconnect_auth::{
    config::CrlSource,
    domain::CertificateIdentity,
    server::{ClientAuthentication, Limits},
};
use rcgen::SerialNumber;

use crate::support::{
    authority::{Authority, Identity},
    list_server::ListServer,
    listener::{Listener, files},
    log::Log,
    requests::TokenCall,
    soon::until,
    test_server::{ROOT, TestServer, consumer_with_certificate},
};

const HOST: &str = "consumer.thirdparty.nhs.uk";

/// A server with one authority whose list comes from `source`.
async fn start(authority: &Authority, source: &str, more: &str) -> TestServer {
    let toml = format!(
        "tls.reload_every_seconds = 1\ntls.client_authorities = [{{ name = \"listed\", ca_files = [\"listed.pem\"], \
         crls = [\"{source}\"]{more} }}]\n"
    );
    let files = [("listed.pem", authority.pem()), ("listed.crl", authority.revocation_list(&[], 2040))];
    let server = TestServer::with_files(&toml, &files).await;
    server.register_provider(|_| {}).await;
    server.register(consumer_with_certificate(CertificateIdentity::parse("san_dns", HOST).unwrap())).await;
    server
}

fn numbered(authority: &Authority, serial: u64) -> Identity {
    authority.issue(HOST, |params| params.serial_number = Some(SerialNumber::from(serial)))
}

async fn status(server: &TestServer, client: &reqwest::Client) -> u16 {
    TokenCall::new(server, client.clone()).field("resource", ROOT).send().await.status.as_u16()
}

async fn comes_in(server: &TestServer, identity: &Identity) -> bool {
    server.client_with(identity).get(server.url("/health/live")).send().await.is_ok()
}

fn generation(server: &TestServer) -> u64 {
    server.running.app.authenticator.trust.load().generation()
}

const EVERY_SECOND: &str = ", crl_refresh_seconds = 1";

#[tokio::test]
async fn a_list_that_arrives_over_http_counts_at_once_for_new_and_open_connections() {
    // R27
    let (log, authority) = (Log::capture(), Authority::new("Listed CA"));
    let lists = ListServer::start(authority.revocation_list(&[], 2040)).await;
    let server = start(&authority, &lists.url(), EVERY_SECOND).await;
    let (good, revoked) = (numbered(&authority, 8), numbered(&authority, 7));
    let open = server.client_with(&revoked);
    assert_eq!(status(&server, &open).await, 200, "the list was there before the first connection");

    lists.send(authority.numbered_list(2, &[7], 2040));

    until("the revocation", async || status(&server, &open).await == 401).await;
    assert!(log.details().last().unwrap().contains("(revoked)"), "{:?}", log.details());
    assert!(!comes_in(&server, &revoked).await);
    assert_eq!(log.refusals(), ["revoked"]);
    assert_eq!(status(&server, &server.client_with(&good)).await, 200);
}

#[tokio::test]
async fn nobody_between_the_authority_and_this_server_changes_anything() {
    // R27
    let (log, authority) = (Log::capture(), Authority::new("Listed CA"));
    let lists = ListServer::start(authority.numbered_list(5, &[7], 2040)).await;
    let server = start(&authority, &lists.url(), EVERY_SECOND).await;
    let (good, revoked, before) = (numbered(&authority, 8), numbered(&authority, 7), generation(&server));
    let elsewhere = HeaderMap::from_iter([(LOCATION, "https://localhost/list.crl".parse().unwrap())]);
    for (what, sent) in [
        ("of another authority", Some(Authority::new("Other CA").numbered_list(6, &[8], 2040).into_bytes())),
        ("forged under its name", Some(Authority::new("Listed CA").numbered_list(6, &[8], 2040).into_bytes())),
        ("older than the one that is held", Some(authority.numbered_list(4, &[], 2040).into_bytes())),
        ("no list", Some(b"<html>Sign in to the network</html>".to_vec())),
        ("empty", Some(Vec::new())),
        ("not DER", Some(vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff])),
        ("an error", None),
    ] {
        match sent {
            Some(sent) => lists.send(sent),
            None => lists.fail_with(StatusCode::SERVICE_UNAVAILABLE, HeaderMap::new()),
        }
        asked_again(&lists, what).await;
        assert_eq!(generation(&server), before, "{what}");
    }
    lists.fail_with(StatusCode::FOUND, elsewhere);
    asked_again(&lists, "a redirection to another scheme").await;
    assert_eq!(generation(&server), before);
    assert!(comes_in(&server, &good).await && !comes_in(&server, &revoked).await);
    assert_eq!(log.text().matches("crl_failed").count(), 1, "one outage is one line: {}", log.text());

    lists.send(authority.numbered_list(6, &[7, 8], 2040));
    until("the next genuine list", async || !comes_in(&server, &good).await).await;
}

/// Waits until what is sent now has been fetched and judged: the second request comes after the first was dealt with.
async fn asked_again(lists: &ListServer, what: &'static str) {
    lists.times_asked();
    let mut asked = 0;
    until(what, async || {
        asked += lists.times_asked();
        asked >= 2
    })
    .await;
}

#[tokio::test]
async fn without_a_list_clients_are_refused_or_accepted_as_the_authority_is_configured() {
    // R27
    let (log, authority) = (Log::capture(), Authority::new("Listed CA"));
    let identity = numbered(&authority, 8);
    for (choice, accepted) in [("", false), (", without_crl = \"refuse\"", false), (", without_crl = \"accept\"", true)]
    {
        let lists = ListServer::start("nothing yet").await;
        let server = start(&authority, &lists.url(), &format!("{EVERY_SECOND}{choice}")).await;
        assert_eq!(comes_in(&server, &identity).await, accepted, "{choice}");
        lists.send(authority.revocation_list(&[8], 2040));
        until("the list", async || {
            !comes_in(&server, &identity).await && log.refusals().ends_with(&["revoked".into()])
        })
        .await;
    }
    assert!(log.refusals().contains(&"revocation_unknown".to_owned()), "{:?}", log.refusals());
}

#[tokio::test]
async fn an_expired_list_refuses_everybody_or_goes_on_counting_as_the_authority_is_configured() {
    // R27
    let (log, authority) = (Log::capture(), Authority::new("Listed CA"));
    for (choice, accepted) in [("refuse", false), ("accept", true)] {
        let lists = ListServer::start(authority.revocation_list(&[7], 2022)).await;
        let server = start(&authority, &lists.url(), &format!(", expired_crl = \"{choice}\"")).await;
        assert_eq!(comes_in(&server, &numbered(&authority, 8)).await, accepted, "{choice}");
        assert!(!comes_in(&server, &numbered(&authority, 7)).await, "{choice}");
    }
    assert_eq!(log.refusals(), ["revocation_list_expired", "revoked", "revoked"]);
}

#[tokio::test]
async fn a_forged_or_older_list_in_a_file_keeps_the_one_in_use() {
    // R27
    let (authority, directory) = (Authority::new("Listed CA"), tempfile::tempdir().unwrap());
    let path = |name: &str| directory.path().join(name);
    let list_file = path("listed.crl");
    let write = |list: String| std::fs::write(&list_file, list).unwrap();
    std::fs::write(path("clients.pem"), authority.pem()).unwrap();
    write(authority.numbered_list(5, &[7], 2040));
    let mut files = files(directory.path());
    files.client_authorities[0].crls = vec![CrlSource::File(list_file.clone())];
    let listener = Listener::of(files, ClientAuthentication::Required, Limits::default(), directory).await;
    let (good, revoked) = (numbered(&authority, 8), numbered(&authority, 7));
    for (list, expected) in [
        (Authority::new("Listed CA").numbered_list(6, &[8], 2040), "has not its signature"),
        (authority.numbered_list(4, &[], 2040), "or later, received one made at 2021-01-04"),
        (Authority::new("Other CA").numbered_list(6, &[8], 2040), "received one of CN=Other CA"),
        ("nothing".to_owned(), "expected at least one revocation list in PEM"),
    ] {
        write(list);
        let error = listener.tls.reload().unwrap_err().to_string();
        assert!(error.contains("listed.crl") && error.contains(expected), "{error}");
        assert!(listener.get("/whoami", Some(&good)).await.is_ok(), "{expected}");
        assert!(listener.get("/whoami", Some(&revoked)).await.is_err(), "{expected}");
    }
    write(authority.numbered_list(6, &[8], 2040));
    listener.tls.reload().unwrap();
    assert!(listener.get("/whoami", Some(&good)).await.is_err());
}

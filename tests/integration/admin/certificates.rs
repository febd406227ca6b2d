//! Certificates of administrators end, are revoked and are blocked while their connections are open.

use careconnect_auth::{
    config::Config,
    operations::block_certificate::block_certificate,
    server::{RunningServer, Sockets},
};
use rcgen::SerialNumber;
use reqwest::StatusCode;
use tokio::net::TcpListener;

use crate::support::{
    admin::{Admin, ROOT},
    authority::{Authority, NOW},
    changes::act,
    soon::until,
    test_server::TestServer,
};

async fn status(admin: &Admin) -> StatusCode {
    admin.get("/whoami").await.status
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_at_the_next_request_of_its_open_connection() {
    // R49, R27
    let listed = Authority::new("Listed admin CA");
    let toml = "tls.reload_every_seconds = 1\nadmin.client_authorities = [{ name = \"listed\", ca_files = [\"listed.pem\"], \
                crls = [\"listed.crl\"] }]\n";
    let files = [("listed.pem", listed.pem()), ("listed.crl", listed.revocation_list(&[], 2040))];
    let server = TestServer::with_files(toml, &files).await;
    let identity = listed.issue(ROOT, |params| params.serial_number = Some(SerialNumber::from(7)));
    let admin = server.admin_with(Some(&identity));
    assert_eq!(status(&admin).await, StatusCode::OK);

    std::fs::write(server.directory.path().join("listed.crl"), listed.numbered_list(2, &[7], 2040)).unwrap();

    until("the revocation", async || status(&admin).await == StatusCode::UNAUTHORIZED).await;
    let answer = admin.get("/whoami").await;
    assert!(answer.text().contains("not trusted now (revoked)"), "{}", answer.text());
    assert_eq!(status(&server.admin()).await, StatusCode::OK, "another authority's are not concerned");
}

#[tokio::test]
async fn a_certificate_that_ends_or_is_blocked_opens_nothing_any_more() {
    // R49, R27
    let server = TestServer::start().await;
    let issue = |serial: u64| {
        server.admin_authority.issue(ROOT, |params| params.serial_number = Some(SerialNumber::from(serial)))
    };
    let (blocked, other) = (server.admin_with(Some(&issue(7))), server.admin_with(Some(&issue(8))));
    assert_eq!((status(&blocked).await, status(&other).await), (StatusCode::OK, StatusCode::OK));
    let (issuer, note, act) = ("CN=Admin CA".to_owned(), "stolen".to_owned(), act(NOW));
    block_certificate(server.database.handle(), issuer, "07".parse().unwrap(), note, act).await.unwrap();
    server.caught_up().await;
    assert_eq!((status(&blocked).await, status(&other).await), (StatusCode::UNAUTHORIZED, StatusCode::OK));

    server.clock.advance(30 * 365 * 86_400);
    assert!(other.get("/whoami").await.text().contains("not trusted now (expired)"));
}

#[tokio::test]
async fn another_authority_and_another_certificate_of_the_server_count_without_a_restart() {
    let server = TestServer::with("tls.reload_every_seconds = 1\n").await;
    let (before, new) = (server.admin(), Authority::new("New admin CA"));
    assert_eq!(status(&before).await, StatusCode::OK);

    std::fs::write(server.directory.path().join("admin-ca.pem"), new.pem()).unwrap();

    until("the change of the authority", async || status(&before).await == StatusCode::UNAUTHORIZED).await;
    assert_eq!(status(&server.admin_with(Some(&new.client(ROOT)))).await, StatusCode::OK);
    assert!(server.admin().request(reqwest::Method::GET, "/whoami").send().await.is_err());
}

#[tokio::test]
async fn an_authority_of_consumers_cannot_vouch_for_administrators() {
    let server = TestServer::start().await;
    let text = std::fs::read_to_string(server.directory.path().join("careconnect-auth.toml")).unwrap();
    let file = server.directory.path().join("shared.toml");
    std::fs::write(&file, text.replace("\"admin-ca.pem\"", "\"admin-ca.pem\", \"client-ca.pem\"")).unwrap();
    let config = Config::load(Some(&file)).unwrap();
    let bind = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sockets = Sockets { public: bind().await, admin: Some(bind().await), metrics: None };
    let started = RunningServer::start(&config, server.clock.clone(), sockets).await;
    let refused = started.err().unwrap().to_string();
    assert!(refused.contains("CN=Client CA vouches for administrators and for consumers"), "{refused}");
}

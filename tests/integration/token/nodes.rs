//! Two nodes on one database.

use careconnect_auth::{
    domain::{CertificateIdentity, CertificatePolicy, Precondition},
    operations::block_certificate::{block_certificate, unblock_certificate},
};
use careconnect_verifier::Group;
use futures_util::future::join_all;
use serde_json::json;

use super::by_assertion::Scene;
use crate::support::{
    changes::{Changes, act},
    soon::{soon, until},
    test_server::{ROOT, TestServer, consumer_with_certificate},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_that_is_sent_a_hundred_times_to_two_nodes_at_once_gives_one_token() {
    // R21
    let scene = Scene::new().await;
    let other = scene.server.another_node().await;
    let assertion = scene.signed(json!({}), json!({}));
    let ports = [scene.server.running.address.port(), other.address.port()].into_iter().cycle();
    let calls = ports.take(100).map(|port| scene.call(&assertion).through(port).send());
    let answers = soon("a hundred answers", join_all(calls)).await;

    let (granted, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((granted.len(), refused.len()), (1, 99));
    for answer in refused {
        assert_eq!(answer.refused(401), ("invalid_client".into(), "assertion_replayed".into()));
    }
    other.stop().await;
}

/// A server with a consumer whose certificate is for `host`.
async fn with_certificate(host: &str) -> (TestServer, reqwest::Client) {
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let identity = CertificateIdentity::SanDns(host.parse().unwrap());
    server.register(consumer_with_certificate(identity)).await;
    let client = server.client_with(&server.client_authority.client(host));
    (server, client)
}

#[tokio::test]
async fn a_blocked_certificate_is_refused_by_every_node_on_connections_that_are_open() {
    // R27
    let (server, client) = with_certificate("booking.trust.nhs.uk").await;
    let other = server.another_node().await;
    let blocked = server.client_authority.client("booking.trust.nhs.uk");
    let held = server.client_with(&blocked);
    let ask = async |client: &reqwest::Client, port| {
        let call = crate::support::requests::TokenCall::new(&server, client.clone());
        call.field("resource", ROOT).through(port).send().await.status.as_u16()
    };
    let ports = [server.running.address.port(), other.address.port()];
    for port in ports {
        assert_eq!((ask(&held, port).await, ask(&client, port).await), (200, 200));
    }
    let certificate = careconnect_auth::authentication::peer::PeerCertificate::parse(blocked.chain.clone()).unwrap();
    let (issuer, serial) = (certificate.issuer().to_owned(), certificate.serial_number().clone());
    let database = server.database.handle();
    let now = careconnect_auth::clock::Clock::now(&*server.clock);
    block_certificate(database, issuer.clone(), serial.clone(), "lost".to_owned(), act(now)).await.unwrap();
    for port in ports {
        until("the block", async || ask(&held, port).await == 401).await;
        assert_eq!(ask(&client, port).await, 200, "another of the same authority");
    }
    unblock_certificate(database, &issuer, &serial, &Precondition::Any, act(now)).await.unwrap();
    for port in ports {
        until("the end of the block", async || ask(&held, port).await == 200).await;
    }
    other.stop().await;
}

#[tokio::test]
async fn a_certificate_for_appointments_only_obtains_nothing_else() {
    let (server, client) = with_certificate("appt-a1001.trust.nhs.uk").await;
    let ask = async |scope: Option<&str>| {
        let call = crate::support::requests::TokenCall::new(&server, client.clone()).field("resource", ROOT);
        match scope {
            Some(scope) => call.field("scope", scope).send().await,
            None => call.send().await,
        }
    };
    let granted = async || server.verify(ROOT, &ask(None).await.token()).await.groups().len();
    assert_eq!(granted().await, 5);

    let policy = CertificatePolicy {
        name: "Appointments only".parse().unwrap(),
        host_prefix: "appt-".parse().unwrap(),
        issuer: None,
        groups: [Group::CREATE_APPOINTMENT].into(),
        created_at: careconnect_auth::clock::UnixTime(0),
        removed_at: None,
    };
    server.database.handle().insert_certificate_policy(&policy).await.unwrap();
    server.caught_up().await;
    assert_eq!(granted().await, 1);
    let refused = ask(Some(Group::READ_SLOT.as_str())).await;
    assert_eq!(refused.refused(400), ("invalid_scope".into(), "group_not_permitted".into()));
    assert!(refused.text().contains("Appointments only"), "{}", refused.text());
}

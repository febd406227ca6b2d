//! Providers prove themselves by certificate, and see what is for them.

use careconnect_auth::{
    clock::Clock,
    domain::{CertificateIdentity, RegisteredCertificate, RegistrationStatus, Role},
    operations::block_certificate::block_certificate,
};

use serde_json::json;

use super::{INTROSPECT, OTHER_ROOT, claims, other_provider, revoke, scene, signed_by_server, token};
use crate::support::{
    authority::{Authority, Identity},
    changes::{Changes, SUSPENDED, act},
    command::run,
    requests::{Answer, TokenCall},
    test_server::{ROOT, TestServer},
};

const HOST: &str = "fhir.thirdparty.nhs.uk";
const ASID: &str = "200000000359";

/// Registers certificates by their names for the provider at [`ROOT`].
async fn known_by(server: &TestServer, certificates: serde_json::Value) {
    let patch = json!({ "certificates": certificates });
    let changed = server.admin_as(Role::Editor).patch(&format!("/providers/{ASID}"), "*", &patch).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    server.caught_up().await;
}

async fn ask(server: &TestServer, identity: &Identity, token: &str) -> Answer {
    TokenCall::new(server, server.client_with(identity)).field("token", token).to(INTROSPECT).send().await
}

#[tokio::test]
async fn a_provider_sees_the_tokens_for_its_service_root_and_no_others() {
    // R47
    let (server, consumer) = scene().await;
    other_provider(&server).await;
    known_by(&server, json!([{ "kind": "san_dns", "value": HOST }])).await;
    let identity = server.client_authority.client(HOST);
    let own = token(&server, &consumer).await;
    let others =
        server.token_by_secret(&consumer).without("resource").field("resource", OTHER_ROOT).send().await.token();
    let answer = ask(&server, &identity, &own).await;
    assert_eq!((&answer.json()["active"], &answer.json()["jti"]), (&json!(true), &claims(&own)["jti"]));
    for token in [&others, "x"] {
        assert_eq!(ask(&server, &identity, token).await.text(), r#"{"active":false}"#);
    }
    for status in [SUSPENDED, RegistrationStatus::Active] {
        server.database.handle().set_consumer_status(&consumer.consumer.client_id, status).await.unwrap();
        server.caught_up().await;
        assert_eq!(ask(&server, &identity, &own).await.json()["active"], status == RegistrationStatus::Active);
    }
    let call = TokenCall::new(&server, server.client_with(&identity)).field("token", &own);
    let signed = call.header("accept", "application/token-introspection+jwt").to(INTROSPECT).send().await;
    assert_eq!(signed_by_server(&server, &signed.text()).await.1["aud"], ROOT);
    assert_eq!(revoke(&server, &consumer, &own).await.status, 200);
    assert_eq!(ask(&server, &identity, &own).await.text(), r#"{"active":false}"#);
}

#[tokio::test]
async fn providers_that_share_a_certificate_see_what_is_for_each() {
    let (server, consumer) = scene().await;
    other_provider(&server).await;
    let shared = json!({ "certificates": [{ "kind": "san_dns", "value": HOST }] });
    for asid in [ASID, "200000000360"] {
        assert_eq!(server.admin().patch(&format!("/providers/{asid}"), "*", &shared).await.status, 200);
    }
    server.caught_up().await;
    let identity = server.client_authority.client(HOST);
    for root in [ROOT, OTHER_ROOT] {
        let token = server.token_by_secret(&consumer).without("resource").field("resource", root).send().await.token();
        assert_eq!(ask(&server, &identity, &token).await.json()["aud"], root);
    }
}

#[tokio::test]
async fn a_providers_certificate_proves_it_only_while_it_is_trusted_and_registered() {
    // R27, R47
    let (server, consumer) = scene().await;
    let token = token(&server, &consumer).await;
    let identity = server.client_authority.client(HOST);
    let status = async || ask(&server, &identity, &token).await.status.as_u16();
    assert_eq!(status().await, 401, "not registered");
    known_by(&server, json!([{ "kind": "san_dns", "value": HOST }])).await;
    assert_eq!(status().await, 200);
    let named = TokenCall::new(&server, server.client_with(&identity)).field("client_id", "x").field("token", &token);
    assert_eq!(named.to(INTROSPECT).send().await.status, 401, "who names a client comes as a consumer");
    let elsewhere = json!([{ "kind": "san_dns", "value": HOST, "environment": "test" }]);
    let other_issuer = json!([{ "kind": "san_dns", "value": HOST, "issuer_key": "ab".repeat(32) }]);
    for wrong in [elsewhere, other_issuer, json!([])] {
        known_by(&server, wrong.clone()).await;
        assert_eq!(status().await, 401, "{wrong}");
    }
    known_by(&server, json!([{ "kind": "subject_dn", "value": format!("CN={HOST}") }])).await;
    assert_eq!(status().await, 200);
    server.database.handle().set_provider_status(&ASID.parse().unwrap(), SUSPENDED).await.unwrap();
    server.caught_up().await;
    assert_eq!(status().await, 401, "suspended");
    server.database.handle().set_provider_status(&ASID.parse().unwrap(), RegistrationStatus::Active).await.unwrap();
    server.caught_up().await;
    let held = server.client_with(&identity);
    let on_open_connection = async || {
        TokenCall::new(&server, held.clone()).field("token", &token).to(INTROSPECT).send().await.status.as_u16()
    };
    assert_eq!(on_open_connection().await, 200);
    let shown = careconnect_auth::authentication::peer::PeerCertificate::parse(identity.chain.clone()).unwrap();
    let (issuer, serial) = (shown.issuer().to_owned(), shown.serial_number().clone());
    let now = server.clock.now();
    block_certificate(server.database.handle(), issuer, serial, "lost".to_owned(), act(now)).await.unwrap();
    server.caught_up().await;
    assert_eq!(on_open_connection().await, 401, "blocked");
}

#[tokio::test]
async fn a_certificate_that_signs_itself_proves_the_provider_that_has_registered_it() {
    let (server, consumer) = scene().await;
    let token = token(&server, &consumer).await;
    let own = Identity::self_signed(HOST, |_| {});
    let thumbprint = careconnect_auth::domain::CertificateThumbprint::of_der(&own.chain[0]).to_string();
    known_by(&server, json!([{ "kind": "thumbprint", "value": thumbprint, "self_signed": true }])).await;
    assert_eq!(ask(&server, &own, &token).await.json()["active"], true);
    let unknown = Authority::new("Others").client(HOST);
    let call = server.client_with(&unknown).post(server.url("/")).send().await;
    assert!(call.is_err(), "the handshake refuses whom nobody vouches for");
}

#[tokio::test]
async fn certificates_of_providers_are_kept_shown_and_taken_away_by_api_and_command() {
    // R50
    let server = TestServer::start().await;
    let database = server.database.handle();
    let run = |arguments: &[&str]| {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let directory = server.directory.path().to_owned();
        tokio::task::spawn_blocking(move || run(&directory, &arguments.iter().map(String::as_str).collect::<Vec<_>>()))
    };
    let config = server.directory.path().join("careconnect-auth.toml");
    let config = config.to_str().unwrap();
    let made = [
        "--config",
        config,
        "--json",
        "provider",
        "register",
        "--asid",
        ASID,
        "--ods-code",
        "A20047",
        "--name",
        "Practice",
        "--service-root",
        ROOT,
        "--certificate-dns",
        HOST,
        "--certificate-uri",
        "urn:nhs:fhir",
    ];
    let made = run(&made).await.unwrap().success().json();
    let expected = json!([
        { "kind": "san_dns", "value": HOST, "environment": "live", "issuer_key": null },
        { "kind": "san_uri", "value": "urn:nhs:fhir", "environment": "live", "issuer_key": null },
    ]);
    assert_eq!(made["certificates"], expected);
    server.caught_up().await;
    let name: CertificateIdentity = CertificateIdentity::parse("san_dns", HOST).unwrap();
    assert_eq!(server.running.app.registry.providers_with(&name).len(), 1);
    let renamed = ["--config", config, "--json", "provider", "change", ASID, "--name", "Surgery"];
    assert_eq!(run(&renamed).await.unwrap().success().json()["certificates"], expected, "as they were");
    let found = database.find_provider(&ASID.parse().unwrap()).await.unwrap().unwrap();
    let uri = CertificateIdentity::parse("san_uri", "urn:nhs:fhir").unwrap();
    assert_eq!(found.certificates, [name.clone(), uri].map(RegisteredCertificate::from));
    let other = ["--config", config, "--json", "provider", "change", ASID, "--certificate-dns", "other.nhs.uk"];
    assert_eq!(run(&other).await.unwrap().success().json()["certificates"][0]["value"], "other.nhs.uk");
    server.caught_up().await;
    assert!(server.running.app.registry.providers_with(&name).is_empty());
    let none = ["--config", config, "--json", "provider", "change", ASID, "--no-certificates"];
    assert_eq!(run(&none).await.unwrap().success().json()["certificates"], json!([]));
    let patch =
        json!({ "certificates": [{ "kind": "san_dns", "value": "*.nhs.uk" }, { "kind": "key", "value": "x" }] });
    let refused = server.admin().patch(&format!("/providers/{ASID}"), "*", &patch).await;
    assert_eq!(refused.problem(422), "invalid");
    assert_eq!(refused.faults(), ["/certificates/0/value", "/certificates/1/kind"]);
}

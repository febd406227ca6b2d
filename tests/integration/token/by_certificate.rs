//! `tls_client_auth` and `self_signed_tls_client_auth`.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use careconnect_auth::{
    domain::{CertificateIdentity, CertificateThumbprint, RegistrationStatus},
    operations::register_consumer::ConsumerRegistration,
};
use serde_json::Value;

use crate::support::{
    authority::{Authority, Identity, NOW, valid},
    changes::{Changes, RETIRED, SUSPENDED},
    requests::TokenCall,
    test_server::{ROOT, TestServer, consumer, consumer_with_certificate},
};

const HOST: &str = "consumer.thirdparty.nhs.uk";
const OTHER_ROOT: &str = "https://other.thirdparty.nhs.uk";

fn by_dns(host: &str) -> CertificateIdentity {
    CertificateIdentity::parse("san_dns", host).unwrap()
}

fn by_thumbprint(identity: &Identity) -> CertificateIdentity {
    CertificateIdentity::Thumbprint(CertificateThumbprint::of_der(&identity.chain[0]))
}

fn call<'a>(server: &'a TestServer, identity: &Identity) -> TokenCall<'a> {
    TokenCall::new(server, server.client_with(identity)).field("resource", ROOT)
}

#[tokio::test]
async fn a_name_in_a_certificate_of_a_configured_authority_gets_a_token() {
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let identity = server.client_authority.client(HOST);
    let registered = server.register(consumer_with_certificate(by_dns(HOST))).await;

    let named = call(&server, &identity).field("client_id", registered.consumer.client_id.as_str()).send().await;
    let unnamed = call(&server, &identity).send().await;

    for answer in [named, unnamed] {
        assert_eq!(server.verify(ROOT, &answer.token()).await.client_id(), &registered.consumer.client_id);
    }
}

#[tokio::test]
async fn a_subject_is_compared_exactly() {
    // R26
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let identity = server.client_authority.client(HOST);
    for (subject, status) in [(format!("CN={HOST}"), 200), (format!("CN={HOST},O=NHS"), 401)] {
        let certificate = CertificateIdentity::parse("subject_dn", &subject).unwrap();
        let registered = server.register(consumer_with_certificate(certificate)).await;
        let id = registered.consumer.client_id.to_string();
        let answer = call(&server, &identity).field("client_id", &id).send().await;
        assert_eq!(answer.status, status, "{subject}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_self_signed_certificate_gets_a_token_once_it_is_registered() {
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let identity = Identity::self_signed(HOST, |_| {});
    let url = server.url("/health/live");
    assert!(server.client_with(&identity).get(&url).send().await.is_err(), "a stranger's certificate");

    server.register(consumer_with_certificate(by_thumbprint(&identity))).await;

    server.verify(ROOT, &call(&server, &identity).send().await.token()).await;
}

#[tokio::test]
async fn another_consumers_certificate_is_no_proof() {
    // R9
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let identity = server.client_authority.client(HOST);
    server.register(consumer_with_certificate(by_dns(HOST))).await;
    let by_secret = server.register(consumer()).await;
    let other = server.register(consumer_with_certificate(by_dns("other.nhs.uk"))).await;
    for registered in [by_secret, other] {
        let id = registered.consumer.client_id.to_string();
        let answer = call(&server, &identity).field("client_id", &id).send().await;
        assert_eq!(answer.refused(401).1, "client_authentication_failed");
    }
}

#[tokio::test]
async fn a_secret_is_no_proof_for_a_consumer_that_holds_only_a_certificate() {
    // R9
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer_with_certificate(by_dns(HOST))).await;
    let id = registered.consumer.client_id.as_str();
    let answer = server.token().basic(id, "ccas_anything").field("resource", ROOT).send().await;
    assert_eq!(answer.refused(401).1, "client_authentication_failed");
}

#[tokio::test]
async fn a_certificate_that_several_registrations_share_needs_a_client_id() {
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let identity = server.client_authority.client(HOST);
    let one = server.register(consumer_with_certificate(by_dns(HOST))).await;
    server.register(consumer_with_certificate(by_dns(HOST))).await;

    let unnamed = call(&server, &identity).send().await;
    let named = call(&server, &identity).field("client_id", one.consumer.client_id.as_str()).send().await;

    assert_eq!(unnamed.refused(400), ("invalid_request".into(), "client_id_needed".into()));
    assert_eq!(server.verify(ROOT, &named.token()).await.client_id(), &one.consumer.client_id);
}

#[tokio::test]
async fn names_in_a_self_issued_certificate_are_nobodys() {
    // R25
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let own = Identity::self_signed(HOST, |_| {});
    let registered = server.register(consumer_with_certificate(by_thumbprint(&own))).await;
    server.register(consumer_with_certificate(by_dns(HOST))).await;
    let answer = call(&server, &own).send().await;
    assert_eq!(server.verify(ROOT, &answer.token()).await.client_id(), &registered.consumer.client_id);
}

#[tokio::test]
async fn a_registration_that_was_replaced_does_not_claim_its_certificate() {
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let identity = server.client_authority.client(HOST);
    let old = server.register(consumer_with_certificate(by_dns(HOST))).await.consumer;
    let new = server.register(consumer_with_certificate(by_dns(HOST))).await.consumer;
    let holder = async || {
        server.caught_up().await;
        server.verify(ROOT, &call(&server, &identity).send().await.token()).await.client_id().clone()
    };
    let change = async |client_id, change| {
        server.database.handle().set_consumer_status(client_id, change).await.unwrap();
    };

    change(&old.client_id, SUSPENDED).await;
    assert_eq!(holder().await, new.client_id);
    change(&old.client_id, RegistrationStatus::Active).await;
    change(&new.client_id, SUSPENDED).await;
    assert_eq!(holder().await, old.client_id);
}

#[tokio::test]
async fn a_certificate_of_another_authority_never_reaches_the_endpoint() {
    // R27
    let server = TestServer::start().await;
    server.register(consumer_with_certificate(by_dns(HOST))).await;
    let stranger = Authority::new("Client CA").client(HOST);
    assert!(server.client_with(&stranger).get(server.url("/health/live")).send().await.is_err());
}

#[tokio::test]
async fn a_certificate_that_ends_while_its_connection_is_open_proves_nothing_more() {
    // R27
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let until = NOW.plus(60);
    let issued = server.client_authority.issue(HOST, |params| valid(params, NOW, until));
    let own = Identity::self_signed("own.nhs.uk", |params| valid(params, NOW, until));
    server.register(consumer_with_certificate(by_dns(HOST))).await;
    server.register(consumer_with_certificate(by_thumbprint(&own))).await;
    let clients = [server.client_with(&issued), server.client_with(&own)];
    let ask = |client: &reqwest::Client| TokenCall::new(&server, client.clone()).field("resource", ROOT).send();
    for client in &clients {
        ask(client).await.token();
    }
    server.clock.advance(61);
    server.caught_up().await;
    for client in &clients {
        assert_eq!(ask(client).await.refused(401).1, "client_authentication_failed");
    }
}

#[tokio::test]
async fn a_header_that_claims_a_certificate_is_not_looked_at() {
    // R28
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let identity = server.client_authority.client(HOST);
    let registered = server.register(consumer_with_certificate(by_dns(HOST))).await;
    let id = registered.consumer.client_id.as_str();
    let claimed = urlencoded(&identity.pem());
    for name in [
        "client-cert",
        "x-client-cert",
        "x-ssl-client-cert",
        "x-ssl-client-s-dn",
        "x-ssl-client-verify",
        "x-forwarded-client-cert",
        "x-forwarded-tls-client-cert",
        "x-amzn-mtls-clientcert",
    ] {
        let answer = server.token().header(name, &claimed).field("client_id", id).field("resource", ROOT).send().await;
        assert_eq!(answer.refused(401).1, "client_authentication_failed", "{name}");
    }
}

fn urlencoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test]
async fn a_provider_that_wants_bound_tokens_gets_the_certificate_in_them() {
    // R6, R38
    let server = TestServer::start().await;
    server.register_provider(|provider| provider.certificate_bound = true).await;
    let identity = server.client_authority.client(HOST);
    server.register(consumer_with_certificate(by_dns(HOST))).await;

    server
        .register_provider(|other| {
            other.asid = "200000000360".parse().unwrap();
            other.service_root = OTHER_ROOT.parse().unwrap();
        })
        .await;

    let bound = call(&server, &identity).send().await.token();
    let free = call(&server, &identity).without("resource").field("resource", OTHER_ROOT).send().await.token();

    let thumbprint = CertificateThumbprint::of_der(&identity.chain[0]).to_string();
    assert_eq!(claims(&bound)["cnf"], serde_json::json!({ "x5t#S256": thumbprint }));
    assert_eq!(claims(&free).get("cnf"), None);
}

#[tokio::test]
async fn a_token_is_bound_to_no_certificate_but_one_of_the_consumer() {
    // R6, R9
    let server = TestServer::start().await;
    server.register_provider(|provider| provider.certificate_bound = true).await;
    let (own, others) = (server.client_authority.client(HOST), server.client_authority.client("other.nhs.uk"));
    let both = ConsumerRegistration { credentials: vec![by_dns(HOST).into()], ..consumer() };
    let registered = server.register(both).await;
    server.register(consumer_with_certificate(by_dns("other.nhs.uk"))).await;
    let (id, secret) = (registered.consumer.client_id.as_str(), registered.secret.as_ref().unwrap().expose());
    let by_secret = async |identity| call(&server, identity).basic(id, secret).send().await.token();

    let thumbprint = CertificateThumbprint::of_der(&own.chain[0]).to_string();
    assert_eq!(claims(&by_secret(&own).await)["cnf"], serde_json::json!({ "x5t#S256": thumbprint }));
    assert_eq!(claims(&by_secret(&others).await).get("cnf"), None);
}

fn claims(token: &str) -> Value {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&claims).unwrap()
}

#[tokio::test]
async fn a_suspended_or_retired_consumers_certificate_gets_no_token_until_it_is_resumed() {
    // R9
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let identity = server.client_authority.client(HOST);
    let registered = server.register(consumer_with_certificate(by_dns(HOST))).await;
    let id = &registered.consumer.client_id;
    for (change, status) in [(SUSPENDED, 401), (RegistrationStatus::Active, 200), (RETIRED, 401)] {
        server.database.handle().set_consumer_status(id, change).await.unwrap();
        server.caught_up().await;
        assert_eq!(call(&server, &identity).send().await.status, status);
        assert_eq!(call(&server, &identity).field("client_id", id.as_str()).send().await.status, status);
    }
}

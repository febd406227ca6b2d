//! A provider protected by the verifier crate, and consumers that come with tokens of the server.

use std::sync::Arc;

use axum::{
    Router,
    http::StatusCode,
    routing::{get, post},
};
use careconnect_auth::{clock::Clock, operations::register_consumer::ConsumerRegistration};
use careconnect_verifier::{Group, ProviderGuard, RemoteKeys, Requester, TokenVerifier};
use reqwest::Response;
use tokio::net::TcpListener;

use crate::support::test_server::{ROOT, TestServer, consumer};

/// `GET /Slot` and `POST /Appointment`, each for those who are assured for it.
async fn start(server: &TestServer) -> String {
    let keys = RemoteKeys::from_url(format!("{}/.well-known/jwks.json", server.issuer()))
        .certificate_authority(server.server_authority.pem())
        .build()
        .unwrap();
    let clock = Arc::clone(&server.clock);
    let verifier = TokenVerifier::for_issuer(server.issuer()).audience(ROOT).keys(keys);
    let verifier = verifier.clock(move || clock.now().0).build().unwrap();
    let guard = ProviderGuard::new(verifier).build().unwrap();
    let router = Router::new().route("/Slot", get(slots)).route("/Appointment", post(StatusCode::CREATED));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router.layer(guard.layer())).await });
    format!("http://{address}")
}

async fn slots(requester: Requester) -> String {
    format!("slots for {} of type {}", requester.ods_code(), requester.organisation_type())
}

async fn search(provider: &str, token: &str) -> Response {
    reqwest::Client::new().get(format!("{provider}/Slot")).bearer_auth(token).send().await.unwrap()
}

#[tokio::test]
async fn a_provider_learns_who_is_calling_from_the_token() {
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let provider = start(&server).await;
    let token = server.token_by_secret(&registered).send().await.token();

    let answer = search(&provider, &token).await;

    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.text().await.unwrap(), "slots for A1001 of type urgent-care");
}

#[tokio::test]
async fn a_consumer_that_may_only_look_cannot_book() {
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let viewer = server.register(ConsumerRegistration { groups: [Group::READ_SLOT].into(), ..consumer() }).await;
    let provider = start(&server).await;
    let token = server.token_by_secret(&viewer).send().await.token();

    let request = reqwest::Client::new().post(format!("{provider}/Appointment")).bearer_auth(&token);
    let answer = request.send().await.unwrap();

    assert_eq!(search(&provider, &token).await.status(), StatusCode::OK);
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("insufficient_scope") && challenge.contains("create:appointment"), "{challenge}");
}

#[tokio::test]
async fn a_token_for_another_provider_an_old_one_and_a_forged_one_are_refused() {
    // R5, R34, R35
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let neighbour = format!("{ROOT}/neighbour");
    server
        .register_provider(|other| {
            other.asid = "200000000360".parse().unwrap();
            other.service_root = neighbour.parse().unwrap();
        })
        .await;
    let registered = server.register(consumer()).await;
    let provider = start(&server).await;
    let elsewhere = server.token_by_secret(&registered).without("resource").field("resource", &neighbour).send().await;
    let token = server.token_by_secret(&registered).send().await.token();
    let forged = token.rsplit_once('.').unwrap().0.to_owned() + ".AAAA";

    assert_eq!(search(&provider, &elsewhere.token()).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(search(&provider, &forged).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(search(&provider, &token).await.status(), StatusCode::OK);
    server.clock.advance(300 + 5); // its lifetime and the leeway
    assert_eq!(search(&provider, &token).await.status(), StatusCode::UNAUTHORIZED);
}

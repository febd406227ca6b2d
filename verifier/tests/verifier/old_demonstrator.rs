//! What the provider demonstrator of 2018 got wrong (nhsd-a2si/bookingprovider, `RequestInterceptor`), a test for each defect.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use careconnect_verifier::{Group, InvalidOptions, ProviderGuard, TokenVerifier};
use http::{Request, header, request::Parts};
use serde_json::json;

use crate::{
    issuer::{AUDIENCE, ISSUER, Issuer, NOW},
    publisher::Publisher,
};

fn search(token: &str) -> Parts {
    let request = Request::get("/Slot?status=free").header(header::AUTHORIZATION, format!("Bearer {token}"));
    request.body(()).unwrap().into_parts().0
}

async fn answer(issuer: &Issuer, token: &str) -> (u16, &'static str) {
    let guard = ProviderGuard::new(issuer.verifier().build().unwrap()).build().unwrap();
    match guard.check(&search(token)).await {
        Ok(_) => (200, "admitted"),
        Err(refused) => (refused.answer.status, refused.rejection.reason()),
    }
}

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn it_logged_the_bearer_token() {
    // R55
    let (issuer, log) = (Issuer::new("k1"), Log::default());
    let guard = ProviderGuard::new(issuer.verifier().build().unwrap()).build().unwrap();
    let good = issuer.token();
    let bad = format!("{}x", issuer.token_with(|claims| claims["aud"] = json!("https://other.example")));
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
    let logging = tracing::subscriber::set_default(subscriber.finish());
    for token in [&good, &bad] {
        drop(guard.check(&search(token)).await);
    }
    drop(logging);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("a request was refused"), "{text}");
    for part in good.split('.').chain(bad.split('.')) {
        assert!(!text.contains(&part[..24]), "{text}");
    }
}

#[tokio::test]
async fn it_fetched_the_keys_for_every_request() {
    let issuer = Issuer::new("k1");
    let (publisher, keys) = Publisher::start(&[&issuer]).await;
    let verifier = TokenVerifier::for_issuer(ISSUER).audience(AUDIENCE).keys(keys.build().unwrap()).clock(|| NOW);
    let guard = ProviderGuard::new(verifier.build().unwrap()).build().unwrap();
    for _ in 0..100 {
        guard.check(&search(&issuer.token())).await.unwrap();
    }
    assert_eq!(publisher.fetches(), 1);
}

#[tokio::test]
async fn it_took_a_prefix_for_the_audience() {
    // R35
    let issuer = Issuer::new("k1");
    for audience in [&AUDIENCE[..AUDIENCE.len() - 1], "https://provider.example.nhs.uk", "https://"] {
        let token = issuer.token_with(|claims| claims["aud"] = json!(audience));
        assert_eq!(answer(&issuer, &token).await, (401, "wrong_audience"));
    }
}

#[tokio::test]
async fn it_allowed_clocks_to_differ_by_450_seconds() {
    // R34
    let issuer = Issuer::new("k1");
    let old = issuer.token_with(|claims| claims["exp"] = json!(NOW - 5));
    assert_eq!(answer(&issuer, &old).await, (401, "expired"));
    let early = issuer.token_with(|claims| claims["nbf"] = json!(NOW + 6));
    assert_eq!(answer(&issuer, &early).await, (401, "not_yet_valid"));
    assert_eq!(issuer.verifier().leeway(450).build().unwrap_err(), InvalidOptions::Leeway(450));
}

#[tokio::test]
async fn it_required_both_groups_for_every_call() {
    let issuer = Issuer::new("k1");
    let viewer = issuer.token_with(|claims| claims["groups"] = json!([Group::READ_SLOT]));
    assert_eq!(answer(&issuer, &viewer).await, (200, "admitted"));
    let booker = issuer.token_with(|claims| claims["groups"] = json!([Group::CREATE_APPOINTMENT]));
    assert_eq!(answer(&issuer, &booker).await, (403, "group_missing"));
}

#[tokio::test]
async fn it_answered_422_for_an_unknown_key_and_failed_for_a_wrong_signature() {
    let issuer = Issuer::new("k1");
    assert_eq!(answer(&issuer, &Issuer::new("k2").token()).await, (401, "unknown_kid"));
    assert_eq!(answer(&issuer, &Issuer::new("k1").token()).await, (401, "bad_signature"));
}

#[tokio::test]
async fn it_fell_over_claims_that_were_not_there() {
    let issuer = Issuer::new("k1");
    for (claim, expected) in [("iss", "missing_claim"), ("exp", "missing_claim"), ("groups", "missing_claim")] {
        let token = issuer.token_with(|claims| drop(claims.as_object_mut().unwrap().remove(claim)));
        assert_eq!(answer(&issuer, &token).await, (401, expected), "{claim}");
    }
    let without_nbf = issuer.token_with(|claims| drop(claims.as_object_mut().unwrap().remove("nbf")));
    assert_eq!(answer(&issuer, &without_nbf).await, (200, "admitted"));
}

#[tokio::test]
async fn it_took_a_colon_behind_the_scheme_and_no_space_at_all() {
    let issuer = Issuer::new("k1");
    let guard = ProviderGuard::new(issuer.verifier().build().unwrap()).build().unwrap();
    for credentials in [format!("Bearer: {}", issuer.token()), format!("bearer{}", issuer.token())] {
        let mut request = search("");
        request.headers.insert(header::AUTHORIZATION, credentials.parse().unwrap());
        assert_eq!(guard.check(&request).await.unwrap_err().rejection.reason(), "no_token");
    }
}

#[tokio::test]
async fn it_sent_no_challenge_with_a_refusal() {
    let issuer = Issuer::new("k1");
    let guard = ProviderGuard::new(issuer.verifier().build().unwrap()).build().unwrap();
    let refused = guard.check(&search("x.y.z")).await.unwrap_err().into_response::<String>();
    assert!(refused.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().contains("error=\"invalid_token\""));
}

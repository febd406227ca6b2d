//! The axum extractor, and what a refusal looks like over HTTP.

use axum::{
    extract::FromRequestParts,
    http::{HeaderName, Request, header, request::Parts},
    response::IntoResponse,
};
use careconnect_verifier::{CertificateThumbprint, Group, Rejection, VerifiedToken, axum::Verified};
use serde_json::json;

use crate::issuer::Issuer;

fn request(headers: &[(HeaderName, &str)]) -> Parts {
    let request = headers.iter().fold(Request::get("/Slot"), |request, (name, value)| request.header(name, *value));
    request.body(()).unwrap().into_parts().0
}

async fn extract(issuer: &Issuer, mut parts: Parts) -> Result<VerifiedToken, Rejection> {
    let verifier = issuer.verifier().build().unwrap();
    Verified::from_request_parts(&mut parts, &verifier).await.map(|Verified(token)| token)
}

fn bearer(issuer: &Issuer) -> String {
    format!("Bearer {}", issuer.token())
}

#[tokio::test]
async fn a_handler_receives_the_caller() {
    let issuer = Issuer::new("k1");
    let parts = request(&[(header::AUTHORIZATION, &bearer(&issuer))]);
    assert!(extract(&issuer, parts).await.unwrap().require(&Group::READ_SLOT).is_ok());
}

#[tokio::test]
async fn a_request_without_a_bearer_token_gets_a_bare_challenge() {
    let issuer = Issuer::new("k1");
    for headers in [vec![], vec![(header::AUTHORIZATION, "Basic dTpw")], vec![(header::AUTHORIZATION, "Bearer")]] {
        let response = extract(&issuer, request(&headers)).await.unwrap_err().into_response();
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer realm=\"careconnect\"");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    }
}

#[tokio::test]
async fn two_tokens_in_one_request_are_refused() {
    let issuer = Issuer::new("k1");
    let token = bearer(&issuer);
    let parts = request(&[(header::AUTHORIZATION, &token), (header::AUTHORIZATION, &token)]);
    assert_eq!(extract(&issuer, parts).await.unwrap_err().status(), 400);
}

#[tokio::test]
async fn a_bad_token_gets_401_and_a_reason() {
    let issuer = Issuer::new("k1");
    let token = format!("{}x", bearer(&issuer));
    let refusal = extract(&issuer, request(&[(header::AUTHORIZATION, &token)])).await.unwrap_err();
    assert_eq!(refusal.into_response().status(), 401);
}

#[tokio::test]
async fn a_missing_group_gets_403_and_its_name() {
    let issuer = Issuer::new("k1");
    let verified = extract(&issuer, request(&[(header::AUTHORIZATION, &bearer(&issuer))])).await.unwrap();
    let response = verified.require(&Group::CREATE_APPOINTMENT).unwrap_err().into_response();
    assert_eq!(response.status(), 403);
    assert!(
        response.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().contains(Group::CREATE_APPOINTMENT.as_str())
    );
}

#[tokio::test]
async fn the_certificate_is_the_one_that_the_tls_layer_saw() {
    let issuer = Issuer::new("k1"); // R38
    let certificate = CertificateThumbprint::of_der(b"holder");
    let token = issuer.token_with(|claims| claims["cnf"] = json!({ "x5t#S256": certificate.to_string() }));
    let parts = || request(&[(header::AUTHORIZATION, &format!("bearer {token}"))]);
    assert_eq!(extract(&issuer, parts()).await.unwrap_err().reason(), "cnf_mismatch");
    let mut with_certificate = parts();
    with_certificate.extensions.insert(certificate);
    assert!(extract(&issuer, with_certificate).await.is_ok());
}

#[tokio::test]
async fn the_ssp_must_name_the_system_of_the_token() {
    let issuer = Issuer::new("k1");
    let (token, ssp_from) = (bearer(&issuer), HeaderName::from_static("ssp-from"));
    for (asid, expected) in [("200000000205", None), ("200000000206", Some("asid_mismatch"))] {
        let parts = request(&[(header::AUTHORIZATION, &token), (ssp_from.clone(), asid)]);
        assert_eq!(extract(&issuer, parts).await.err().map(|refusal| refusal.reason()), expected);
    }
}

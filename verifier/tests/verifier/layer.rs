//! An axum service behind the layer.

use std::convert::Infallible;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
    response::Response,
    routing::{get, post},
};
use careconnect_verifier::{Group, InteractionTable, ProviderGuard, Rejection, Requester, ResponseProfile};
use tower_service::Service;

use crate::issuer::Issuer;

async fn slots(requester: Requester) -> String {
    format!("slots for {} of type {}", requester.ods_code(), requester.organisation_type())
}

/// Asks for more than the table does.
async fn book(requester: Requester) -> Result<StatusCode, Rejection> {
    requester.require(&Group::READ_APPOINTMENT)?;
    Ok(StatusCode::CREATED)
}

fn service(issuer: &Issuer, profile: ResponseProfile) -> Router {
    let table = InteractionTable::care_connect().followed_by(InteractionTable::parse("GET /health open").unwrap());
    let guard = ProviderGuard::new(issuer.verifier().build().unwrap()).interactions(table).response_profile(profile);
    Router::new()
        .route("/Slot", get(slots))
        .route("/Appointment", post(book))
        .route("/health", get(|| async { "alive" }))
        .layer(guard.build().unwrap().layer())
}

async fn ask(service: &mut Router, line: &str, token: Option<&str>) -> Result<(Response, String), Infallible> {
    let (method, uri) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(uri);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let (parts, body) = service.call(request.body(Body::empty()).unwrap()).await?.into_parts();
    let text = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
    Ok((Response::from_parts(parts, Body::empty()), text))
}

#[tokio::test]
async fn a_handler_receives_its_requester() {
    let issuer = Issuer::new("k1");
    let mut service = service(&issuer, ResponseProfile::Rfc6750);
    let (response, text) = ask(&mut service, "GET /Slot", Some(&issuer.token())).await.unwrap();
    assert_eq!((response.status(), text.as_str()), (StatusCode::OK, "slots for A1001 of type urgent-care"));
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
}

#[tokio::test]
async fn a_request_without_a_token_gets_a_bare_challenge() {
    let issuer = Issuer::new("k1");
    let mut service = service(&issuer, ResponseProfile::Rfc6750);
    let (response, text) = ask(&mut service, "GET /Slot", None).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer realm=\"careconnect\"");
    assert!(text.starts_with("{\"resourceType\":\"OperationOutcome\""), "{text}");
}

#[tokio::test]
async fn what_a_handler_refuses_is_answered_like_what_the_guard_refuses() {
    let issuer = Issuer::new("k1");
    for profile in ResponseProfile::ALL {
        let mut service = service(&issuer, profile);
        let booker = issuer.token_with(|claims| claims["groups"] = serde_json::json!([Group::CREATE_APPOINTMENT]));
        let by_handler = ask(&mut service, "POST /Appointment?_format=xml", Some(&booker)).await.unwrap();
        let by_guard = ask(&mut service, "POST /Appointment?_format=xml", Some(&issuer.token())).await.unwrap();
        for (response, text) in [by_handler, by_guard] {
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{profile}");
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/fhir+xml;charset=utf-8");
            assert!(text.contains("(group_missing, reference ") && !text.contains("reference none"), "{text}");
        }
    }
}

#[tokio::test]
async fn what_is_open_asks_for_no_token_and_what_is_not_in_the_table_is_not_reached() {
    let issuer = Issuer::new("k1");
    let mut service = service(&issuer, ResponseProfile::Rfc6750);
    let (response, text) = ask(&mut service, "GET /health", None).await.unwrap();
    assert_eq!((response.status(), text.as_str()), (StatusCode::OK, "alive"));
    let (response, _) = ask(&mut service, "DELETE /health", Some(&issuer.token())).await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_handler_without_the_layer_is_a_mistake_and_not_a_hole() {
    let mut service = Router::new().route("/Slot", get(slots));
    let (response, text) = ask(&mut service, "GET /Slot", None).await.unwrap();
    assert_eq!((response.status(), text.as_str()), (StatusCode::INTERNAL_SERVER_ERROR, ""));
}

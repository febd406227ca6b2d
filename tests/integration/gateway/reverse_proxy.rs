//! The gateway as a reverse proxy.

use std::net::SocketAddr;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use careconnect_auth::gateway::RunningGateway;
use careconnect_verifier::Group;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, header};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{BASE, Stage};
use crate::support::soon::soon;

const BOTH: [Group; 2] = [Group::READ_SLOT, Group::CREATE_APPOINTMENT];

/// With these lines in the section, and sections behind it.
async fn start(stage: &Stage, head: &str, lines: &str) -> (RunningGateway, String) {
    let backend = &stage.backend;
    let section = format!("{head}\n[reverse_proxy]\nlisten = \"127.0.0.1:0\"\nbackend = \"{backend}\"\n{lines}");
    let gateway = stage.gateway(&section).await;
    let url = format!("http://{}{BASE}", gateway.reverse_proxy.unwrap());
    (gateway, url)
}

fn ask(method: Method, url: &str, token: &str) -> RequestBuilder {
    Client::builder().no_proxy().build().unwrap().request(method, url).bearer_auth(token)
}

async fn send(request: RequestBuilder) -> Response {
    soon("an answer of the gateway", request.send()).await.unwrap()
}

/// What the provider was asked.
async fn asked(request: RequestBuilder) -> Value {
    let response = send(request).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    response.json().await.unwrap()
}

#[tokio::test]
async fn the_provider_learns_who_is_calling_and_never_sees_the_token() {
    let stage = Stage::set().await;
    let (_gateway, url) = start(&stage, "", "").await;
    let token = stage.token(&BOTH).await;
    let booking = ask(Method::POST, &format!("{url}/Appointment"), &token).body("{\"resourceType\":\"Appointment\"}");
    let asked = asked(booking).await;
    assert_eq!((&asked["method"], &asked["path"]), (&"POST".into(), &format!("{BASE}/Appointment").into()));
    assert_eq!(asked["body"], "{\"resourceType\":\"Appointment\"}");
    let headers = &asked["headers"];
    assert_eq!(
        (&headers["x-careconnect-ods-code"], &headers["x-careconnect-org-type"]),
        (&"A1001".into(), &"urgent-care".into())
    );
    assert_eq!(headers["x-careconnect-asid"].as_str().unwrap().len(), 12);
    assert_eq!(headers["x-careconnect-groups"], format!("{} {}", BOTH[1], BOTH[0]));
    assert!(headers["x-careconnect-client-id"].is_string() && headers["authorization"].is_null(), "{headers}");
}

#[tokio::test]
async fn nobody_says_in_a_header_who_they_are() {
    let stage = Stage::set().await;
    let head = "interactions = \"\"\"\nGET /Slot search:slot\nGET /open open\n\"\"\"";
    let (_gateway, url) = start(&stage, head, "").await;
    let token = stage.token(&BOTH).await;
    let forge = |request: RequestBuilder| {
        request
            .header("X-Careconnect-Asid", "999999999999")
            .header("X_Careconnect_Asid", "999999999999")
            .header("x-careconnect_ods-code", "Z9999")
            .header("x.careconnect.ods!code", "Z9999")
            .header("X-Original-URL", "/Z9999")
            .header("Connection", "close, X-Careconnect-Groups")
    };
    let slot = asked(forge(ask(Method::GET, &format!("{url}/Slot"), &token))).await;
    assert!(!slot.to_string().contains("999999999999") && !slot.to_string().contains("Z9999"), "{slot}");
    let open = asked(forge(ask(Method::GET, &format!("{url}/open"), "none"))).await;
    assert!(!open.to_string().to_lowercase().contains("careconnect"), "{open}");
}

#[tokio::test]
async fn who_may_only_look_is_refused_in_the_words_of_the_profile() {
    let stage = Stage::set().await;
    let viewer = stage.token(&[Group::READ_SLOT]).await;
    for (profile, no_token, code) in [
        ("rfc6750", 401, "ACCESS_DENIED"),
        ("uec", 401, "ACCESS_DENIED"),
        ("nhs-booking", 403, "ACCESS_DENIED"),
        ("gpconnect", 400, "ACCESS_DENIED"),
        ("spine", 400, "ACCESS_DENIED"),
        ("bars", 401, "REC_FORBIDDEN"),
    ] {
        let (_gateway, url) = start(&stage, &format!("response_profile = \"{profile}\""), "").await;
        assert_eq!(send(ask(Method::GET, &format!("{url}/Slot"), &viewer)).await.status(), StatusCode::OK, "{profile}");
        let refused = send(ask(Method::POST, &format!("{url}/Appointment"), &viewer)).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{profile}");
        let outcome: Value = refused.json().await.unwrap();
        assert_eq!(outcome["issue"][0]["details"]["coding"][0]["code"], code, "{profile}");
        let without = send(Client::builder().no_proxy().build().unwrap().get(format!("{url}/Slot"))).await;
        assert_eq!(without.status().as_u16(), no_token, "{profile}");
    }
}

#[tokio::test]
async fn search_filter_says_what_the_token_proves() {
    let stage = Stage::set().await;
    let (_gateway, url) = start(&stage, "search_filter = \"replace\"", "").await;
    let token = stage.token(&BOTH).await;
    let typed =
        "status=free&searchFilter=https://fhir.nhs.uk/STU3/CodeSystem/GPConnect-OrganisationType-1%7Cgp-practice";
    let asked = asked(ask(Method::GET, &format!("{url}/Slot?{typed}"), &token)).await;
    let expected = "status=free&searchFilter=https://fhir.nhs.uk/STU3/CodeSystem/GPConnect-OrganisationType-1%7Curgent-care\
                    &searchFilter=https://fhir.nhs.uk/Id/ods-organization-code%7CA1001";
    assert_eq!(asked["path"], format!("{BASE}/Slot?{expected}"));
}

#[tokio::test]
async fn another_spelling_of_a_path_does_not_get_past_the_table() {
    let stage = Stage::set().await;
    let (gateway, _) = start(&stage, "", "").await;
    let viewer = stage.token(&[Group::READ_SLOT]).await;
    let address = gateway.reverse_proxy.unwrap();
    for path in [
        "/A20047/STU3/1/Slot/../Appointment",
        "//A20047/STU3/1/Slot",
        "/A20047/STU3/1/%53lot",
        "/A20047/STU3/1/Slot;/x",
    ] {
        // Written by hand: client libraries would tidy the path up.
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {viewer}\r\nConnection: close\r\n\r\n");
        let answer = soon("an answer", raw(address, request)).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{path}: {answer}");
    }
}

async fn raw(address: SocketAddr, request: String) -> String {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_provider_that_is_away_is_told_apart_from_a_refusal() {
    let mut stage = Stage::set().await;
    stage.backend = "http://127.0.0.1:1".to_owned(); // nobody listens there
    let (_gateway, url) = start(&stage, "", "").await;
    let token = stage.token(&BOTH).await;
    assert_eq!(send(ask(Method::GET, &format!("{url}/Slot"), "x.y.z")).await.status(), StatusCode::UNAUTHORIZED);
    let away = send(ask(Method::GET, &format!("{url}/Slot"), &token)).await;
    assert_eq!(away.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(away.json::<Value>().await.unwrap()["issue"][0]["code"], "transient");
}

#[tokio::test]
async fn a_body_that_is_too_long_does_not_reach_the_provider() {
    // R54
    let stage = Stage::set().await;
    let (_gateway, url) = start(&stage, "", "max_body_bytes = 1000").await;
    let token = stage.token(&BOTH).await;
    let book = |bytes| ask(Method::POST, &format!("{url}/Appointment"), &token).body("x".repeat(bytes));
    assert_eq!(send(book(1001)).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(send(book(1000)).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_unsigned_token_goes_through_where_it_is_told_to_and_says_of_nobody_who_they_are() {
    // R30
    let stage = Stage::set().await;
    let encode = |json: &str| BASE64_URL_SAFE_NO_PAD.encode(json);
    let claims = r#"{"iss":"https://consumer.example","requesting_system":"https://fhir.nhs.uk/Id/accredited-system|200000000205"}"#;
    let unsigned = format!("{}.{}.", encode(r#"{"alg":"none","typ":"JWT"}"#), encode(claims));
    let search = "urn:nhs:names:services:careconnect:fhir:rest:search:slot";
    let head = format!("dangerously_admit_unsigned = {{ interactions = [\"{search}\"] }}");
    for (head, expected) in [("", StatusCode::UNAUTHORIZED), (head.as_str(), StatusCode::OK)] {
        let (_gateway, url) = start(&stage, head, "forward_token = true").await;
        let response = send(ask(Method::GET, &format!("{url}/Slot"), &unsigned)).await;
        assert_eq!(response.status(), expected);
        if expected == StatusCode::OK {
            let asked: Value = response.json().await.unwrap();
            assert_eq!(asked["headers"]["authorization"], format!("Bearer {unsigned}"));
            assert!(!asked.to_string().contains("x-careconnect-"), "{asked}");
        }
        let booking = send(ask(Method::POST, &format!("{url}/Appointment"), &unsigned)).await;
        assert_eq!(booking.status(), StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_header_that_does_not_reach_the_provider_makes_no_choice() {
    let stage = Stage::set().await;
    let table = "interactions = \"GET /Mixed search:slot | search:appointment\"";
    let (_gateway, url) = start(&stage, table, "").await;
    let viewer = stage.token(&[Group::READ_SLOT]).await;
    let search = "urn:nhs:names:services:careconnect:fhir:rest:search:slot";
    let mixed = || ask(Method::GET, &format!("{url}/Mixed"), &viewer).header("Ssp-InteractionID", search);
    assert_eq!(send(mixed()).await.status(), StatusCode::OK);
    assert_eq!(send(mixed().header("Connection", "Ssp-InteractionID")).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn no_more_requests_are_held_than_there_is_room_for() {
    // R54
    let mut stage = Stage::set().await;
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    stage.backend = format!("http://{}", hanging.local_addr().unwrap());
    let (_gateway, url) = start(&stage, "", "max_requests_in_flight = 1").await;
    let token = stage.token(&BOTH).await;
    let held = tokio::spawn(ask(Method::GET, &format!("{url}/Slot"), &token).send());
    let _connection = soon("the first request has reached the provider", hanging.accept()).await.unwrap();
    assert_eq!(send(ask(Method::GET, &format!("{url}/Slot"), &token)).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    held.abort();
}

//! The provider demonstrator, beside a `dev` server.

mod diary;
mod page;

use careconnect_verifier::ResponseProfile;
use jiff::{Timestamp, ToSpan};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{demonstrator::Demonstrator, dev::Dev};

fn search(more: &str) -> String {
    let (from, until) = (Timestamp::now(), Timestamp::now() + (13 * 24).hours());
    format!("/Slot?status=free&_include=Slot:schedule&start=ge{from}&end=le{until}{more}")
}

/// The slots that a token's bearer gets to see.
async fn slots(provider: &Demonstrator, token: &str, more: &str) -> Vec<Value> {
    let answer = provider.get(&search(more), token).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let bundle: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let entries = bundle["entry"].as_array().unwrap().iter();
    let found: Vec<_> =
        entries.map(|entry| entry["resource"].clone()).filter(|it| it["resourceType"] == "Slot").collect();
    assert_eq!(bundle["total"], found.len());
    found
}

fn appointment(slot: &Value) -> Value {
    json!({
        "resourceType": "Appointment", "status": "booked", "start": slot["start"], "end": slot["end"],
        "slot": [{ "reference": format!("Slot/{}", slot["id"].as_str().unwrap()) }],
    })
}

/// Status and body.
async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

fn code(outcome: &Value) -> &str {
    assert_eq!(outcome["resourceType"], "OperationOutcome", "{outcome}");
    assert!(outcome["id"].is_string() && outcome["issue"][0]["diagnostics"].is_string(), "{outcome}");
    outcome["issue"][0]["details"]["coding"][0]["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_slot_is_seen_and_booked_by_whom_it_is_meant_for_whatever_a_search_filter_says() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let provider = Demonstrator::start(&dev, &[]).await;
    let tokens = provider.tokens().await;
    let (urgent, practice) = (&tokens["TOKEN"], &tokens["PRACTICE"]);

    let (of_urgent, of_practice) = (slots(&provider, urgent, "").await, slots(&provider, practice, "").await);
    assert!(of_practice.len() < of_urgent.len() && !of_practice.is_empty());
    let claims = [
        "&searchFilter=https://fhir.nhs.uk/STU3/CodeSystem/GPConnect-OrganisationType-1%7Curgent-care",
        "&searchFilter=https://fhir.nhs.uk/Id/ods-organization-code%7CA1001",
    ];
    assert_eq!(slots(&provider, practice, &claims.concat()).await, of_practice);
    assert!(provider.log().contains("searchFilter"));
    let of_service = slots(&provider, urgent, "&schedule.actor:healthcareservice=124459850").await;
    assert_eq!(of_service.len() * 2, of_urgent.len());

    let hidden = of_urgent.iter().find(|slot| !of_practice.contains(slot)).unwrap();
    let none = json!({ "id": "no-such-slot", "start": hidden["start"], "end": hidden["end"] });
    let shared = of_urgent.iter().find(|slot| of_practice.contains(slot)).unwrap();
    assert_eq!(answer(provider.post("/Appointment", urgent, &appointment(shared))).await.0, 201);
    let mut told = Vec::new();
    for slot in [hidden, &none, shared] {
        let (status, outcome) = answer(provider.post("/Appointment", practice, &appointment(slot))).await;
        assert_eq!((status, code(&outcome)), (409, "FHIR_CONSTRAINT_VIOLATION"));
        told.push(outcome["issue"].clone());
    }
    assert!(told.windows(2).all(|two| two[0] == two[1]), "{told:?}"); // nothing tells a hidden slot from none
    assert!(!slots(&provider, urgent, "").await.contains(shared));
}

#[tokio::test]
async fn who_may_only_look_is_refused_a_booking_in_the_words_of_each_profile() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    for profile in ResponseProfile::ALL {
        let provider = Demonstrator::start(&dev, &["--profile", profile.name()]).await;
        let viewer = &provider.tokens().await["VIEWER"];
        let found = slots(&provider, viewer, "").await;
        let (status, outcome) = answer(provider.post("/Appointment", viewer, &appointment(&found[0]))).await;
        let expected = if profile == ResponseProfile::Bars { "REC_FORBIDDEN" } else { "ACCESS_DENIED" };
        assert_eq!((status, code(&outcome)), (403, expected), "{profile:?}");
        let unreadable = provider.get(&search(""), "no-token").send().await.unwrap();
        let expected = match profile {
            ResponseProfile::Rfc6750 | ResponseProfile::Bars => 401,
            ResponseProfile::NhsBooking => 403,
            _ => 400,
        };
        assert_eq!(unreadable.status(), expected, "{profile:?}");
    }
}

#[tokio::test]
async fn the_headers_of_the_ssp_must_agree_with_the_token() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let provider = Demonstrator::start(&dev, &["--ssp", "required"]).await;
    let token = &provider.tokens().await["TOKEN"];
    let consumer = dev.manifest()["consumers"].as_array().unwrap()[0]["asid"].as_str().unwrap().to_owned();
    let own = dev.manifest()["providers"][0]["asid"].as_str().unwrap().to_owned();
    let good = [
        ("ssp-from", consumer.as_str()),
        ("ssp-to", own.as_str()),
        ("ssp-traceid", "09a01679-2564-0fb4-5129-aecc81ea2706"),
        ("ssp-interactionid", "urn:nhs:names:services:careconnect:fhir:rest:search:slot"),
    ];
    let send = async |headers: [(&str, &str); 4]| {
        let request = provider.get(&search(""), token);
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value))
            .send()
            .await
            .unwrap()
            .status()
    };
    assert_eq!(send(good).await, StatusCode::OK);
    for (nth, value, expected) in [
        (0, "200000000299", StatusCode::UNAUTHORIZED),
        (1, consumer.as_str(), StatusCode::BAD_REQUEST),
        (2, "1", StatusCode::BAD_REQUEST),
        (3, "urn:nhs:names:services:careconnect:fhir:rest:create:appointment", StatusCode::BAD_REQUEST),
    ] {
        let mut headers = good;
        headers[nth].1 = value;
        assert_eq!(send(headers).await, expected, "{headers:?}");
    }
    assert_eq!(provider.get(&search(""), token).send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    assert!(provider.log().contains("trace_id"));
}

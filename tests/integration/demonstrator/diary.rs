//! Appointments and their versions, and what is none.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{answer, appointment, code, search, slots};
use crate::support::{demonstrator::Demonstrator, dev::Dev};

#[tokio::test]
async fn a_version_that_was_not_seen_is_never_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let provider = Demonstrator::start(&dev, &[]).await;
    let token = &provider.tokens().await["TOKEN"];
    let slot = &slots(&provider, token, "").await[0];

    let booked = provider.post("/Appointment", token, &appointment(slot)).send().await.unwrap();
    assert_eq!((booked.status(), &booked.headers()["etag"]), (StatusCode::CREATED, &"W/\"1\"".parse().unwrap()));
    let location = booked.headers()["location"].to_str().unwrap().to_owned();
    let path = location.strip_prefix(&dev.provider()).unwrap().strip_suffix("/_history/1").unwrap().to_owned();
    let mut resource: Value = serde_json::from_slice(&booked.bytes().await.unwrap()).unwrap();
    assert_eq!(resource["meta"]["versionId"], "1");

    resource["description"] = json!("Sore throat, and a cough");
    let update = |resource: &Value, version: &str| provider.put(&path, token, resource).header("if-match", version);
    let changed = update(&resource, "W/\"1\"").send().await.unwrap();
    assert_eq!((changed.status(), &changed.headers()["etag"]), (StatusCode::OK, &"W/\"2\"".parse().unwrap()));
    for (version, expected) in [("W/\"1\"", 409), ("W/\"3\"", 409), ("2", 400), ("*", 400)] {
        assert_eq!(answer(update(&resource, version)).await.0, expected, "{version}");
    }
    assert_eq!(answer(provider.put(&path, token, &resource)).await.0, 412);
    let mut moved = resource.clone();
    moved["slot"][0]["reference"] = json!("Slot/another");
    assert_eq!(answer(update(&moved, "W/\"2\"")).await.0, 422);

    resource["status"] = json!("cancelled");
    assert_eq!(answer(update(&resource, "W/\"2\"")).await.0, 200);
    assert_eq!(answer(provider.get(&path, token)).await.1["status"], "cancelled");
    assert_eq!(answer(provider.post("/Appointment", token, &appointment(slot))).await.0, 201); // it is free again
    let reset = reqwest::Client::new().post(format!("{}/reset", provider.address)).send().await.unwrap();
    assert_eq!(reset.status(), StatusCode::NO_CONTENT);
    assert_eq!(answer(provider.get(&path, token)).await.0, 404);
}

#[tokio::test]
async fn what_is_no_search_and_no_booking_is_told_so() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let provider = Demonstrator::start(&dev, &[]).await;
    let token = &provider.tokens().await["TOKEN"];
    let day = "start=ge2030-01-01&end=le2030-01-02";
    for (query, expected) in [
        (format!("{day}&_include=Slot:schedule"), 422),
        (format!("{day}&status=busy&_include=Slot:schedule"), 422),
        (format!("{day}&status=free"), 422),
        ("start=ge2030-01-01&status=free&_include=Slot:schedule".to_owned(), 422),
        ("start=2030-01-01&end=le2030-01-02&status=free&_include=Slot:schedule".to_owned(), 422),
        ("start=ge2030-01-02&end=le2030-01-01T00:00:00Z&status=free&_include=Slot:schedule".to_owned(), 422),
        ("start=ge2030-01-01&end=le2030-01-20&status=free&_include=Slot:schedule".to_owned(), 422),
        ("start=ge2030-01-01T09:00:00&end=le2030-01-02&status=free&_include=Slot:schedule".to_owned(), 422),
        (format!("{day}&start=ge2030-01-01&status=free&_include=Slot:schedule"), 422),
        (format!("{day}&status=free&_include=Slot:schedule"), 200), // nothing is found, and it is said why
        ("start=ge2030-01-01T09:00:00+00:00&end=le2030-01-02&status=free&_include=Slot:schedule".to_owned(), 200),
    ] {
        let (status, resource) = answer(provider.get(&format!("/Slot?{query}"), token)).await;
        assert_eq!(status, expected, "{query}");
        assert!(resource.to_string().contains("OperationOutcome"), "{query}");
    }
    let found = answer(provider.get(&search("&_include:recurse=Schedule:actor:Location"), token)).await.1.to_string();
    for (included, expected) in [("Schedule", true), ("Location", true), ("Practitioner", false)] {
        assert_eq!(found.contains(&format!("\"resourceType\":\"{included}\"")), expected, "{included}");
    }
    let slot = &slots(&provider, token, "").await[0];
    for (member, value) in
        [("resourceType", json!("Slot")), ("status", json!("proposed")), ("slot", json!([])), ("start", json!(1))]
    {
        let mut body = appointment(slot);
        body[member] = value;
        let (status, outcome) = answer(provider.post("/Appointment", token, &body)).await;
        assert_eq!((status, code(&outcome)), (422, "INVALID_RESOURCE"), "{member}");
    }
    let post = || provider.post("/Appointment", token, &json!([]));
    assert_eq!(answer(post()).await.0, 400);
    assert_eq!(answer(post().body("{")).await.0, 400);
    let xml = reqwest::Client::new().post(format!("{}/Appointment", provider.base)).bearer_auth(token);
    assert_eq!(xml.header("content-type", "application/fhir+xml").body("<x/>").send().await.unwrap().status(), 415);
    let statement = answer(provider.get("/metadata", token)).await.1;
    assert_eq!(
        (&statement["resourceType"], &statement["fhirVersion"]),
        (&json!("CapabilityStatement"), &json!("3.0.1"))
    );
}

//! The provider demonstrator, and requests to copy from its page, against a `dev` server.

use std::process::Command;

use base64::{Engine, engine::general_purpose::STANDARD};
use careconnect_verifier::ResponseProfile;
use jiff::{Timestamp, ToSpan};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    demonstrator::{Demonstrator, blocks},
    dev::Dev,
    foreign::{alone, said},
};

const SCRIPT: &str = include_str!("../../verifier/examples/provider_demonstrator/decoder.js");

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
async fn every_request_on_the_index_page_gets_the_status_that_stands_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let provider = Demonstrator::start(&dev, &[]).await;
    let page = provider.page().await.text().await.unwrap();
    let blocks = blocks(&page);
    let lines: Vec<_> = blocks.iter().map(|(_, lines)| format!("{lines}\necho; echo '== next'\n")).collect();
    let mut shell = alone(Command::new("sh"));
    shell.args(["-euc", &lines.concat()]).current_dir(directory.path());
    let said = said(shell);
    let answers: Vec<_> = said.split("== next\n").skip(1).collect();
    assert_eq!(answers.len(), blocks.len());
    assert!(blocks.len() > 20);
    for ((tag, lines), answer) in blocks[1..].iter().zip(answers) {
        let status = tag.strip_prefix("data-status=\"").unwrap().trim_end_matches('"');
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{lines}\n{answer}\n{}", provider.log());
        let is_error = status.parse::<u16>().unwrap() >= 400;
        assert_eq!(answer.contains("OperationOutcome"), is_error, "{lines}\n{answer}");
    }
    let log = provider.log();
    assert!(!log.contains("eyJ"), "a token is in the log");
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

#[tokio::test]
async fn a_token_cannot_leave_the_index_page() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let provider = Demonstrator::start(&dev, &[]).await;
    let page = provider.page().await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    let hash = |text: &str| STANDARD.encode(careconnect_auth::crypto::sha256(text.as_bytes()));
    let page = page.text().await.unwrap();
    let inside =
        |tag: &str| page.split_once(&format!("<{tag}>")).unwrap().1.split_once(&format!("</{tag}>")).unwrap().0;
    assert_eq!(inside("script"), SCRIPT);
    let expected = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        hash(SCRIPT),
        hash(inside("style"))
    );
    assert_eq!(policy, expected);
    assert!(
        !["fetch(", "XMLHttpRequest", "sendBeacon", "WebSocket", "innerHTML", "location", "Storage"]
            .iter()
            .any(|it| SCRIPT.contains(it))
    );
    let rebound =
        reqwest::Client::new().get(&provider.address).header("host", "attacker.example").send().await.unwrap();
    assert_eq!(rebound.status(), StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn the_decoder_of_the_index_page_explains_a_token() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let provider = Demonstrator::start(&dev, &[]).await;
    let tokens = provider.tokens().await;
    let here = json!({ "issuer": dev.manifest()["issuer"], "audience": dev.provider() });
    let program = format!(
        "globalThis.document = {{ getElementById: () => ({{ addEventListener() {{}} }}) }};\n{SCRIPT}\n\
         for (const token of process.argv.slice(1)) console.log(JSON.stringify(explain(token, {here}, Date.now() / 1000)));"
    );
    let mut node = alone(Command::new("node"));
    node.args(["--eval", &program, "--"]).arg(format!("Bearer {}\n", tokens["TOKEN"])).arg(&tokens["ELSEWHERE"]);
    let said = said(node);
    let explained: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let row = |nth: usize, name: &str| {
        explained[nth].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone()
    };
    assert_eq!((&row(0, "ods_code")["value"], &row(0, "org_type")["value"]), (&json!("A1001"), &json!("urgent-care")));
    assert!(explained[0].as_array().unwrap().iter().all(|row| row["wrong"] == "" && row["meaning"] != ""), "{said}");
    assert_eq!(row(1, "aud")["wrong"], format!("this provider is {}", dev.provider()));
}

//! What every change has in common: who may make it, how it is sent, and on which state it was decided.

use std::time::Duration;

use careconnect_auth::domain::{EntityTag, Role};
use reqwest::Method;
use serde_json::json;

use super::frame::{Scene, thing};
use crate::support::log::Log;

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_change_needs_its_role_and_whoever_lacks_it_is_told_which() {
    // R49
    let scene = Scene::new().await;
    let (create, confirm) = ("/things", "/things/1/confirmation");
    for (role, path, status) in [
        (Role::Viewer, create, 403),
        (Role::Approver, create, 403),
        (Role::Editor, create, 201),
        (Role::Viewer, confirm, 403),
        (Role::Editor, confirm, 403),
        (Role::Approver, confirm, 200),
    ] {
        let answer = scene.send(role, Method::POST, path, &[JSON], br#"{"name":"x"}"#).await;
        assert_eq!(answer.status, status, "{role} {path}: {}", answer.body);
        assert_eq!(scene.send(role, Method::GET, "/things", &[], b"").await.status, 200);
    }
    let answer = scene.send(Role::Viewer, Method::POST, create, &[], b"not even JSON").await;
    assert_eq!(answer.problem(403), ("not-permitted", "this needs the role editor; you have viewer"));
    let answer = scene.send(Role::Editor, Method::POST, create, &[JSON], br#"{"name":"x"}"#).await;
    assert_eq!(answer.body["by"], "Ed Editor");
    assert_eq!(answer.header("location"), "/admin/v1/things/1");
}

#[tokio::test]
async fn a_body_that_two_readers_could_take_for_two_things_is_refused() {
    let scene = Scene::new().await;
    let utf_16: Vec<u8> = "\u{feff}{\"name\":\"x\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let deep = format!("{{\"name\":{}{}}}", "[".repeat(65), "]".repeat(65));
    for body in [
        &b"not JSON"[..],
        b"",
        b"{",
        b"{\"name\":NaN}",
        b"{\"name\":\"x\",\"size\":1e999}",
        b"{\"name\":\"x\",\"name\":\"y\"}",
        b"{\"name\":\"x\"}{}",
        b"\xef\xbb\xbf{\"name\":\"x\"}",
        b"{\"name\":\"\xff\"}",
        &utf_16,
        deep.as_bytes(),
    ] {
        let answer = scene.post("/things", body).await;
        let shown = String::from_utf8_lossy(body);
        assert_eq!(answer.problem(400).0, "malformed", "{shown}");
        assert!(answer.problem(400).1.contains("line 1, column "), "{shown}: {}", answer.body);
    }
    for (body, faults) in [
        (&b"\"text\""[..], vec![""]),
        (b"[]", vec![""]),
        (b"null", vec![""]),
        (b"{\"size\":256,\"is_admin\":true}", vec!["/is_admin", "/name", "/size"]),
        (b"{\"name\":1,\"size\":\"1\"}", vec!["/name", "/size"]),
    ] {
        let answer = scene.post("/things", body).await;
        assert_eq!(answer.problem(422).0, "invalid");
        assert_eq!(answer.faults().into_iter().collect::<Vec<_>>(), faults, "{}", answer.body);
    }
}

#[tokio::test]
async fn a_body_of_another_type_or_length_is_refused() {
    // R54
    let scene = Scene::new().await;
    let body = br#"{"name":"x"}"#;
    for headers in [
        &[][..],
        &[("content-type", "text/plain")],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "application/json; charset=utf-16")],
        &[("content-type", "application/merge-patch+json")],
        &[JSON, JSON],
        &[JSON, ("content-encoding", "gzip")],
    ] {
        let answer = scene.send(Role::Editor, Method::POST, "/things", headers, body).await;
        assert_eq!(answer.problem(415).0, "unsupported-media-type", "{headers:?}");
    }
    let charset = [("content-type", "Application/JSON; charset=\"UTF-8\"")];
    assert_eq!(scene.send(Role::Editor, Method::POST, "/things", &charset, body).await.status, 201);
    let padded = |length: usize| [&body[..], " ".repeat(length - body.len()).as_bytes()].concat();
    assert_eq!(scene.post("/things", &padded(1024 * 1024)).await.status, 201);
    assert_eq!(scene.post("/things", &padded(1024 * 1024 + 1)).await.problem(413).0, "body-too-large");
}

#[tokio::test]
async fn an_update_is_made_on_the_state_that_it_was_decided_on_and_on_no_other() {
    let scene = Scene::new().await;
    let (now, patch) = (EntityTag::of(&thing()), br#"{"size":null}"#);
    let send = async |headers: &[(&str, &str)]| {
        let headers = [&[("content-type", "application/merge-patch+json")], headers].concat();
        scene.send(Role::Editor, Method::PATCH, "/things/1", &headers, patch).await
    };
    assert_eq!(send(&[]).await.problem(428).0, "precondition-required");
    for stale in ["\"other\"", &format!("W/{now}")] {
        let answer = send(&[("if-match", stale)]).await;
        assert_eq!(answer.problem(412).0, "precondition-failed");
        assert_eq!(answer.header("etag"), now.as_str());
    }
    for nonsense in ["other", "\"other", "*, \"a\""] {
        assert!(send(&[("if-match", nonsense)]).await.problem(400).1.starts_with("If-Match: expected"));
    }
    for good in [now.as_str(), "*", &format!("\"other\", {now}")] {
        let answer = send(&[("if-match", good)]).await;
        assert_eq!((answer.status, &answer.body), (200, &json!({ "name": "one" })));
        assert_eq!(answer.header("etag"), EntityTag::of(&answer.body).as_str());
    }
    let answer = scene.send(Role::Editor, Method::PATCH, "/things/1", &[("if-match", "*")], patch).await;
    answer.problem(415);
    assert_eq!(answer.header("accept-patch"), "application/merge-patch+json");
}

#[tokio::test]
async fn a_key_for_repetition_goes_with_what_the_request_was() {
    let scene = Scene::new().await;
    let send = async |keys: &[&str], body: &str| {
        let mut headers = vec![JSON];
        headers.extend(keys.iter().map(|key| ("idempotency-key", *key)));
        scene.send(Role::Editor, Method::POST, "/things", &headers, body.as_bytes()).await
    };
    let [one, same, other] = [r#"{"name":"x"}"#, r#" {"name": "x"} "#, r#"{"name":"y"}"#];
    let (one, same, other) = (send(&["k"], one).await, send(&["k"], same).await, send(&["k"], other).await);
    assert_eq!(one.body["key"][0], "k");
    assert_eq!(one.body["key"], same.body["key"]);
    assert_ne!(one.body["key"], other.body["key"]);
    assert!(send(&[], "{\"name\":\"x\"}").await.body["key"].is_null());
    let long = "k".repeat(256);
    for keys in [&[""][..], &["a b"], &["k", "k"], &[long.as_str()]] {
        assert!(send(keys, "{\"name\":\"x\"}").await.problem(400).1.starts_with("Idempotency-Key: "), "{keys:?}");
    }
}

#[tokio::test]
async fn every_refused_change_is_written_down_with_who_tried_it() {
    let (log, scene) = (Log::capture(), Scene::new().await);
    scene.send(Role::Viewer, Method::POST, "/things", &[], b"").await.problem(403);
    scene.post("/things", b"{}").await.problem(422);
    scene.send(Role::Editor, Method::DELETE, "/no-such-thing", &[], b"").await.problem(404);
    scene.post("/panic", b"{}").await.problem(500);
    scene.send(Role::Editor, Method::GET, "/no-such-thing", &[], b"").await.problem(404);
    let text = log.text();
    let events = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let refused = events.filter(|event| event["fields"]["event"] == "admin_change_refused");
    let refused: Vec<_> =
        refused.map(|event| (event["fields"]["actor"].clone(), event["fields"]["status"].clone())).collect();
    assert_eq!(
        json!(refused),
        json!([["Vera Viewer", 403], ["Ed Editor", 422], ["Ed Editor", 404], ["Ed Editor", 500]])
    );
    let audit = scene.database().read_audit(0, 10).await.unwrap();
    let audit: Vec<serde_json::Value> =
        audit.iter().map(|record| serde_json::from_str(&record.record).unwrap()).collect();
    let audit: Vec<_> = audit
        .iter()
        .map(|record| json!([record["actor"]["name"], record["action"], record["outcome"], record["refusal"]]))
        .collect();
    let expected = json!([
        ["Vera Viewer", "POST /things", "refused", "403: this needs the role editor; you have viewer"],
        [
            "Ed Editor",
            "POST /things",
            "refused",
            "422: some members of the body are wrong: see errors; /name: it is missing"
        ],
        ["Ed Editor", "DELETE of nothing", "refused", "404: there is nothing at this path: see openapi.yaml"],
        ["Ed Editor", "POST /panic", "refused", "500: the server failed; the operator sees why in its log"],
    ]);
    assert_eq!(json!(audit), expected);
}

#[tokio::test]
async fn a_change_that_fails_or_takes_too_long_says_so_and_no_more() {
    // R55
    let (log, scene) = (Log::capture(), Scene::with_time(Duration::from_millis(300)).await);
    let answer = scene.post("/panic", b"").await;
    assert_eq!(answer.problem(500), ("internal-error", "the server failed; the operator sees why in its log"));
    assert!(log.text().contains("a bug of ours"), "{}", log.text());
    assert_eq!(scene.post("/slow", b"").await.problem(408).0, "request-timeout");
}

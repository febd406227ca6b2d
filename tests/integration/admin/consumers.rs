//! Consumers: registered, found, changed, suspended and retired.

use careconnect_auth::domain::Role;
use careconnect_verifier::Group;
use reqwest::Method;
use serde_json::{Value, json};

use super::registering::{actions, audit, items, patch, registered, registration, with_headers};
use crate::support::test_server::TestServer;

#[tokio::test]
async fn a_consumer_is_registered_read_changed_suspended_and_retired() {
    let server = TestServer::start().await;
    let admin = server.admin_as(Role::Editor);
    let made = admin.post("/consumers", &registration(&[Group::READ_SLOT])).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let (body, path) = (made.json(), made.header("location").strip_prefix("/admin/v1").unwrap().to_owned());
    assert_eq!(
        (body["consumer"]["ods_code"].as_str(), body["consumer"]["status"].as_str()),
        (Some("A1001"), Some("active"))
    );
    assert_eq!((body["assurances"].as_array().unwrap().len(), &body["proposals"]), (4, &json!([])));
    let read = admin.get(&path).await;
    assert_eq!((read.json(), read.header("etag")), (body["consumer"].clone(), made.header("etag")));
    let known = admin.send(Method::GET, &path, |request| request.header("if-none-match", made.header("etag"))).await;
    assert_eq!(known.status, 304);

    let renamed = admin.patch(&path, made.header("etag"), &json!({"name": "Hub", "product": null})).await;
    assert_eq!((&renamed.json()["name"], &renamed.json()["product"]), (&json!("Hub"), &Value::Null));
    assert_eq!(admin.get(&path).await.header("etag"), renamed.header("etag"));
    for (status, expected) in
        [("suspended", 200), ("active", 200), ("suspended", 200), ("retired", 200), ("active", 409)]
    {
        let answer = patch(&admin, &path, &json!({"status": status, "reason": "INC-1"})).await;
        assert_eq!(answer.status, expected, "{status}: {}", answer.text());
    }
    let (last, retired) = (admin.get(&path).await.json(), "2027-01-15T08:00:00Z");
    assert_eq!((last["status"].as_str(), last["retired_at"].as_str()), (Some("retired"), Some(retired)));
    let expected = [
        "consumer.registered",
        "assurance.given",
        "assurance.given",
        "assurance.given",
        "assurance.given",
        "consumer.changed",
        "consumer.suspended",
        "consumer.resumed",
        "consumer.suspended",
        "consumer.retired",
        "PATCH /consumers/{client_id}",
    ];
    assert_eq!(actions(&server).await, expected);
    let refused = audit(&server).await.pop().unwrap();
    let client_id = path.rsplit_once('/').unwrap().1;
    assert_eq!(refused, ["Ed Editor", "PATCH /consumers/{client_id}", client_id, "refused"]);
}

#[tokio::test]
async fn a_change_of_what_its_author_has_not_seen_is_refused_with_the_tag_of_what_there_is() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let (path, _) = registered(&admin, &[]).await;
    let first = admin.get(&path).await.header("etag").to_owned();
    let second = admin.patch(&path, &first, &json!({"name": "Second"})).await;
    let stale = admin.patch(&path, &first, &json!({"name": "Third"})).await;
    assert_eq!((stale.problem(412), stale.header("etag")), ("precondition-failed".to_owned(), second.header("etag")));
    let blind = with_headers(&admin, Method::PATCH, &path, &[], &json!({"name": "Third"})).await;
    assert_eq!(blind.problem(428), "precondition-required");
    assert_eq!(admin.get(&path).await.json()["name"], "Second");
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once_and_nothing_is_changed() {
    // R50, R3
    let server = TestServer::start().await;
    let admin = server.admin();
    let wrong = json!({
        "name": "", "asid": "12", "ods_code": "", "organisation_type": "Urgent", "supplier_ods_code": 7, "party_key": "x",
        "requests_per_minute": -1, "status": "suspended", "groups": ["*", "urn:nhs:a:b"], "is_admin": true,
        "credentials": [{"kind": "secret"}, {"kind": "san_dns", "value": "*.nhs.uk", "x": 1}],
    });
    let answer = admin.post("/consumers", &wrong).await;
    assert_eq!(answer.problem(422), "invalid");
    let mut faults = answer.faults();
    faults.sort_unstable();
    let expected = [
        "/asid",
        "/credentials/0/value",
        "/credentials/1/value",
        "/credentials/1/x",
        "/evidence",
        "/groups/0",
        "/is_admin",
        "/name",
        "/ods_code",
        "/organisation_type",
        "/party_key",
        "/reason",
        "/requests_per_minute",
        "/status",
        "/supplier_ods_code",
    ];
    assert_eq!(faults, expected);
    let (path, _) = registered(&admin, &[]).await;
    let answer =
        patch(&admin, &path, &json!({"asid": null, "status": "gone", "client_id": "x", "nonsense": null})).await;
    let mut faults = answer.faults();
    faults.sort_unstable();
    assert_eq!(
        (answer.problem(422).as_str(), faults),
        ("invalid", ["/asid", "/client_id", "/nonsense", "/status"].map(str::to_owned).into())
    );
    assert_eq!(actions(&server).await, ["POST /consumers", "consumer.registered", "PATCH /consumers/{client_id}"]);
}

#[tokio::test]
async fn what_the_body_names_and_is_not_registered_is_wrong_there() {
    // R50
    let server = TestServer::start().await;
    let admin = server.admin();
    for (name, value, pointer) in [
        ("groups", json!([Group::READ_SLOT, "urn:nhs:unknown:group"]), "/groups/1"),
        ("groups", json!("urn:nhs:unknown:group"), "/groups"),
        ("groups", json!(["*"]), "/groups/0"),
        ("organisation_type", json!("pharmacy"), "/organisation_type"),
        ("ods_code", json!("Ａ83008"), "/ods_code"),
        ("ods_code", json!("A1 01"), "/ods_code"),
        ("ods_code", json!("A".repeat(10_000)), "/ods_code"),
        ("ods_code", json!(83008), "/ods_code"),
    ] {
        let mut body = registration(&[Group::READ_SLOT]);
        body[name] = value;
        let answer = admin.post("/consumers", &body).await;
        assert_eq!(
            (answer.problem(422).as_str(), answer.faults()),
            ("invalid", vec![pointer.to_owned()]),
            "{}",
            answer.text()
        );
        assert!(answer.text().len() < 1_000, "{}", answer.text());
    }
    assert_eq!(items(&admin.get("/consumers").await), Vec::<Value>::new());
    let (path, _) = registered(&admin, &[]).await;
    let answer = patch(&admin, &path, &json!({"organisation_type": "pharmacy"})).await;
    assert_eq!((answer.problem(422).as_str(), answer.faults()), ("invalid", vec!["/organisation_type".to_owned()]));
}

#[tokio::test]
async fn an_asid_of_another_organisation_and_a_client_id_that_is_taken_are_refused() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let (path, _) = registered(&admin, &[]).await;
    let mut other = registration(&[]);
    other["ods_code"] = "B2002".into();
    let answer = admin.post("/consumers", &other).await;
    assert_eq!(answer.problem(409), "conflict");
    assert!(answer.text().contains("A1001") && answer.text().contains("Example 111"), "{}", answer.text());
    let mut same = registration(&[]);
    same["client_id"] = path.rsplit_once('/').unwrap().1.into();
    assert_eq!(admin.post("/consumers", &same).await.problem(409), "conflict");
}

#[tokio::test]
async fn a_path_that_names_nothing_answers_404() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let long = "x".repeat(5_000);
    for id in [
        "'%20OR%201=1--",
        "..%2f..%2fetc%2fpasswd",
        &long,
        "%C3%A9",
        "%25",
        "*",
        "%0a%0d",
        "%7B%7D",
        "%s%n",
        "none",
        "%00",
    ] {
        for path in [
            format!("/consumers/{id}"),
            format!("/consumers/{id}/groups"),
            format!("/consumers/{id}/credentials"),
            format!("/consumers/{id}/credentials/{id}"),
            format!("/assurances/{id}/SUP1"),
            format!("/assurances/supplier/{id}"),
            format!("/assurances/supplier/SUP1/{id}"),
            format!("/proposals/{id}"),
        ] {
            let status = admin.get(&path).await.status.as_u16();
            assert!(status == 404 || (id == "%s%n" && status == 400), "{status} {path}");
        }
        let answer = patch(&admin, &format!("/consumers/{id}"), &json!({"name": "x"})).await;
        assert!([400, 404].contains(&answer.status.as_u16()), "{id}: {}", answer.status);
    }
}

#[tokio::test]
async fn viewers_and_approvers_change_nothing_and_what_they_tried_is_in_the_audit() {
    // R49
    let server = TestServer::start().await;
    let (path, _) = registered(&server.admin_as(Role::Editor), &[]).await;
    for role in [Role::Viewer, Role::Approver] {
        let admin = server.admin_as(role);
        assert_eq!(admin.post("/consumers", &registration(&[])).await.problem(403), "not-permitted");
        assert_eq!(patch(&admin, &path, &json!({"status": "retired"})).await.problem(403), "not-permitted");
        assert_eq!(admin.get(&path).await.json()["status"], "active");
    }
    let tried = audit(&server).await.into_iter().filter(|[.., outcome]| outcome == "refused");
    let tried: Vec<String> = tried.map(|[actor, action, ..]| format!("{actor}: {action}")).collect();
    let both = ["POST /consumers", "PATCH /consumers/{client_id}"];
    let expected = ["Vera Viewer", "Ann Approver"].map(|name| both.map(|action| format!("{name}: {action}"))).concat();
    assert_eq!(tried, expected);
}

//! Providers by the admin API, and what their switches do to tokens.

use careconnect_auth::{domain::Role, http::admin::BASE};
use careconnect_verifier::{Group, KNOWN_GROUPS};
use serde_json::{Value, json};

use crate::support::{
    admin::Admin,
    requests::Answer,
    test_server::{ROOT, TestServer, consumer},
};

const ASID: &str = "200000000359";

fn new_provider() -> Value {
    let groups: Vec<_> = KNOWN_GROUPS.iter().map(|known| known.group.clone()).collect();
    json!({
        "asid": ASID, "ods_code": "a20047", "name": "Example practice", "service_root": ROOT, "groups": groups,
        "reason": "Contract 2027-14",
    })
}

async fn registered(admin: &Admin) -> Answer {
    let answer = admin.post("/providers", &new_provider()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer
}

/// Patches what is there, whatever it is.
async fn patch(admin: &Admin, path: &str, patch: Value) -> Answer {
    let answer = admin.patch(path, "*", &patch).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

async fn newest_record(admin: &Admin) -> Value {
    admin.get("/audit?limit=1").await.json()["items"][0].clone()
}

#[tokio::test]
async fn a_provider_is_registered_read_changed_and_retired() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let made = registered(&admin).await;
    let path = format!("/providers/{ASID}");
    assert_eq!(made.header("location"), format!("{BASE}{path}"));
    let read = admin.get(&path).await;
    assert_eq!((read.json(), read.header("etag")), (made.json(), made.header("etag")));
    let provider = read.json();
    assert_eq!((&provider["ods_code"], &provider["signing_algorithm"]), (&"A20047".into(), &"ES256".into()));
    assert_eq!((&provider["token_lifetime_seconds"], &provider["status"]), (&300.into(), &"active".into()));

    let change = json!({
        "name": "Renamed", "service_root": "https://other.nhs.uk/STU3", "signing_algorithm": "ES384",
        "token_lifetime_seconds": 60, "certificate_bound": true, "claims_profile": "entra", "ods_code": "A20048",
        "groups": [{ "group": Group::READ_SLOT, "organisation_types": ["urgent-care"], "asids": ["200000000205"] }],
        "reason": "They moved",
    });
    let changed = admin.patch(&path, made.header("etag"), &change).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    for name in ["name", "service_root", "signing_algorithm", "token_lifetime_seconds", "certificate_bound"] {
        assert_eq!(changed.json()[name], change[name]);
    }
    assert_eq!(changed.json()["groups"].as_array().unwrap().len(), 1);
    assert_eq!(admin.get(&path).await.json(), changed.json());
    let record = newest_record(&admin).await;
    assert_eq!((&record["action"], &record["reason"]), (&"provider.changed".into(), &"They moved".into()));
    assert_eq!((&record["before"], &record["after"]), (&made.json(), &changed.json()));
    assert_eq!((&record["actor"], &record["outcome"]), (&json!({ "name": "Root", "via": "api" }), &"done".into()));
    assert_eq!(record["trace_id"], changed.header("x-trace-id"));

    let stale = admin.patch(&path, made.header("etag"), &json!({ "name": "Old" })).await;
    assert_eq!((stale.problem(412).as_str(), stale.header("etag")), ("precondition-failed", changed.header("etag")));
    let unsaid = admin.send(reqwest::Method::PATCH, &path, |request| request.json(&json!({ "name": "Old" }))).await;
    assert_eq!(unsaid.problem(428), "precondition-required");

    patch(&admin, &path, json!({ "status": "retired" })).await;
    assert_eq!(admin.patch(&path, "*", &json!({ "status": "active" })).await.problem(409), "conflict");
    assert_eq!(newest_record(&admin).await["outcome"], "refused");
}

#[tokio::test]
async fn all_that_is_wrong_with_a_provider_is_said_at_once() {
    // R50
    let server = TestServer::start().await;
    let admin = server.admin();
    let answer = admin.post("/providers", &json!({
        "asid": "12", "ods_code": "", "service_root": "ftp://a", "signing_algorithm": "HS256", "token_lifetime_seconds": 3601,
        "certificate_bound": "yes", "claims_profile": "x", "status": "on", "reason": "", "is_admin": true,
        "groups": [
            "urn:unknown:group",
            { "group": "urn:unknown:other", "organisation_types": ["no-such-type"], "ods_codes": ["?"], "sort": 1 },
        ],
    })).await;
    assert_eq!(answer.problem(422), "invalid");
    let mut faults = answer.faults();
    faults.sort_unstable();
    assert_eq!(
        faults,
        [
            "/asid",
            "/certificate_bound",
            "/claims_profile",
            "/groups/0",
            "/groups/1/group",
            "/groups/1/ods_codes/0",
            "/groups/1/organisation_types/0",
            "/groups/1/sort",
            "/is_admin",
            "/name",
            "/ods_code",
            "/reason",
            "/service_root",
            "/signing_algorithm",
            "/status",
            "/token_lifetime_seconds",
        ]
    );
    let made = registered(&admin).await;
    let path = format!("/providers/{ASID}");
    for (change, fault) in [
        (json!({ "asid": "200000000360" }), "/asid"),
        (json!({ "name": null }), "/name"),
        (json!({ "no_such_member": null }), "/no_such_member"),
        (json!({ "groups": ["urn:unknown:group"] }), "/groups/0"),
        (json!({ "created_at": "2027-01-01T00:00:00Z" }), "/created_at"),
        (json!("suspended"), ""),
    ] {
        let answer = admin.patch(&path, "*", &change).await;
        assert_eq!((answer.problem(422).as_str(), answer.faults()), ("invalid", vec![fault.to_owned()]), "{change}");
    }
    assert_eq!(admin.get(&path).await.header("etag"), made.header("etag"), "nothing was changed");
    assert_eq!(admin.post("/providers", &new_provider()).await.problem(409), "conflict");
    let suspended = json!({ "status": "suspended", "asid": "200000000360" });
    assert!(admin.post("/providers", &suspended).await.problem(422) == "invalid");
}

#[tokio::test]
async fn an_algorithm_that_nobody_can_sign_with_is_refused() {
    let server = TestServer::start().await;
    let usable = server.running.app.keys.algorithms();
    let admin = server.admin();
    for algorithm in ["ES256", "RS256", "PS256", "ES384", "EdDSA"] {
        let mut provider = new_provider();
        provider["signing_algorithm"] = algorithm.into();
        let can_sign = usable.iter().any(|known| known.to_string() == algorithm);
        let answer = admin.post("/providers", &provider).await;
        let expected = if can_sign { [201, 409].contains(&answer.status.as_u16()) } else { answer.status == 422 };
        assert!(expected, "{algorithm}: {}", answer.text());
    }
}

#[tokio::test]
async fn who_may_not_change_providers_may_read_them() {
    // R49
    let server = TestServer::start().await;
    registered(&server.admin_as(Role::Editor)).await;
    let path = format!("/providers/{ASID}");
    for role in [Role::Viewer, Role::Approver] {
        let admin = server.admin_as(role);
        assert_eq!(admin.get(&path).await.status, 200);
        assert_eq!(admin.get("/providers").await.status, 200);
        assert_eq!(admin.post("/providers", &new_provider()).await.problem(403), "not-permitted");
        assert_eq!(admin.patch(&path, "*", &json!({ "status": "suspended" })).await.problem(403), "not-permitted");
    }
    assert_eq!(server.admin_with(None).get(&path).await.problem(401), "not-authenticated");
    assert_eq!(server.admin().get(&path).await.json()["status"], "active");
}

#[tokio::test]
async fn providers_are_found_by_what_is_known_of_them_page_by_page() {
    let server = TestServer::start().await;
    let admin = server.admin();
    for number in 0..5 {
        let mut provider = new_provider();
        provider["asid"] = format!("20000000000{number}").into();
        provider["name"] = format!("Surgery {number}").into();
        provider["service_root"] = format!("https://provider{number}.nhs.uk/STU3").into();
        assert_eq!(admin.post("/providers", &provider).await.status, 201);
    }
    let suspend = json!({ "status": "suspended", "groups": [] });
    patch(&admin, "/providers/200000000003", suspend).await;
    let found = async |query: &str| {
        let items = admin.get(&format!("/providers?{query}")).await.json()["items"].clone();
        let last = |item: &Value| item["asid"].as_str().unwrap()[11..].to_owned();
        items.as_array().unwrap().iter().map(last).collect::<String>()
    };
    assert_eq!(found("").await, "01234");
    assert_eq!(found("status=suspended").await, "3");
    assert_eq!(found("name=sURGERY%204").await, "4");
    assert_eq!(found("asid=200000000001&ods_code=a20047").await, "1");
    assert_eq!(found("asid=200000000001&status=retired").await, "");
    assert_eq!(found(&format!("group={}", Group::READ_SLOT)).await, "0124");
    let (mut seen, mut next) = (String::new(), "limit=2".to_owned());
    loop {
        let page = admin.get(&format!("/providers?{next}")).await.json();
        seen += &page["items"].as_array().unwrap().len().to_string();
        let Some(cursor) = page["next"].as_str() else { break };
        next = format!("limit=2&cursor={cursor}");
    }
    assert_eq!(seen, "221");
    for query in ["asid=12", "status=on", "group=x", "limit=0", "cursor=%2B", "colour=red", "asid="] {
        assert_eq!(admin.get(&format!("/providers?{query}")).await.problem(400), "malformed");
    }
    for path in ["/providers/12", "/providers/200000000009"] {
        assert_eq!(admin.get(path).await.problem(404), "not-found");
        assert_eq!(admin.patch(path, "*", &json!({})).await.problem(404), "not-found");
    }
}

#[tokio::test]
async fn each_switch_takes_effect_on_the_next_token_and_so_does_its_return() {
    let server = TestServer::start().await;
    let admin = server.admin();
    registered(&admin).await;
    let consumer = server.register(consumer()).await;
    let provider = format!("/providers/{ASID}");
    let group = format!("/groups/{}", Group::READ_SLOT);
    let asked = async || {
        server.caught_up().await;
        server.token_by_secret(&consumer).field("scope", Group::READ_SLOT.as_str()).send().await
    };
    let honoured = |more: Value| {
        let mut group = json!({ "group": Group::READ_SLOT });
        group.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "groups": [group, Group::READ_APPOINTMENT] })
    };
    for (path, off, on) in [
        (&provider, json!({ "status": "suspended" }), json!({ "status": "active" })),
        (&group, json!({ "status": "suspended" }), json!({ "status": "active" })),
        (&provider, honoured(json!({ "suspended": true })), honoured(json!({ "suspended": false }))),
        (
            &provider,
            honoured(json!({ "organisation_types": ["gp-practice"] })),
            honoured(json!({ "organisation_types": ["urgent-care"] })),
        ),
        (&provider, honoured(json!({ "ods_codes": ["X1"] })), honoured(json!({ "ods_codes": ["A1001"] }))),
        (&provider, honoured(json!({ "asids": ["200000000999"] })), honoured(json!({ "asids": ["200000000205"] }))),
        (&provider, json!({ "groups": [Group::READ_APPOINTMENT] }), honoured(json!({}))),
    ] {
        patch(&admin, path, on.clone()).await;
        asked().await.token();
        patch(&admin, path, off.clone()).await;
        assert_ne!(asked().await.status, 200, "{off}");
        patch(&admin, path, on).await;
        asked().await.token();
    }
}

#[tokio::test]
async fn what_is_sent_twice_with_one_key_is_done_once() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let send = async |body: &Value| {
        admin
            .send(reqwest::Method::POST, "/providers", |request| request.header("idempotency-key", "k1").json(body))
            .await
    };
    let (first, second) = (send(&new_provider()).await, send(&new_provider()).await);
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201));
    assert_eq!((first.json(), first.header("etag")), (second.json(), second.header("etag")));
    assert_eq!((first.header("idempotency-replayed"), second.header("idempotency-replayed")), ("", "true"));
    assert_eq!(first.header("location"), second.header("location"));
}

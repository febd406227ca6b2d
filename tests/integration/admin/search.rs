//! Consumers and assurances by what is known of them, page by page.

use careconnect_verifier::Group;
use serde_json::{Value, json};

use super::registering::{give, items, patch, registered, registration};
use crate::support::{admin::Admin, test_server::TestServer};

async fn names(admin: &Admin, query: &str) -> Vec<String> {
    let found = items(&admin.get(&format!("/consumers?{query}")).await);
    let mut names: Vec<String> = found.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    names.sort_unstable();
    names
}

async fn another(admin: &Admin, change: Value) -> String {
    let mut body = registration(&[]);
    for (name, value) in change.as_object().unwrap() {
        body[name] = value.clone();
    }
    let answer = admin.post("/consumers", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["consumer"]["client_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn consumers_are_found_by_what_is_known_of_them_at_once() {
    let server = TestServer::start().await;
    let admin = server.admin();
    registered(&admin, &[Group::READ_SLOT]).await;
    let other = json!({"name": "Hub", "asid": "200000000999", "ods_code": "B2002", "supplier_ods_code": "SUP2", "with_secret": false});
    let id = another(&admin, other).await;
    for (query, expected) in [
        ("", &["Example 111", "Hub"][..]),
        ("asid=200000000999", &["Hub"]),
        ("ods_code=b2002", &["Hub"]),
        ("supplier_ods_code=SUP1", &["Example 111"]),
        ("name=EXAMPLE", &["Example 111"]),
        ("name=%C3%A9", &[]),
        ("group=urn:nhs:names:services:careconnect:fhir:rest:read:slot", &["Example 111"]),
        ("status=active&name=u", &["Hub"]),
        ("status=retired", &[]),
        ("expires_before=2028-01-01T00:00:00Z", &[]),
    ] {
        assert_eq!(names(&admin, query).await, expected, "{query}");
    }
    let body = json!({"kind": "san_dns", "value": "a.nhs.uk", "ends_at": "2027-06-01T00:00:00Z"});
    assert_eq!(admin.post(&format!("/consumers/{id}/credentials"), &body).await.status, 201);
    assert_eq!(names(&admin, "expires_before=2028-01-01T00:00:00Z").await, ["Hub"]);
    patch(&admin, &format!("/consumers/{id}"), &json!({"status": "suspended"})).await;
    assert_eq!(names(&admin, "status=suspended").await, ["Hub"], "whoever changes something finds it changed");
    for (query, parameter) in [("asid=1", "asid"), ("status=gone", "status"), ("expires_before=soon", "expires_before")]
    {
        let answer = admin.get(&format!("/consumers?{query}")).await;
        assert_eq!((answer.problem(400).as_str(), answer.faults()), ("malformed", vec![parameter.to_owned()]));
    }
}

#[tokio::test]
async fn pages_skip_and_repeat_nothing_while_others_are_registered() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let named = |id: &str| json!({"client_id": id, "with_secret": false});
    for id in ["b", "d", "f", "h"] {
        another(&admin, named(id)).await;
    }
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let page = admin.get(&format!("/consumers?limit=2{cursor}")).await;
        seen.extend(items(&page).iter().map(|one| one["client_id"].as_str().unwrap().to_owned()));
        let Some(next) = page.json()["next"].as_str().map(str::to_owned) else { break };
        cursor = format!("&cursor={next}");
        for id in [["a", "e"], ["c", "g"]][usize::from(seen.len() > 2)] {
            another(&admin, named(id)).await;
        }
    }
    assert_eq!(seen, ["b", "d", "e", "f", "g", "h"]);
}

#[tokio::test]
async fn assurances_are_found_by_subject_group_status_and_end() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let (path, _) = registered(&admin, &[Group::READ_SLOT, Group::CREATE_APPOINTMENT]).await;
    let client_id = path.rsplit_once('/').unwrap().1;
    let body =
        json!({"evidence": "x", "reason": "y", "starts_at": "2027-03-01T00:00:00Z", "ends_at": "2027-04-01T00:00:00Z"});
    let made = give(&admin, &format!("/assurances/system/200000000999/{}", Group::READ_SLOT), &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    patch(&admin, &format!("/assurances/organisation/A1001/{}", Group::READ_SLOT), &json!({"status": "suspended"}))
        .await;
    for (query, expected) in [
        ("".to_owned(), 9),
        ("subject=service".to_owned(), 2),
        (format!("identifier={client_id}"), 2),
        ("identifier=sup1".to_owned(), 2),
        ("subject=supplier&identifier=sup1&group=urn:nhs:names:services:careconnect:fhir:rest:read:slot".to_owned(), 1),
        ("status=standing".to_owned(), 7),
        ("status=suspended".to_owned(), 1),
        ("status=future".to_owned(), 1),
        ("status=lapsed".to_owned(), 0),
        ("ends_before=2027-04-02T00:00:00Z".to_owned(), 1),
        ("ends_before=2027-04-01T00:00:00Z".to_owned(), 0),
    ] {
        assert_eq!(items(&admin.get(&format!("/assurances?{query}")).await).len(), expected, "{query}");
    }
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let page = admin.get(&format!("/assurances?limit=2{cursor}")).await;
        seen.extend(items(&page));
        let Some(next) = page.json()["next"].as_str().map(str::to_owned) else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, items(&admin.get("/assurances").await));
    let answer = admin.get("/assurances?subject=system&identifier=12").await;
    assert_eq!((answer.problem(400).as_str(), answer.faults()), ("malformed", vec!["identifier".to_owned()]));
}

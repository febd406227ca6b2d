//! Where two administrators must agree.

use careconnect_auth::domain::Role;
use careconnect_verifier::Group;
use reqwest::Method;
use serde_json::{Value, json};

use super::registering::{actions, give, items, patch, registered, registration, token_status, with_headers};
use crate::support::{soon::until, test_server::TestServer};

const FOUR_EYES: &str = "admin.four_eyes = true\n";

#[tokio::test]
async fn what_one_proposes_counts_when_another_has_confirmed_it() {
    let server = TestServer::with(FOUR_EYES).await;
    let (editor, approver) = (server.admin_as(Role::Editor), server.admin_as(Role::Approver));
    server.register_provider(|_| {}).await;
    let made = editor.post("/consumers", &registration(&[Group::READ_SLOT])).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let (body, path) = (made.json(), made.header("location").strip_prefix("/admin/v1").unwrap().to_owned());
    assert_eq!((body["assurances"].as_array().unwrap().len(), body["proposals"].as_array().unwrap().len()), (0, 4));
    let secret = body["client_secret"].as_str().unwrap();
    server.caught_up().await;
    assert_eq!(token_status(&server, &path, secret).await, 400);
    let open = items(&approver.get("/proposals").await);
    assert_eq!(open.len(), 4);
    for proposal in &open {
        let one = format!("/proposals/{}", proposal["id"].as_str().unwrap());
        assert_eq!(&approver.get(&one).await.json(), proposal);
        assert_eq!(
            editor.post(&format!("{one}/decision"), &json!({"decision": "confirmed"})).await.problem(403),
            "not-permitted"
        );
        let decided = approver.post(&format!("{one}/decision"), &json!({"decision": "confirmed"})).await;
        assert_eq!(
            (&decided.json()["status"], &decided.json()["decided_by"]),
            (&json!("confirmed"), &json!("Ann Approver"))
        );
        let again = approver.post(&format!("{one}/decision"), &json!({"decision": "rejected"})).await;
        assert_eq!(again.problem(409), "conflict");
    }
    until("a token", async || token_status(&server, &path, secret).await == 200).await;
    assert_eq!(items(&approver.get("/proposals").await), Vec::<Value>::new());
    assert_eq!(items(&approver.get("/proposals?status=confirmed").await).len(), 4);
    let row = &items(&approver.get(&format!("{path}/groups")).await)[0];
    assert_eq!(
        (&row["system"]["recorded_by"], &row["system"]["confirmed_by"]),
        (&json!("Ed Editor"), &json!("Ann Approver"))
    );
}

#[tokio::test]
async fn nobody_confirms_what_they_proposed_but_may_take_it_back() {
    let server = TestServer::with(FOUR_EYES).await;
    let root = server.admin();
    let path = format!("/assurances/supplier/SUP1/{}", Group::READ_SLOT);
    let proposed = give(&root, &path, &json!({"evidence": "x", "reason": "y"})).await;
    assert_eq!(proposed.status, 202, "{}", proposed.text());
    let one = proposed.header("location").strip_prefix("/admin/v1").unwrap().to_owned();
    let own = root.post(&format!("{one}/decision"), &json!({"decision": "confirmed"})).await;
    assert_eq!(own.problem(403), "not-permitted");
    assert_eq!(root.get(&path).await.problem(404), "not-found");
    for wrong in [json!({}), json!({"decision": "superseded"}), json!({"decision": "confirmed", "by": "me"})] {
        assert_eq!(root.post(&format!("{one}/decision"), &wrong).await.problem(422), "invalid");
    }
    let rejected = root.post(&format!("{one}/decision"), &json!({"decision": "rejected", "reason": "a mistake"})).await;
    assert_eq!(rejected.json()["status"], "rejected");
    let unknown = "/proposals/00000000-0000-0000-0000-000000000000/decision";
    assert_eq!(root.post(unknown, &json!({"decision": "rejected"})).await.problem(404), "not-found");
    let refused = actions(&server).await.into_iter().filter(|action| action == "POST /proposals/{id}/decision");
    assert_eq!(refused.count(), 5);
}

#[tokio::test]
async fn a_repeated_proposal_takes_the_place_of_the_first_and_taking_away_waits_for_nobody() {
    let server = TestServer::with(FOUR_EYES).await;
    let (editor, approver) = (server.admin_as(Role::Editor), server.admin_as(Role::Approver));
    let path = format!("/assurances/supplier/SUP1/{}", Group::READ_SLOT);
    let body = |evidence: &str| json!({"evidence": evidence, "reason": "y"});
    let first = give(&editor, &path, &body("x")).await;
    let same = give(&editor, &path, &body("x")).await;
    assert_eq!((same.status.as_u16(), same.header("location")), (202, first.header("location")));
    let keyed = [("if-none-match", "*"), ("idempotency-key", "k")];
    let second = with_headers(&editor, Method::PUT, &path, &keyed, &body("z")).await;
    assert_ne!(second.header("location"), first.header("location"));
    let again = with_headers(&editor, Method::PUT, &path, &keyed, &body("z")).await;
    assert_eq!((again.header("idempotency-replayed"), again.json()), ("true", second.json()));
    assert_eq!(items(&editor.get("/proposals?status=superseded").await).len(), 1);
    let one = second.header("location").strip_prefix("/admin/v1").unwrap();
    assert_eq!(approver.post(&format!("{one}/decision"), &json!({"decision": "confirmed"})).await.status, 200);
    assert_eq!(patch(&editor, &path, &json!({"status": "suspended"})).await.status, 200);
    let restoring = patch(&editor, &path, &json!({"status": "active", "reason": "closed"})).await;
    assert_eq!(restoring.status, 202, "{}", restoring.text());
    assert_eq!(editor.get(&path).await.json()["suspended_at"], "2027-01-15T08:00:00Z");
    let all = patch(&editor, "/assurances/supplier/SUP1", &json!({"status": "active", "reason": "closed"})).await;
    assert_eq!((all.status.as_u16(), all.json()["proposals"].as_array().unwrap().len()), (200, 1));
    let (mut cursor, mut seen) = (String::new(), 0);
    loop {
        let page = editor.get(&format!("/proposals?status=superseded&limit=1{cursor}")).await;
        seen += items(&page).len();
        let Some(next) = page.json()["next"].as_str().map(str::to_owned) else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, 2);
    let (consumer, _) = registered(&editor, &[]).await;
    assert_eq!(items(&editor.get(&format!("{consumer}/groups")).await).len(), 1);
}

//! RFC 7662 and RFC 9701: does a token count, and what does it say?

use careconnect_auth::{
    clock::Clock,
    domain::{ClaimsProfile, RegistrationStatus},
};
use serde_json::{Value, json};

use super::{
    INTROSPECT, about, claims, is_active, listed, nothing, other_provider, scene, scene_with, signed_by_server, token,
};
use crate::support::{
    changes::{Changes, RETIRED, SUSPENDED},
    test_server::consumer,
};

const SIGNED: &str = "application/token-introspection+jwt";

#[tokio::test]
async fn a_token_that_counts_is_told_with_all_its_claims() {
    // R8
    let (server, consumer) = scene().await;
    let token = token(&server, &consumer).await;
    let answer = about(&server, &consumer, &token).to(INTROSPECT).send().await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"));
    let mut expected = claims(&token);
    expected["active"] = true.into();
    expected["token_type"] = "Bearer".into();
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn a_token_of_the_entra_profile_is_told_too() {
    let (server, consumer) = scene().await;
    let other = "https://entra.thirdparty.nhs.uk/C81002";
    server
        .register_provider(|provider| {
            provider.asid = "200000000361".parse().unwrap();
            provider.service_root = other.parse().unwrap();
            provider.claims_profile = ClaimsProfile::Entra;
        })
        .await;
    let token = server.token_by_secret(&consumer).without("resource").field("resource", other).send().await.token();
    assert!(is_active(&server, &consumer, &token).await);
    assert_eq!(super::revoke(&server, &consumer, &token).await.status, 200);
    assert!(!is_active(&server, &consumer, &token).await);
}

#[tokio::test]
async fn what_does_not_count_is_inactive_and_nothing_more() {
    // R47
    let (server, owner) = scene().await;
    let stranger = server.register(consumer()).await;
    let token = token(&server, &owner).await;
    assert!(!is_active(&server, &stranger, &token).await);
    let forged = format!("{}.{}.{}", "eyJhbGciOiJub25lIn0", token.split('.').nth(1).unwrap(), "");
    for no_token in ["x", &forged, &token[1..], &format!("{token} "), "\u{1f600}"] {
        assert!(!is_active(&server, &owner, no_token).await, "{no_token}");
    }
    server.clock.advance(299);
    assert!(is_active(&server, &owner, &token).await);
    server.clock.advance(1);
    assert!(!is_active(&server, &owner, &token).await, "ended");
}

#[tokio::test]
async fn nothing_that_was_signed_for_another_purpose_is_a_token() {
    // R24
    let (server, consumer) = scene().await;
    let token = token(&server, &consumer).await;
    let list = server.get(&format!("{}{}", server.issuer_path(), super::LIST)).await.text();
    let told = about(&server, &consumer, &token).header("accept", SIGNED).to(INTROSPECT).send().await.text();
    let checkpoint = server.running.app.keys.sign_checkpoint(&claims(&token)).unwrap();
    for (statement, typ) in [
        (list, "careconnect-revocations+jwt"),
        (told, "token-introspection+jwt"),
        (checkpoint, "careconnect-checkpoint+jwt"),
    ] {
        assert_eq!(signed_by_server(&server, &statement).await.0["typ"], typ);
        assert!(!is_active(&server, &consumer, &statement).await, "{typ}");
        assert_eq!(super::revoke(&server, &consumer, &statement).await.status, 200);
    }
    assert_eq!(listed(&server).await, nothing());
    assert!(is_active(&server, &consumer, &token).await);
}

#[tokio::test]
async fn tokens_of_a_suspended_consumer_do_not_count_until_it_is_resumed() {
    // R9, R47
    let (server, consumer) = scene().await;
    let token = token(&server, &consumer).await;
    let (client_id, database) = (consumer.consumer.client_id.clone(), server.database.handle());
    other_provider(&server).await;
    // The consumer itself can ask nothing meanwhile, so its register is asked.
    let registry = &server.running.app.registry;
    let id = claims(&token)["jti"].as_str().unwrap().parse().unwrap();
    let stands = || registry.stands(&client_id, id, server.clock.now());
    for status in [SUSPENDED, RegistrationStatus::Active, RETIRED] {
        database.set_consumer_status(&client_id, status).await.unwrap();
        server.caught_up().await;
        assert_eq!(stands(), status == RegistrationStatus::Active, "{status}");
        let answer = about(&server, &consumer, &token).to(INTROSPECT).send().await;
        match status {
            RegistrationStatus::Active => assert_eq!(answer.json()["active"], true),
            _ => assert_eq!(answer.refused(401).1, "client_authentication_failed"),
        }
    }
}

#[tokio::test]
async fn tokens_for_a_suspended_provider_do_not_count() {
    // R47
    let (server, consumer) = scene().await;
    let token = token(&server, &consumer).await;
    let asid = "200000000359".parse().unwrap();
    for status in [SUSPENDED, RegistrationStatus::Active] {
        server.database.handle().set_provider_status(&asid, status).await.unwrap();
        server.caught_up().await;
        assert_eq!(is_active(&server, &consumer, &token).await, status == RegistrationStatus::Active);
    }
}

#[tokio::test]
async fn nobody_is_told_without_a_proof() {
    // R47
    let (server, consumer) = scene().await;
    let token = token(&server, &consumer).await;
    let id = consumer.consumer.client_id.as_str();
    for call in [server.token(), server.token().field("client_id", id), server.token().basic(id, "wrong")] {
        let answer = call.field("token", &token).header("accept", SIGNED).to(INTROSPECT).send().await;
        assert_eq!(answer.refused(401), ("invalid_client".into(), "client_authentication_failed".into()));
    }
    let bearer = server.token().header("authorization", &format!("Bearer {token}")).field("token", &token);
    assert_eq!(bearer.to(INTROSPECT).send().await.refused(401).1, "authorization_header_malformed");
}

#[tokio::test]
async fn wrong_secrets_use_up_the_budget_of_the_token_endpoint() {
    // R17
    let (server, consumer) = scene().await;
    let token = token(&server, &consumer).await;
    let stranger = || server.client_at([127, 0, 0, 9].into(), None);
    let ask = async |endpoint| {
        let call = crate::support::requests::TokenCall::new(&server, stranger()).field("token", &token);
        call.basic(consumer.consumer.client_id.as_str(), "wrong").to(endpoint).send().await.status.as_u16()
    };
    let mut answers = Vec::new();
    for endpoint in [INTROSPECT, super::REVOKE].into_iter().cycle().take(62) {
        answers.push(ask(endpoint).await);
    }
    assert_eq!((answers.first(), answers.last()), (Some(&401), Some(&429)));
    assert!(is_active(&server, &consumer, &token).await, "elsewhere");
}

#[tokio::test]
async fn whoever_asks_for_it_gets_the_answer_signed_for_itself() {
    let (server, consumer) = scene().await;
    let token = token(&server, &consumer).await;
    for (asked, expected) in [(token.as_str(), claims(&token)), ("x", Value::Null)] {
        let answer = about(&server, &consumer, asked).header("accept", SIGNED).to(INTROSPECT).send().await;
        assert_eq!((answer.header("content-type"), answer.header("cache-control")), (SIGNED, "no-store"));
        let (header, mut said) = signed_by_server(&server, &answer.text()).await;
        assert_eq!(header["typ"], "token-introspection+jwt");
        let told = said["token_introspection"].take();
        let about = json!({
            "iss": server.issuer(), "aud": consumer.consumer.client_id, "iat": server.clock.now().0,
            "token_introspection": null,
        });
        assert_eq!(said, about);
        match expected {
            Value::Null => assert_eq!(told, json!({ "active": false })),
            claims => assert_eq!((&told["active"], &told["jti"]), (&json!(true), &claims["jti"])),
        }
    }
}

#[tokio::test]
async fn introspection_goes_on_without_the_database_for_as_long_as_tokens_do() {
    let (server, consumer) = scene_with("registry.max_staleness_seconds = 60\n").await;
    let token = token(&server, &consumer).await;
    server.database.take_away().await;
    assert!(is_active(&server, &consumer, &token).await);
    assert_eq!(listed(&server).await, nothing());
    server.clock.advance(61);
    let answer = about(&server, &consumer, &token).to(INTROSPECT).send().await;
    assert_eq!(answer.refused(503).1, "registry_stale");
    assert_eq!(server.get(&format!("{}{}", server.issuer_path(), super::LIST)).await.refused(503).1, "registry_stale");
    server.database.give_back().await;
}

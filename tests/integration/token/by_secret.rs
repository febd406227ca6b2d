//! `client_secret_basic` and `client_secret_post`.

use base64::{Engine, prelude::BASE64_STANDARD};
use careconnect_auth::domain::{CredentialKind, RegistrationStatus};
use tracing::Level;

use crate::support::{
    changes::{Changes, RETIRED, SUSPENDED},
    log::Log,
    requests::{Answer, TokenCall},
    soon::soon,
    test_server::{ROOT, TestServer, consumer},
};

/// And however often somebody fails, it is tried.
const ROOM_FOR_ONE_HASH: &str = "limits.argon2_concurrency = 1\nlimits.argon2_queue_length = 0\n\
    limits.failures_per_address = 0\nlimits.failures_per_consumer_and_address = 0\n";

#[tokio::test]
async fn a_secret_in_the_header_or_in_the_body_gets_a_token() {
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let (id, secret) = (registered.consumer.client_id.as_str(), registered.secret.as_ref().unwrap().expose());

    let basic = server.token_by_secret(&registered).send().await;
    let post =
        server.token().field("client_id", id).field("client_secret", secret).field("resource", ROOT).send().await;

    for answer in [basic, post] {
        assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
        let verified = server.verify(ROOT, &answer.token()).await;
        assert_eq!((verified.asid().as_str(), verified.ods_code().as_str()), ("200000000205", "A1001"));
    }
}

#[tokio::test]
async fn an_answer_says_what_was_granted_and_is_not_stored() {
    // R2, R7, R8
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;

    let answer = server.token_by_secret(&registered).send().await;

    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    assert_eq!((body["token_type"].as_str(), body["expires_in"].as_i64()), (Some("Bearer"), Some(300)));
    assert_eq!(body["scope"], "organization/slot.read patient/appointment.read patient/appointment.write");
    assert!(body.get("refresh_token").is_none());
}

#[tokio::test]
async fn every_failure_of_authentication_looks_the_same() {
    // R13, R14, R15
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let (good, other) = (server.register(consumer()).await, server.register(consumer()).await);
    let suspended = server.register(consumer()).await;
    let id = |registered: &careconnect_auth::operations::register_consumer::RegisteredConsumer| {
        (registered.consumer.client_id.to_string(), registered.secret.as_ref().unwrap().expose().to_owned())
    };
    let (good, other, suspended_pair) = (id(&good), id(&other), id(&suspended));
    let client_id = suspended.consumer.client_id;
    let database = server.database.handle();
    database.set_consumer_status(&client_id, SUSPENDED).await.unwrap();
    server.caught_up().await;

    let attempts = [
        (good.0.clone(), "wrong".to_owned()),
        (good.0.clone(), format!("{} ", good.1)),
        (good.0.clone(), good.1.to_ascii_lowercase()),
        (good.0.clone(), other.1),
        ("00000000-0000-4000-8000-000000000000".to_owned(), good.1.clone()),
        ("' OR 1=1 --".to_owned(), good.1),
        suspended_pair,
    ];
    let mut bodies = Vec::new();
    for (id, secret) in attempts {
        let answer = server.token().basic(&id, &secret).field("resource", ROOT).send().await;
        assert_eq!(answer.refused(401), ("invalid_client".into(), "client_authentication_failed".into()), "{id}");
        assert!(answer.header("www-authenticate").starts_with("Basic realm="));
        let mut body = answer.json();
        body.as_object_mut().unwrap().remove("trace_id");
        bodies.push(body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
}

#[tokio::test]
async fn a_suspended_consumers_secret_costs_what_a_strangers_costs_even_if_it_was_right_before() {
    // R13: with room for one hash, several at a time are too many, and only a hash can be one too many
    let server = TestServer::with(ROOM_FOR_ONE_HASH).await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    server.token_by_secret(&registered).send().await.token();
    let client_id = &registered.consumer.client_id;
    let database = server.database.handle();
    database.set_consumer_status(client_id, SUSPENDED).await.unwrap();
    server.caught_up().await;

    one_too_many(|| server.token_by_secret(&registered)).await;
}

/// Of requests at the same time one is refused and one is too many, sooner or later: they meet when the machine has time.
async fn one_too_many<'a>(call: impl Fn() -> TokenCall<'a>) -> Answer {
    let ask = || call().send();
    soon("requests that meet", async {
        loop {
            let (one, two, three) = tokio::join!(ask(), ask(), ask());
            let (refused, mut rest): (Vec<_>, Vec<_>) =
                [one, two, three].into_iter().partition(|answer| answer.status == 401);
            if let (false, Some(too_many)) = (refused.is_empty(), rest.pop()) {
                assert_eq!(too_many.status, 503);
                return too_many;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_secret_is_kept_only_as_a_hash() {
    // R16
    let server = TestServer::start().await;
    let registered = server.register(consumer()).await;
    let stored = server.running.app.registry.consumer(registered.consumer.client_id.as_str()).unwrap();
    let [credential] = stored.credentials.as_slice() else { panic!("one credential") };
    let CredentialKind::Secret(hash) = &credential.kind else { panic!("a secret") };
    assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
    assert!(!hash.as_str().contains(registered.secret.unwrap().expose()));
}

#[tokio::test]
async fn neither_a_secret_nor_a_token_is_in_the_log_at_any_level() {
    // R55
    let log = Log::capture_from(Level::TRACE);
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let (id, secret) = (registered.consumer.client_id.as_str(), registered.secret.as_ref().unwrap().expose());
    let token = server.token_by_secret(&registered).send().await.token();
    let wrong = format!("{secret}-and-more");
    server.token().field("client_id", id).field("client_secret", &wrong).field("resource", ROOT).send().await;
    let url = server.url(&format!("/careconnect/oauth2/token?client_secret={secret}"));
    server.client().post(url).send().await.unwrap();

    let (text, header) = (log.text(), BASE64_STANDARD.encode(format!("{id}:{secret}")));
    assert!(text.contains("token issued") && text.contains("token refused") && text.contains("\"TRACE\""));
    for hidden in [secret, &header, token.rsplit('.').next().unwrap(), "$argon2id$"] {
        assert!(!text.contains(hidden), "{hidden}");
    }
}

#[tokio::test]
async fn a_secret_in_the_wrong_place_is_repeated_neither_to_the_caller_nor_in_the_log() {
    // R55
    let log = Log::capture();
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let (id, secret) = (registered.consumer.client_id.as_str(), registered.secret.as_ref().unwrap().expose());
    let good = || server.token_by_secret(&registered);
    let token = good().send().await.token();
    let mixed_up = [
        server.token().basic(secret, id).field("resource", ROOT),
        server.token().field("client_id", secret).field("client_secret", id).field("resource", ROOT),
        good().without("grant_type").field("grant_type", secret),
        good().without("resource").field("resource", secret),
        good().without("resource").field("resource", &format!("https://{secret}.nhs.uk")),
        good().field("scope", secret),
        good().field(secret, "1").field(secret, "1"),
        good().field("scope", &token),
    ];
    for (number, call) in mixed_up.into_iter().enumerate() {
        let answer = call.send().await;
        assert!(answer.status.is_client_error(), "{number}");
        assert!(!answer.text().contains(secret), "{number}: {}", answer.text());
    }
    server.get(&format!("/{secret}")).await;
    server.get(&format!("/{token}/{}", "a/".repeat(1000))).await;
    assert!(log.text().contains("[redacted]") && !log.text().contains(&token), "{}", log.text());
    assert!(log.text().lines().all(|line| line.len() < 2000), "{}", log.text());
    assert!(!log.text().to_lowercase().contains(&secret.to_lowercase()), "{}", log.text());
}

#[tokio::test]
async fn what_a_caller_calls_itself_forges_no_log_line() {
    // R55
    let log = Log::capture();
    let server = TestServer::start().await;
    for forged in ["x\r\n{\"fields\":{\"message\":\"token issued\"}}", "x\u{1b}[2K", "x\u{2028}\u{9b}2K", "x\u{202e}"] {
        let by_id = server.token().basic(forged, "x").field("resource", ROOT).send().await;
        let by_field = server.token().field("client_id", forged).field("resource", ROOT).send().await;
        let by_scope = server.token().field("scope", forged).field("grant_type", forged).send().await;
        assert!([by_id, by_field, by_scope].iter().all(|answer| answer.status.is_client_error()), "{forged:?}");
    }
    let text = log.text();
    assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{2028}', '\u{202e}']), "{text}");
    for line in text.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_ne!(event["fields"]["message"], "token issued");
    }
}

#[tokio::test]
async fn a_suspended_or_retired_consumer_gets_no_token_until_it_is_resumed() {
    // R9
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    server.token_by_secret(&registered).send().await.token();

    for (change, status) in [(SUSPENDED, 401), (RegistrationStatus::Active, 200), (RETIRED, 401)] {
        let client_id = &registered.consumer.client_id;
        server.database.handle().set_consumer_status(client_id, change).await.unwrap();
        server.caught_up().await;
        assert_eq!(server.token_by_secret(&registered).send().await.status, status);
    }
}

#[tokio::test]
async fn a_flood_of_wrong_secrets_is_bounded_and_does_not_stop_one_that_is_known() {
    let server = TestServer::with(ROOM_FOR_ONE_HASH).await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    server.token_by_secret(&registered).send().await.token();

    let wrong = || server.token().basic("nobody", "wrong").field("resource", ROOT);
    let (overloaded, known) = tokio::join!(one_too_many(wrong), server.token_by_secret(&registered).send());

    known.token();
    assert_eq!(overloaded.refused(503), ("temporarily_unavailable".into(), "overloaded".into()));
    assert_eq!(overloaded.header("retry-after"), "1");
}

//! Those who guess, those who flood, and those who ask too often: what they get, and what others go on getting.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use careconnect_auth::{
    domain::{CertificateIdentity, ClientSecret},
    operations::register_consumer::{ConsumerRegistration, RegisteredConsumer},
};
use careconnect_verifier::Group;

use tokio::io::AsyncWriteExt;

use crate::support::{
    changes::Changes,
    requests::{Answer, TokenCall},
    soon::{soon, until},
    test_server::{ROOT, TestServer, consumer, consumer_with_certificate},
    tls_client,
};

fn address(last: u8) -> IpAddr {
    IpAddr::from([127, 0, 0, last])
}

/// A request with a secret from 127.0.0.`last`.
async fn ask(server: &TestServer, last: u8, client_id: &str, secret: &str) -> Answer {
    let call = TokenCall::new(server, server.client_at(address(last), None));
    call.basic(client_id, secret).field("resource", ROOT).send().await
}

fn id_and_secret(registered: &RegisteredConsumer) -> (&str, &str) {
    (registered.consumer.client_id.as_str(), registered.secret.as_ref().unwrap().expose())
}

async fn scene(toml: &str) -> TestServer {
    let server = TestServer::with(toml).await;
    server.register_provider(|_| {}).await;
    server
}

const TOO_MANY_FAILURES: (&str, &str) = ("temporarily_unavailable", "too_many_failures");

fn is(refusal: &(String, String), expected: (&str, &str)) -> bool {
    (refusal.0.as_str(), refusal.1.as_str()) == expected
}

#[tokio::test]
async fn sixty_wrong_secrets_in_a_row_are_too_many_and_the_consumer_itself_goes_on() {
    // R17
    let server = scene("").await;
    let (working, unused) = (server.register(consumer()).await, server.register(consumer()).await);
    let ((working_id, right), (id, unused_right)) = (id_and_secret(&working), id_and_secret(&unused));
    ask(&server, 1, working_id, right).await.token();
    let client = server.client();
    for attacked in [working_id, id, "00000000-0000-4000-8000-000000000000"] {
        let mut statuses = Vec::new();
        for _ in 0..60 {
            let call = TokenCall::new(&server, client.clone()).basic(attacked, "wrong").field("resource", ROOT);
            let answer = call.send().await;
            statuses.push(answer.status.as_u16());
            if answer.status == 429 {
                assert!(is(&answer.refused(429), TOO_MANY_FAILURES));
                assert_eq!(answer.header("retry-after"), "30");
            }
        }
        let expected = [vec![401; 20], vec![429; 40]].concat(); // R13: whether there is such a consumer or not
        assert_eq!(statuses, expected, "{attacked}");
    }

    ask(&server, 1, working_id, right).await.token(); // at the same address, because its secret is known to be right
    ask(&server, 2, id, unused_right).await.token(); // elsewhere, although it never was used before
    assert_eq!(ask(&server, 1, id, "wrong").await.status, 429);
    ask(&server, 1, id, unused_right).await.token(); // known by now
}

#[tokio::test]
async fn what_retry_after_says_is_true() {
    // R17
    let server = scene("limits.failures_per_consumer_and_address = 3\nlimits.failures_refill_seconds = 100\n").await;
    let registered = server.register(consumer()).await;
    let (id, secret) = id_and_secret(&registered);
    for _ in 0..3 {
        ask(&server, 1, id, "wrong").await.refused(401);
    }
    let refused = ask(&server, 1, id, secret).await;
    assert!(is(&refused.refused(429), TOO_MANY_FAILURES));
    let wait: i64 = refused.header("retry-after").parse().unwrap();

    server.clock.advance(wait - 1);
    assert_eq!(ask(&server, 1, id, secret).await.header("retry-after"), "1");
    server.clock.advance(1);
    ask(&server, 1, id, secret).await.token();
}

#[tokio::test]
async fn who_guesses_names_uses_up_its_address_and_leaves_it_to_consumers_who_are_at_home_there() {
    // R13, R17, R54
    let server = scene("limits.failures_per_address = 5\n").await;
    let identity = server.client_authority.client("consumer.thirdparty.nhs.uk");
    let name = CertificateIdentity::parse("san_dns", "consumer.thirdparty.nhs.uk").unwrap();
    let registered = server.register(consumer_with_certificate(name)).await;
    let with_certificate = |last| {
        let call = TokenCall::new(&server, server.client_at(address(last), Some(&identity))).field("resource", ROOT);
        call.field("client_id", registered.consumer.client_id.as_str()).send()
    };
    with_certificate(1).await.token();
    for guess in 0..5 {
        ask(&server, 1, &format!("guess-{guess}"), "wrong").await.refused(401);
    }

    assert!(is(&ask(&server, 1, "guess-5", "wrong").await.refused(429), TOO_MANY_FAILURES));
    ask(&server, 2, "guess-5", "wrong").await.refused(401);
    with_certificate(1).await.token(); // on a new connection
}

#[tokio::test]
async fn failures_by_certificate_count_as_well() {
    // R17
    let server = scene("limits.failures_per_consumer_and_address = 3\n").await;
    let identity = server.client_authority.client("other.thirdparty.nhs.uk");
    let registered = server.register(consumer()).await;
    let client = server.client_with(&identity);
    let attempt = || {
        let call = TokenCall::new(&server, client.clone()).field("resource", ROOT);
        call.field("client_id", registered.consumer.client_id.as_str()).send()
    };
    for _ in 0..3 {
        attempt().await.refused(401);
    }
    assert!(is(&attempt().await.refused(429), TOO_MANY_FAILURES));
}

#[tokio::test]
async fn a_consumer_that_asks_too_often_waits_and_no_stranger_can_make_it_wait() {
    // R54
    let limits = "limits.requests_per_consumer_per_minute = 60\nlimits.burst_per_consumer = 3\n";
    let server = scene(limits).await;
    let own = |requests_per_minute| ConsumerRegistration { requests_per_minute, ..consumer() };
    let (usual, unlimited) = (server.register(own(None)).await, server.register(own(Some(0))).await);
    let (slow, strangers_aim) = (server.register(own(Some(1))).await, server.register(own(None)).await);
    let granted = async |registered: &RegisteredConsumer, requests: usize| {
        let mut tokens = 0;
        for _ in 0..requests {
            let answer = server.token_by_secret(registered).send().await;
            match answer.status.as_u16() {
                200 => tokens += 1,
                _ => assert!(is(&answer.refused(429), ("temporarily_unavailable", "rate_limited"))),
            }
        }
        tokens
    };
    for _ in 0..4 {
        ask(&server, 1, id_and_secret(&strangers_aim).0, "wrong").await.refused(401);
    }
    assert_eq!(granted(&usual, 5).await, 3);
    assert_eq!(server.token_by_secret(&usual).send().await.header("retry-after"), "1");
    assert_eq!(granted(&unlimited, 10).await, 10);
    assert_eq!(granted(&slow, 5).await, 3);
    assert_eq!(server.token_by_secret(&slow).send().await.header("retry-after"), "60");
    assert_eq!(granted(&strangers_aim, 3).await, 3);

    server.clock.advance(1);
    assert_eq!((granted(&usual, 2).await, granted(&slow, 2).await), (1, 0));
    server.clock.advance(59);
    assert_eq!((granted(&usual, 5).await, granted(&slow, 5).await), (3, 1));
}

#[tokio::test]
async fn an_imported_secret_works_like_one_of_ours() {
    // R16
    let server = scene("").await;
    let registered = server.register(consumer()).await;
    let imported = ClientSecret::import("MDEyMzQ1Njc4OUFCQ0RFRkdISUpLTE1OT1BRUlNUVVY=").unwrap();
    let hash = careconnect_auth::authentication::secret_hash::hash(&imported, &registered.consumer.client_id);
    let mut taken_over = registered.consumer.clone();
    taken_over.client_id = careconnect_auth::random::client_id();
    let credential = crate::support::registrations::credential(careconnect_auth::domain::CredentialKind::Secret(hash));
    taken_over.credentials = vec![credential];
    server.database.handle().insert_consumer(&taken_over).await.unwrap();
    server.database.handle().assure(&taken_over, &[Group::READ_SLOT]).await.unwrap();
    server.caught_up().await;
    // Hashed for another consumer: a salt that is not its own is verified all the same.
    ask(&server, 1, taken_over.client_id.as_str(), imported.expose()).await.token();
    ask(&server, 1, taken_over.client_id.as_str(), &imported.expose().to_lowercase()).await.refused(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn honest_consumers_keep_their_tokens_during_a_flood_of_wrong_secrets_and_unknown_consumers() {
    // R17, R54
    let server = scene("limits.argon2_concurrency = 1\nlimits.argon2_queue_length = 8\n").await;
    let (working, new) = (server.register(consumer()).await, server.register(consumer()).await);
    let (id, secret) = id_and_secret(&working);
    ask(&server, 1, id, secret).await.token();
    let (is_over, refused) = (AtomicBool::new(false), AtomicUsize::new(0));
    let flood = async |last, client_id: &str| {
        let client = server.client_at(address(last), None);
        while !is_over.load(Ordering::Relaxed) {
            let call = TokenCall::new(&server, client.clone()).basic(client_id, "wrong").field("resource", ROOT);
            let status = call.send().await.status.as_u16();
            assert!([401, 429, 503].contains(&status), "{status}");
            refused.fetch_add(1, Ordering::Relaxed);
        }
    };
    let honest = async {
        let client = server.client();
        while refused.load(Ordering::Relaxed) < 100 {
            let call = TokenCall::new(&server, client.clone()).basic(id, secret).field("resource", ROOT);
            call.send().await.token();
        }
        let (id, secret) = id_and_secret(&new);
        let mut first_use = ask(&server, 9, id, secret).await;
        while first_use.status == 503 {
            first_use = ask(&server, 9, id, secret).await;
        }
        first_use.token();
        is_over.store(true, Ordering::Relaxed);
    };
    let floods = async { tokio::join!(flood(1, id), flood(1, "nobody"), flood(2, id), flood(3, "nobody either")) };
    soon("tokens during a flood", async { tokio::join!(honest, floods) }).await;
}

#[tokio::test]
async fn who_hangs_up_before_the_answer_is_charged_and_recorded_all_the_same() {
    // R17, R56
    let server = scene("limits.failures_per_consumer_and_address = 1\n").await;
    let body = format!("grant_type=client_credentials&client_id=nobody&client_secret=wrong&resource={ROOT}");
    let request = format!(
        "POST {}/oauth2/token HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n\r\n{body}",
        server.issuer_path(),
        body.len()
    );
    let client = tls_client::config(&server.server_authority, None);
    let mut stream = tls_client::connect(server.running.address, client).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let is_being_judged = async {
        while server.running.app.authenticator.secrets.waiting() == 0 {
            tokio::task::yield_now().await; // server and test take turns on one thread, so the moment is not missed
        }
    };
    soon("Argon2 at work", is_being_judged).await;
    drop(stream);

    let mut files = server.directory.path().join("records").read_dir().unwrap().map(|file| file.unwrap().path());
    let record = files.find(|file| file.extension().is_some_and(|end| end == "jsonl")).unwrap();
    let is_recorded = async || std::fs::read_to_string(&record).unwrap().contains("consumer_unknown");
    until("the line of a request that was given up", is_recorded).await;
    assert!(is(&ask(&server, 1, "nobody", "wrong").await.refused(429), TOO_MANY_FAILURES));
}

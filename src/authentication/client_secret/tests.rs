//! Verifying secrets, without HTTP around it.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use super::*;
use crate::{
    authentication::{failure_budget::FailureBudgets, secret_hash::hash},
    clock::UnixTime,
    config::Limits,
    domain::{ClientSecret, Credential, CredentialKind},
};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const NOW: UnixTime = UnixTime(1_800_000_000);
const TOO_MANY: AuthenticationFailure = AuthenticationFailure::TooManyWaiting(TooManyWaiting);

/// A verifier with the shipped budgets.
struct Scene {
    verifier: SecretVerifier,
    budgets: FailureBudgets,
}

impl Scene {
    fn with(concurrency: usize, queue: usize, per_address: usize) -> Self {
        let verifier = SecretVerifier::new(concurrency, queue, per_address);
        Self { verifier, budgets: FailureBudgets::of(&Limits::default()) }
    }

    async fn verify(&self, secret: &str, consumer: Option<&ConsumerSystem>) -> Outcome {
        self.verify_at(NOW, HERE, secret, consumer).await
    }

    async fn verify_at(
        &self,
        now: UnixTime,
        address: IpAddr,
        secret: &str,
        consumer: Option<&ConsumerSystem>,
    ) -> Outcome {
        let client_id = consumer.map_or("nobody", |consumer| consumer.client_id.as_str());
        self.verifier.verify(&secret.into(), consumer, &self.budgets.attempt(client_id, None, address, now)).await
    }
}

type Outcome = Result<Option<CredentialId>, AuthenticationFailure>;

fn consumer_with(secrets: &[&ClientSecret]) -> ConsumerSystem {
    let client_id = random::client_id();
    let credential = |secret: &&ClientSecret| {
        Arc::new(Credential {
            id: CredentialId(random::uuid()),
            label: "test".into(),
            kind: CredentialKind::Secret(hash(secret, &client_id)),
            starts_at: NOW,
            ends_at: Some(NOW.plus(60)),
        })
    };
    ConsumerSystem {
        client_id: client_id.clone(),
        credentials: secrets.iter().map(credential).collect(),
        ..ConsumerSystem::example()
    }
}

#[tokio::test]
async fn a_flood_from_one_address_leaves_places_for_others() {
    // R54
    let scene = Scene::with(1, 7, 2);
    let from = |last| scene.verify_at(NOW, IpAddr::from([10, 0, 0, last]), "wrong", None);
    let (one, two, three, other) = tokio::join!(from(1), from(1), from(1), from(2));
    assert_eq!([one, two, three], [Ok(None), Ok(None), Err(TOO_MANY)]);
    assert_eq!(other, Ok(None));
}

#[tokio::test]
async fn a_secret_is_compared_whole() {
    // R15
    let secret = ClientSecret::generate();
    let consumer = consumer_with(&[&secret]);
    let scene = Scene::with(2, 16, 18);
    let text = secret.expose();
    let near = [
        text[..text.len() - 1].to_owned(),
        text[1..].to_owned(),
        format!("{text}{}", "x".repeat(72)), // longer than bcrypt looks
        format!("{text} "),
        format!("{text}\0"),
        format!("{text}x"),
        text.to_ascii_uppercase(),
        String::new(),
    ];
    for wrong in near {
        assert_eq!(scene.verify(&wrong, Some(&consumer)).await, Ok(None));
    }
    assert!(scene.verify(text, Some(&consumer)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_second_use_is_remembered_and_still_compared_whole() {
    let secret = ClientSecret::generate();
    let consumer = consumer_with(&[&secret]);
    let scene = Scene::with(1, 0, 1);
    let text = secret.expose();
    let first = scene.verify(text, Some(&consumer)).await.unwrap();
    let _all_slots_taken = scene.verifier.waiting.clone().try_acquire_owned().unwrap();
    assert_eq!(scene.verify(text, Some(&consumer)).await, Ok(first), "without any hashing");
    let longer = format!("{text}\0");
    assert_eq!(scene.verify(&longer, Some(&consumer)).await, Err(TOO_MANY), "not remembered");
}

#[tokio::test]
async fn a_secret_ends_with_its_credential() {
    let secret = ClientSecret::generate();
    let consumer = consumer_with(&[&secret]);
    let scene = Scene::with(1, 0, 1);
    let text = secret.expose();
    assert!(scene.verify_at(NOW.plus(59), HERE, text, Some(&consumer)).await.unwrap().is_some());
    assert_eq!(scene.verify_at(NOW.plus(60), HERE, text, Some(&consumer)).await, Ok(None));
}

#[tokio::test]
async fn either_of_two_secrets_works() {
    let (one, other) = (ClientSecret::generate(), ClientSecret::generate());
    let consumer = consumer_with(&[&one, &other]);
    let scene = Scene::with(1, 0, 1);
    for secret in [one, other] {
        assert!(scene.verify(secret.expose(), Some(&consumer)).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn an_unknown_consumer_takes_as_long_as_a_wrong_secret() {
    // R13: the work is the same, and sooner or later both are seen undisturbed, however busy the machine is.
    let scene = Scene::with(1, 0, 1);
    let consumer = consumer_with(&[&ClientSecret::generate()]);
    let mut fastest = [Duration::MAX; 2];
    let is_alike = |[unknown, wrong]: [Duration; 2]| unknown * 2 > wrong && wrong * 2 > unknown;
    for round in 0..200 {
        if round > 5 && is_alike(fastest) {
            return;
        }
        for (place, asked) in [(0, None), (1, Some(&consumer))] {
            let start = Instant::now();
            assert_eq!(scene.verify("wrong", asked).await, Ok(None));
            fastest[place] = fastest[place].min(start.elapsed());
        }
    }
    panic!("an unknown consumer takes {:?}, a wrong secret {:?}", fastest[0], fastest[1]);
}

#[tokio::test]
async fn whoever_failed_too_often_gets_no_computation_unless_the_secret_is_known_to_be_right() {
    // R17: there is room for none, so whatever is computed is refused as too many
    let (secret, unused) = (ClientSecret::generate(), ClientSecret::generate());
    let consumer = consumer_with(&[&secret, &unused]);
    let scene = Scene::with(1, 0, 1);
    let known = scene.verify(secret.expose(), Some(&consumer)).await.unwrap();
    let _all_slots_taken = scene.verifier.waiting.clone().try_acquire_owned().unwrap();
    let attempt = scene.budgets.attempt(consumer.client_id.as_str(), None, HERE, NOW);
    assert_eq!(scene.verify("wrong", Some(&consumer)).await, Err(TOO_MANY));
    while attempt.check().is_ok() {
        attempt.failed();
    }
    for not_known in ["wrong", unused.expose()] {
        let refused = scene.verify(not_known, Some(&consumer)).await.unwrap_err();
        assert!(matches!(refused, AuthenticationFailure::TooManyFailures(_)), "{refused}");
    }
    assert_eq!(scene.verify(secret.expose(), Some(&consumer)).await, Ok(known));
    let elsewhere = scene.verify_at(NOW, IpAddr::from([10, 0, 0, 1]), unused.expose(), Some(&consumer)).await;
    assert_eq!(elsewhere, Err(TOO_MANY), "it would be computed");
}

#[tokio::test]
async fn attempts_that_wait_while_others_fail_are_not_computed_either() {
    // R54
    let scene = Scene::with(1, 100, 100);
    let attempt = scene.budgets.attempt("nobody", None, HERE, NOW);
    let slot = scene.verifier.running.clone().try_acquire_owned().unwrap();
    let waiting = scene.verify("wrong", None);
    let others = async {
        while scene.verifier.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        while attempt.check().is_ok() {
            attempt.failed();
        }
        drop(slot);
    };
    let (refused, ()) = tokio::join!(waiting, others);
    assert!(matches!(refused, Err(AuthenticationFailure::TooManyFailures(_))), "{refused:?}");
}

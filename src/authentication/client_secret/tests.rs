//! Verifying secrets, without HTTP around it.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use super::*;
use crate::domain::{Credential, CredentialKind, Organisation, RegistrationStatus};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const NOW: UnixTime = UnixTime(1_800_000_000);

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
        name: "Example 111".parse().unwrap(),
        asid: "200000000205".parse().unwrap(),
        organisation: Organisation {
            ods_code: "A1001".parse().unwrap(),
            organisation_type: "urgent-care".parse().unwrap(),
        },
        groups: [].into(),
        credentials: secrets.iter().map(credential).collect(),
        status: RegistrationStatus::Active,
        created_at: NOW,
    }
}

#[tokio::test]
async fn a_flood_from_one_address_leaves_places_for_others() {
    // R54
    let verifier = SecretVerifier::new(1, 7, 2);
    let secret = SecretString::from("wrong");
    let from = |last| verifier.verify(&secret, None, IpAddr::from([10, 0, 0, last]), NOW);
    let (one, two, three, other) = tokio::join!(from(1), from(1), from(1), from(2));
    assert_eq!([one, two, three], [Ok(None), Ok(None), Err(TooManyWaiting)]);
    assert_eq!(other, Ok(None));
}

#[tokio::test]
async fn a_secret_is_compared_whole() {
    // R15
    let secret = ClientSecret::generate();
    let consumer = consumer_with(&[&secret]);
    let verifier = SecretVerifier::new(2, 16, 18);
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
        assert_eq!(verifier.verify(&wrong.into(), Some(&consumer), HERE, NOW).await, Ok(None));
    }
    assert!(verifier.verify(&text.into(), Some(&consumer), HERE, NOW).await.unwrap().is_some());
}

#[tokio::test]
async fn a_second_use_is_remembered_and_still_compared_whole() {
    let secret = ClientSecret::generate();
    let consumer = consumer_with(&[&secret]);
    let verifier = SecretVerifier::new(1, 0, 1);
    let text = SecretString::from(secret.expose());
    let first = verifier.verify(&text, Some(&consumer), HERE, NOW).await.unwrap();
    let _all_slots_taken = verifier.waiting.clone().try_acquire_owned().unwrap();
    assert_eq!(verifier.verify(&text, Some(&consumer), HERE, NOW).await, Ok(first), "without any hashing");
    let longer = format!("{}\0", secret.expose()).into();
    assert_eq!(verifier.verify(&longer, Some(&consumer), HERE, NOW).await, Err(TooManyWaiting), "not remembered");
}

#[tokio::test]
async fn a_secret_ends_with_its_credential() {
    let secret = ClientSecret::generate();
    let consumer = consumer_with(&[&secret]);
    let verifier = SecretVerifier::new(1, 0, 1);
    let text = SecretString::from(secret.expose());
    assert!(verifier.verify(&text, Some(&consumer), HERE, NOW.plus(59)).await.unwrap().is_some());
    assert_eq!(verifier.verify(&text, Some(&consumer), HERE, NOW.plus(60)).await, Ok(None));
}

#[tokio::test]
async fn either_of_two_secrets_works() {
    let (one, other) = (ClientSecret::generate(), ClientSecret::generate());
    let consumer = consumer_with(&[&one, &other]);
    let verifier = SecretVerifier::new(1, 0, 1);
    for secret in [one, other] {
        assert!(verifier.verify(&secret.expose().into(), Some(&consumer), HERE, NOW).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn an_unknown_consumer_takes_as_long_as_a_wrong_secret() {
    // R13: the work is the same, and sooner or later both are seen undisturbed, however busy the machine is.
    let verifier = SecretVerifier::new(1, 0, 1);
    let consumer = consumer_with(&[&ClientSecret::generate()]);
    let mut fastest = [Duration::MAX; 2];
    let is_alike = |[unknown, wrong]: [Duration; 2]| unknown * 2 > wrong && wrong * 2 > unknown;
    for round in 0..200 {
        if round > 5 && is_alike(fastest) {
            return;
        }
        for (place, asked) in [(0, None), (1, Some(&consumer))] {
            let start = Instant::now();
            assert_eq!(verifier.verify(&"wrong".into(), asked, HERE, NOW).await, Ok(None));
            fastest[place] = fastest[place].min(start.elapsed());
        }
    }
    panic!("an unknown consumer takes {:?}, a wrong secret {:?}", fastest[0], fastest[1]);
}

//! Secrets: Argon2id once, then a keyed hash that answers in under a microsecond.

use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::{
    blocking::blocking,
    clock::UnixTime,
    crypto::hmac,
    domain::{ClientSecret, ConsumerSystem, CredentialId, SecretHash},
    fair_share::FairShare,
    random,
};

/// OWASP's recommendation for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// Verified against when there is nothing else to verify against, so that an unknown consumer takes as long as a wrong
/// secret (R13). What it is the hash of does not matter: a match proves nothing.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$Y2FyZWNvbm5lY3QtYXV0aA$tKBqyXjZpBgZ7wGp6PzVJUE5yOQ0wJ1sbyTdh3cSs6E";

/// Hashes a new secret for the register. Takes tens of milliseconds of processor time.
pub fn hash(secret: &ClientSecret) -> SecretHash {
    #[expect(clippy::expect_used, reason = "the parameters are constants and the input is short")]
    let hash = argon2().hash_password(secret.expose().as_bytes()).expect("Argon2id hashes a short text");
    SecretHash::new(hash.to_string())
}

fn argon2() -> Argon2<'static> {
    #[expect(clippy::expect_used, reason = "constants")]
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).expect("the parameters are within Argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// So many wrong or new secrets are being hashed that one more cannot wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many secrets are waiting to be verified")]
pub struct TooManyWaiting;

/// Verifies secrets off the async threads, and remembers those that it verified.
pub struct SecretVerifier {
    /// Made anew by each process, so that a copy of its memory's tags is of no use elsewhere.
    key: hmac::Key,
    /// A tag for each credential that was verified. Bounded by the number of registered secrets.
    verified: RwLock<HashMap<CredentialId, hmac::Tag>>,
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    places: usize,
    places_by_address: Arc<FairShare>,
}

impl SecretVerifier {
    /// Verifies at most `concurrency` secrets at a time, each of which takes 19 MiB, and lets at most `queue` wait. Of all
    /// these places one address gets at most `per_address`: a flood from there leaves room for others (R54).
    pub fn new(concurrency: usize, queue: usize, per_address: usize) -> Self {
        let places = concurrency.max(1) + queue;
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &random::bytes::<32>()),
            verified: RwLock::default(),
            running: Arc::new(Semaphore::new(concurrency.max(1))),
            waiting: Arc::new(Semaphore::new(places)),
            places,
            places_by_address: FairShare::new(per_address),
        }
    }

    /// The credential of `consumer` that `secret` proves at `now`. For no consumer, or one without secrets, the answer
    /// is `None` after the same work.
    pub async fn verify(
        &self,
        secret: &SecretString,
        consumer: Option<&ConsumerSystem>,
        address: IpAddr,
        now: UnixTime,
    ) -> Result<Option<CredentialId>, TooManyWaiting> {
        let held = || consumer.into_iter().flat_map(|consumer| consumer.secrets_at(now));
        if let Some(id) = self.remembered_among(held(), secret) {
            return Ok(Some(id));
        }
        let candidates = held().map(|(id, hash)| (id, hash.clone())).collect();
        self.verify_slowly(secret, candidates, address).await
    }

    /// How many secrets are being hashed or wait for it.
    pub fn waiting(&self) -> usize {
        self.places - self.waiting.available_permits()
    }

    fn remembered_among<'a>(
        &self,
        mut held: impl Iterator<Item = (CredentialId, &'a SecretHash)>,
        secret: &SecretString,
    ) -> Option<CredentialId> {
        held.find(|(id, hash)| self.is_remembered(*id, hash, secret)).map(|(id, _)| id)
    }

    /// Compares in constant time. The hash is part of what is remembered, so a tag dies with the secret it stands for.
    fn is_remembered(&self, id: CredentialId, hash: &SecretHash, secret: &SecretString) -> bool {
        let verified = self.verified.read().unwrap_or_else(PoisonError::into_inner);
        verified.get(&id).is_some_and(|tag| hmac::verify(&self.key, &remembered(hash, secret), tag.as_ref()).is_ok())
    }

    async fn verify_slowly(
        &self,
        secret: &SecretString,
        candidates: Vec<(CredentialId, SecretHash)>,
        address: IpAddr,
    ) -> Result<Option<CredentialId>, TooManyWaiting> {
        let _share = self.places_by_address.take(address).ok_or(TooManyWaiting)?;
        let _place = self.waiting.clone().try_acquire_owned().map_err(|_| TooManyWaiting)?;
        let slot = self.running.clone().acquire_owned().await.map_err(|_| TooManyWaiting)?;
        if let Some(id) = self.remembered_among(candidates.iter().map(|(id, hash)| (*id, hash)), secret) {
            return Ok(Some(id)); // another request with the same secret was before this one
        }
        let presented = secret.clone();
        let work = move || {
            let _slot = slot; // held until the work is done, even if the request is gone by then
            if candidates.is_empty() {
                matches(&presented, DECOY);
            }
            candidates.into_iter().find(|(_, hash)| matches(&presented, hash.as_str()))
        };
        let Some((id, hash)) = blocking(work).await else { return Ok(None) };
        let tag = hmac::sign(&self.key, &remembered(&hash, secret));
        self.verified.write().unwrap_or_else(PoisonError::into_inner).insert(id, tag);
        Ok(Some(id))
    }
}

fn remembered(hash: &SecretHash, secret: &SecretString) -> zeroize::Zeroizing<Vec<u8>> {
    let mut text = zeroize::Zeroizing::new(Vec::with_capacity(256));
    text.extend_from_slice(hash.as_str().as_bytes());
    text.push(0); // a PHC string has no NUL, so the two parts cannot be shifted against each other
    text.extend_from_slice(secret.expose_secret().as_bytes());
    text
}

fn matches(secret: &SecretString, phc: &str) -> bool {
    PasswordHash::new(phc).is_ok_and(|hash| argon2().verify_password(secret.expose_secret().as_bytes(), &hash).is_ok())
}

impl fmt::Debug for SecretVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretVerifier").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::Ipv4Addr,
        time::{Duration, Instant},
    };

    use super::*;
    use crate::domain::{Credential, CredentialKind, Organisation, RegistrationStatus};

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn consumer_with(secrets: &[&ClientSecret]) -> ConsumerSystem {
        let credential = |secret: &&ClientSecret| {
            Arc::new(Credential {
                id: CredentialId(random::uuid()),
                label: "test".into(),
                kind: CredentialKind::Secret(hash(secret)),
                starts_at: NOW,
                ends_at: Some(NOW.plus(60)),
            })
        };
        ConsumerSystem {
            client_id: random::client_id(),
            name: "Example 111".parse().unwrap(),
            asid: "200000000205".parse().unwrap(),
            organisation: Organisation {
                ods_code: "A1001".parse().unwrap(),
                organisation_type: "urgent-care".parse().unwrap(),
            },
            groups: [].into(),
            credentials: secrets.iter().map(credential).collect(),
            accepts_token_endpoint_audience: false,
            requests_per_minute: None,
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

    #[test]
    fn the_decoy_costs_what_a_registered_hash_costs() {
        let cost = |phc: &str| PasswordHash::new(phc).map(|hash| hash.params.to_string()).unwrap();
        assert_eq!(cost(DECOY), cost(hash(&ClientSecret::generate()).as_str()));
    }
}

//! A verifier that remembers tokens decides as one that does not: R34, R38, R40, R41.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering},
};

use careconnect_verifier::{
    BoxFuture, CertificateThumbprint, FixedRevocations, KeySet, KeySource, KeysUnavailable, Presented, Rejection,
    TokenVerifier, VerifiedToken,
};
use serde_json::{Value, json};

use crate::{
    issuer::{AUDIENCE, ISSUER, Issuer, NOW, claims, encode},
    revocations::list,
};

/// Keys that a test sets; none when they are too stale to be used.
#[derive(Clone, Default)]
struct SetKeys(Arc<Mutex<Option<Arc<KeySet>>>>);

impl SetKeys {
    fn set(&self, jwks: &[Value]) {
        let keys = KeySet::parse(json!({ "keys": jwks }).to_string().as_bytes()).unwrap();
        *self.0.lock().unwrap() = Some(Arc::new(keys));
    }

    fn lose(&self) {
        *self.0.lock().unwrap() = None;
    }
}

impl KeySource for SetKeys {
    fn current(&self) -> Option<Arc<KeySet>> {
        self.0.lock().unwrap().clone()
    }

    fn refreshed(&self) -> BoxFuture<'_, Result<Arc<KeySet>, KeysUnavailable>> {
        Box::pin(async { self.current().ok_or_else(|| KeysUnavailable("lost".to_owned())) })
    }
}

/// Two verifiers of the same time, keys and revocations, of which one remembers tokens.
struct Twins {
    time: Arc<AtomicI64>,
    keys: SetKeys,
    revocations: FixedRevocations,
    remembering: TokenVerifier,
    forgetful: TokenVerifier,
}

impl Twins {
    fn new(issuer: &Issuer) -> Self {
        let (time, keys) = (Arc::new(AtomicI64::new(NOW)), SetKeys::default());
        let revocations = FixedRevocations::new(list(issuer, |_| {}));
        let verifier = |room| {
            let time = Arc::clone(&time);
            let builder = TokenVerifier::for_issuer(ISSUER).audience(AUDIENCE).keys(keys.clone()).max_age(120);
            let builder = builder.clock(move || time.load(Ordering::SeqCst)).revocations(revocations.clone());
            builder.cache(room).build().unwrap()
        };
        Self { remembering: verifier(64), forgetful: verifier(0), time, keys, revocations }
    }

    /// What both say, which must be the same to the last word.
    async fn verdict(&self, presented: Presented<'_>) -> Result<VerifiedToken, Rejection> {
        let [remembering, forgetful] = [&self.remembering, &self.forgetful];
        assert_eq!(remembering.verify_offline(presented), forgetful.verify_offline(presented));
        let verdict = remembering.verify(presented).await;
        assert_eq!(verdict, forgetful.verify(presented).await);
        verdict
    }

    async fn withdraw(&self, document: String) {
        self.revocations.replace(document);
        for verifier in [&self.remembering, &self.forgetful] {
            verifier.refresh_revocations().await.unwrap();
        }
    }
}

fn told(verdict: Result<VerifiedToken, Rejection>) -> &'static str {
    verdict.map_or_else(|rejection| rejection.reason(), |_| "accepted")
}

#[tokio::test]
async fn every_change_of_time_key_holder_and_revocation_counts_for_a_known_token() {
    let (issuer, namesake) = (Issuer::new("k1"), Issuer::new("k1"));
    let twins = Twins::new(&issuer);
    let token = issuer.token();
    let verdict = async || told(twins.verdict(Presented::new(&token)).await);
    twins.keys.set(&[issuer.jwk()]);
    for verifier in [&twins.remembering, &twins.forgetful] {
        verifier.refresh_revocations().await.unwrap();
    }
    assert_eq!(verdict().await, "accepted");
    assert_eq!(told(twins.verdict(Presented::new(&token).from_system("200000000206")).await), "asid_mismatch");
    for (time, expected) in
        [(NOW + 115, "accepted"), (NOW + 116, "expired"), (NOW - 15, "accepted"), (NOW - 16, "not_yet_valid")]
    {
        twins.time.store(time, Ordering::SeqCst);
        assert_eq!(verdict().await, expected, "{}", time - NOW);
    }
    twins.time.store(NOW, Ordering::SeqCst);
    let relabelled = |alg: &str| {
        let mut jwk = issuer.jwk();
        jwk["alg"] = json!(alg);
        jwk
    };
    for (keys, expected) in [
        (vec![Issuer::new("k2").jwk()], "unknown_kid"),
        (vec![namesake.jwk()], "bad_signature"),
        (vec![issuer.jwk(), namesake.jwk()], "jwks_invalid"),
        (vec![relabelled("ES384")], "unsupported_alg"),
        (vec![Issuer::new("k2").jwk(), issuer.jwk()], "accepted"),
    ] {
        twins.keys.set(&keys);
        assert_eq!(verdict().await, expected);
    }
    twins.keys.lose();
    assert_eq!(verdict().await, "keys_unavailable");
    twins.keys.set(&[issuer.jwk()]);
    assert_eq!(verdict().await, "accepted");
    twins.withdraw(list(&issuer, |list| list["tokens"] = json!([claims()["jti"]]))).await;
    assert_eq!(verdict().await, "revoked");
}

#[tokio::test]
async fn any_sequence_of_requests_is_judged_alike() {
    let (issuer, other) = (Issuer::new("k1"), Issuer::new("k2"));
    let twins = Twins::new(&issuer);
    let [holder, thief] = [&b"holder"[..], b"thief"].map(CertificateThumbprint::of_der);
    let bound = json!({ "x5t#S256": holder.to_string() });
    let mut tokens = Vec::new();
    for signer in [&issuer, &other] {
        for seconds in [-100, -1, 0, 30, 600] {
            tokens.push(signer.token_with(|claims| claims["exp"] = json!(NOW + seconds)));
        }
        tokens.push(signer.token_with(|claims| claims["cnf"] = bound.clone()));
        tokens.push(signer.token_with(|claims| claims["jti"] = json!("withdrawn")));
        tokens.push(signer.token_with(|claims| claims["aud"] = json!(ISSUER)));
        let token = signer.token();
        tokens.push(format!("{}.{}", &token[..token.rfind('.').unwrap()], encode(&[1; 64])));
        tokens.push(token);
    }
    let mut state = 7_u64;
    let mut any = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..1500 {
        match any(12) {
            0 => twins.keys.set(&[issuer.jwk()]),
            1 => twins.keys.set(&[issuer.jwk(), other.jwk()]),
            2 if round % 2 == 0 => twins.keys.lose(),
            3 => twins.time.store(NOW + [-20, 0, 29, 40, 200][any(5)], Ordering::SeqCst),
            4 if any(8) == 0 => {
                twins.time.store(NOW, Ordering::SeqCst);
                twins.keys.set(&[issuer.jwk()]);
                let withdrawn = [json!([]), json!(["withdrawn"])][any(2)].clone();
                let issued_at = NOW - 200 + i64::from(round) / 10; // never an older one
                twins
                    .withdraw(list(&issuer, |list| {
                        list["iat"] = json!(issued_at);
                        list["tokens"] = withdrawn;
                    }))
                    .await;
            }
            _ => {}
        }
        let mut presented = Presented::new(&tokens[any(tokens.len())]);
        if let Some(certificate) = [None, Some(holder), Some(thief)][any(3)] {
            presented = presented.with_certificate(certificate);
        }
        if let Some(asid) = [None, None, Some("200000000205"), Some("200000000206")][any(4)] {
            presented = presented.from_system(asid);
        }
        let counted = if twins.verdict(presented).await.is_ok() { &mut accepted } else { &mut refused };
        *counted += 1;
    }
    assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
}

#[test]
fn a_known_token_is_handed_out_without_a_copy_and_a_changed_one_is_not_known() {
    let issuer = Issuer::new("k1");
    let (verifier, token) = (issuer.verifier().build().unwrap(), issuer.token());
    let [first, second] = [(); 2].map(|()| verifier.verify_offline(&token).unwrap());
    assert!(std::ptr::eq(first.claims(), second.claims()));
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let forged = issuer.token_with(|claims| claims["ods_code"] = json!("A20047"));
    let forged = format!("{}.{signature}", forged.rsplit_once('.').unwrap().0);
    assert_eq!(told(verifier.verify_offline(&forged)), "bad_signature");
    for changed in [format!("{signed}.{signature}="), format!(" {token}"), format!("{token}.")] {
        assert!(verifier.verify_offline(&changed).is_err());
    }
    let forgetful = issuer.verifier().cache(0).build().unwrap();
    let [first, second] = [(); 2].map(|()| forgetful.verify_offline(&token).unwrap());
    assert!(first == second && !std::ptr::eq(first.claims(), second.claims()));
}

#[test]
fn a_flood_of_bad_tokens_evicts_nothing() {
    let (issuer, forger) = (Issuer::new("k1"), Issuer::new("k1"));
    let (verifier, token) = (issuer.verifier().cache(1).build().unwrap(), issuer.token());
    let before = verifier.verify_offline(&token).unwrap();
    let bound = issuer.token_with(|claims| claims["cnf"] = json!({ "x5t#S256": encode(&[7; 32]) }));
    for _ in 0..50 {
        assert_eq!(told(verifier.verify_offline(&forger.token())), "bad_signature");
        assert_eq!(told(verifier.verify_offline(&bound)), "cnf_mismatch", "genuine, but its bearer is not");
    }
    assert!(std::ptr::eq(before.claims(), verifier.verify_offline(&token).unwrap().claims()));
}

//! What a verifier counts is what happened.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use careconnect_verifier::FixedRevocations;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit, with_local_recorder};

use crate::{
    issuer::{ISSUER, Issuer, NOW},
    publisher::Publisher,
    remote_keys::{SECOND, pass, reason, verifier},
    revocations::list,
};

/// Keeps every number under its name and labels, and the names that were described.
#[derive(Default)]
struct Numbers {
    numbers: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    described: Mutex<Vec<String>>,
}

impl Numbers {
    fn number(&self, key: &Key) -> Arc<AtomicU64> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        Arc::clone(self.numbers.lock().unwrap().entry(name).or_default())
    }

    fn read(&self, name: &str) -> u64 {
        self.numbers.lock().unwrap()[&format!("careconnect_verifier_{name}")].load(Ordering::SeqCst)
    }
}

impl Recorder for Numbers {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.described.lock().unwrap().push(name.as_str().to_owned());
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.described.lock().unwrap().push(name.as_str().to_owned());
    }

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.number(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.number(key))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn verifications_proofs_fetches_and_moments_are_counted_and_described() {
    let numbers = Numbers::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = with_local_recorder(&numbers, || runtime.block_on(exercise()));
    for (name, expected) in [
        ("verifications_total{outcome=accepted,reason=none}", 3),
        ("verifications_total{outcome=refused,reason=bad_signature}", 1),
        ("verifications_total{outcome=refused,reason=unknown_kid}", 2),
        ("proofs_total{by=cache}", 2),
        ("proofs_total{by=signature}", 1),
        ("fetches_total{what=keys,outcome=ok}", 1),
        ("fetches_total{what=keys,outcome=failed}", 1),
        ("fetches_total{what=revocations,outcome=ok}", 1),
        ("fetches_total{what=revocations,outcome=failed}", 1),
    ] {
        assert_eq!(numbers.read(name), expected, "{name}");
    }
    for name in [
        format!("keys_fetched_timestamp_seconds{{url={url}}}"),
        format!("revocations_confirmed_timestamp_seconds{{issuer={ISSUER}}}"),
    ] {
        assert_eq!(f64::from_bits(numbers.read(&name)), f64::from(u32::try_from(NOW).unwrap()), "{name}");
    }
    let described = numbers.described.lock().unwrap();
    let name = |name: &String| name.split('{').next().unwrap().to_owned();
    assert!(numbers.numbers.lock().unwrap().keys().map(name).all(|name| described.contains(&name)));
}

/// Gives the address of the keys.
async fn exercise() -> String {
    let (issuer, forger, unknown) = (Issuer::new("k1"), Issuer::new("k1"), Issuer::new("k2"));
    let (publisher, keys) = Publisher::start(&[&issuer]).await;
    let verifier = verifier(keys.clock(|| NOW));
    let token = issuer.token();
    for _ in 0..3 {
        verifier.verify(&token).await.unwrap();
    }
    assert_eq!(reason(&verifier, &forger).await, "bad_signature");
    assert_eq!(reason(&verifier, &unknown).await, "unknown_kid");
    publisher.go_away();
    pass(31 * SECOND).await;
    assert_eq!(reason(&verifier, &unknown).await, "unknown_kid");
    let source = FixedRevocations::new(list(&issuer, |_| {}));
    let following = issuer.verifier().revocations(source.clone()).build().unwrap();
    following.refresh_revocations().await.unwrap();
    source.replace("no list");
    following.refresh_revocations().await.unwrap_err();
    publisher.url().to_owned()
}

//! Several nodes and verifiers, and one set of keys.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use careconnect_auth::{
    app::App,
    clock::{Clock, UnixTime},
    domain::{KeySchedule, KeyState},
    operations::{change_keys::KeyWork, rotate_keys::rotate_keys, tend_keys::tend_keys},
    server::RunningServer,
};
use careconnect_verifier::{Algorithm, BoxFuture, KeySet, KeySource, KeysUnavailable, TokenVerifier};

use crate::support::{
    changes::act,
    soon::{soon, until},
    test_server::{ROOT, TestServer, consumer},
};

const SHARED: &str = "keys.store = \"database\"\n";

/// A verifier that keeps the key set for as long as it may, and never looks for an unknown key before that.
struct StrictVerifier<'a> {
    server: &'a TestServer,
    fetched: Mutex<Option<(Arc<KeySet>, UnixTime)>>,
    max_age: i64,
}

impl<'a> StrictVerifier<'a> {
    fn new(server: &'a TestServer) -> Self {
        Self { server, fetched: Mutex::new(None), max_age: server.running.app.jwks_max_age }
    }

    /// Fetches from the node at `port` when what it has is too old, then verifies.
    async fn verify(&self, token: &str, port: u16) {
        let now = self.server.clock.now();
        let is_fresh = |at: UnixTime| now.since(at) < self.max_age;
        let known = self.fetched.lock().unwrap().as_ref().filter(|(_, at)| is_fresh(*at)).map(|(keys, _)| keys.clone());
        let keys = match known {
            Some(keys) => keys,
            None => {
                let url = format!("https://localhost:{port}{}/.well-known/jwks.json", self.server.issuer_path());
                let body = self.server.client().get(url).send().await.unwrap().bytes().await.unwrap();
                let keys = Arc::new(KeySet::parse(&body).unwrap());
                *self.fetched.lock().unwrap() = Some((keys.clone(), now));
                keys
            }
        };
        let verifier = TokenVerifier::for_issuer(self.server.issuer()).audience(ROOT).keys(SharedKeys(keys));
        let verifier = verifier.clock(move || now.0).leeway(60).build().unwrap();
        verifier.verify_offline(token).unwrap_or_else(|refused| panic!("refused at {now}: {refused}"));
    }
}

/// Keys that two verifiers share.
struct SharedKeys(Arc<KeySet>);

impl KeySource for SharedKeys {
    fn current(&self) -> Option<Arc<KeySet>> {
        Some(self.0.clone())
    }

    fn refreshed(&self) -> BoxFuture<'_, Result<Arc<KeySet>, KeysUnavailable>> {
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }
}

fn actives(app: &App) -> Vec<(Algorithm, String)> {
    let (keys, now) = (app.registry.signing_keys(), app.clock.now());
    let schedule: KeySchedule = *app.keys.ring().schedule();
    let active = keys.iter().filter(|key| schedule.state(key, &keys, now) == KeyState::Active);
    let mut active: Vec<_> = active.map(|key| (key.algorithm, key.kid.to_string())).collect();
    active.sort();
    active
}

async fn agree(nodes: &[Arc<App>]) {
    let committed = nodes[0].registry.database().revision().await.unwrap();
    for app in nodes {
        until("all nodes have seen it", async || app.registry.revision() >= committed).await;
        let records = app.registry.signing_keys().len();
        until("and its ring has followed", async || app.keys.ring().records().len() == records).await;
    }
}

/// Rotates again and again, by both nodes at once, while tokens of both are verified by two verifiers; `between` does what it
/// likes after each.
async fn rotate_under_load(
    server: &TestServer,
    other: RunningServer,
    rotations: usize,
    between: impl AsyncFn(usize, RunningServer) -> RunningServer,
) {
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let mut other = other;
    let verifiers = [StrictVerifier::new(server), StrictVerifier::new(server)];
    let (stopped, verified) = (AtomicBool::new(false), AtomicUsize::new(0));
    // Tokens are of one moment: the clock stands while one is asked for and judged.
    let moment = tokio::sync::RwLock::new(other.address.port());
    let load = async {
        let mut turn = 0;
        while !stopped.load(Ordering::Relaxed) {
            let port = moment.read().await;
            let ports = [server.running.address.port(), *port];
            let token = server.token_by_secret(&registered).through(ports[turn % 2]).send().await.token();
            for (number, verifier) in verifiers.iter().enumerate() {
                verifier.verify(&token, ports[(turn / 3 + number) % 2]).await;
            }
            verified.fetch_add(1, Ordering::Relaxed);
            drop(port);
            turn += 1;
            tokio::task::yield_now().await;
        }
    };
    let rotate = async {
        for number in 0..rotations {
            let nodes = [server.running.app.clone(), other.app.clone()];
            let before = nodes[0].registry.signing_keys().len();
            let now = server.clock.now();
            let by = |app: &Arc<App>| {
                let work = KeyWork::of(app);
                async move { rotate_keys(&work, &[Algorithm::Es256], act(now)).await.unwrap() }
            };
            let _both_do_it = tokio::join!(by(&nodes[0]), by(&nodes[1]));
            agree(&nodes).await;
            assert_eq!(nodes[0].registry.signing_keys().len(), before + 1, "one new key in rotation {number}");
            for _ in 0..3 {
                let seen = verified.load(Ordering::Relaxed);
                until("tokens of this moment", async || verified.load(Ordering::Relaxed) > seen + 1).await;
                let _nobody_looks = moment.write().await;
                server.clock.advance(110);
                let [one, two] = [actives(&nodes[0]), actives(&nodes[1])];
                assert_eq!(one, two, "rotation {number}");
                let mut algorithms: Vec<_> = one.iter().map(|(algorithm, _)| *algorithm).collect();
                algorithms.dedup();
                assert_eq!(algorithms.len(), one.len(), "exactly one active key of each algorithm");
            }
            drop(nodes);
            let mut port = moment.write().await;
            other = between(number, other).await;
            *port = other.address.port();
        }
        stopped.store(true, Ordering::Relaxed);
        other
    };
    let ((), other) = tokio::join!(load, rotate);
    assert!(verified.load(Ordering::Relaxed) >= rotations * 3);
    soon("the other node to stop", other.stop()).await;
}

// R44, R45
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_rotations_by_two_nodes_at_once_refuse_no_token_and_make_one_key_each() {
    let server = TestServer::with(SHARED).await;
    let other = server.another_node().await;
    rotate_under_load(&server, other, 100, async |_, other| other).await;
}

// R44, R45
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotations_go_on_while_a_node_is_restarted_again_and_again() {
    let server = TestServer::with(SHARED).await;
    let other = server.another_node().await;
    rotate_under_load(&server, other, 10, async |_, other| {
        soon("a stop", other.stop()).await;
        server.another_node().await
    })
    .await;
}

// R45
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_whose_schedules_are_due_at_the_same_moment_make_one_key() {
    let server = TestServer::with(&format!("{SHARED}keys.rotate_every_days = 2\n")).await;
    let other = server.another_node().await;
    let nodes = [server.running.app.clone(), other.app.clone()];
    let algorithms = nodes[0].keys.algorithms().len();
    for turn in 1..=3 {
        server.clock.advance(2 * 86_400);
        let tend = |app: &Arc<App>| {
            let (work, now) = (KeyWork::of(app), app.clock.now());
            async move { tend_keys(&work, now).await.unwrap() }
        };
        tokio::join!(tend(&nodes[0]), tend(&nodes[1]), tend(&nodes[0]));
        agree(&nodes).await;
        let made = nodes[0].registry.signing_keys().len();
        assert!(made <= algorithms * (turn + 1), "{made} keys of {algorithms} algorithms after turn {turn}");
        assert_eq!(actives(&nodes[0]), actives(&nodes[1]));
    }
    drop(nodes);
    soon("the other node to stop", other.stop()).await;
}

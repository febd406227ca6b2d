//! The database is out of reach in every way in which it can be, while all that needs it and all that does not is asked for.

use std::{
    cell::{Cell, RefCell},
    time::{Duration, Instant},
};

use careconnect_auth::{
    clock::{Clock, SystemClock},
    domain::{CertificateIdentity, CredentialKind},
    operations::{
        register_consumer::{ConsumerRegistration, RegisteredConsumer, register_consumer},
        register_provider::register_provider,
    },
    random,
};
use careconnect_verifier::Algorithm;
use serde_json::json;

use crate::support::{
    assertion::{AssertionKey, JWT_BEARER},
    changes::act,
    command::run,
    databases::{Outage, TestDatabase},
    process::{Scene, Serve},
    soon::until,
    test_server::{ROOT, consumer, consumer_with_certificate, provider},
};

const HOST: &str = "booking.trust.nhs.uk";

/// How long each outage lasts, in seconds, once it has been noticed: as long as the environment says, and long enough for
/// every answer to be seen unless it says something. With it,
/// figures go to standard error (`--nocapture`).
fn duration() -> Option<Duration> {
    let seconds = std::env::var_os("OUTAGE_SECONDS")?;
    Some(Duration::from_secs(seconds.to_str().unwrap().parse().unwrap()))
}

#[expect(clippy::print_stderr, reason = "figures for whoever asked for them")]
fn show(figures: std::fmt::Arguments<'_>) {
    eprintln!("{figures}");
}

struct Load {
    scene: Scene,
    by_secret: RegisteredConsumer,
    by_assertion: RegisteredConsumer,
    key: AssertionKey,
    certificate: reqwest::Client,
    anonymous: reqwest::Client,
    /// Tokens that were issued.
    issued: Cell<u64>,
    /// What else was answered to requests that need no database.
    lost: RefCell<Vec<String>>,
}

impl Load {
    async fn begin() -> Self {
        let scene = Scene::on(TestDatabase::on_its_own().await);
        run(scene.path(), &["migrate"]).success();
        let (database, now) = (scene.database.handle(), SystemClock.now());
        let key = AssertionKey::new(Algorithm::Es256);
        let with =
            |kind: CredentialKind| ConsumerRegistration { credentials: vec![kind], with_secret: false, ..consumer() };
        let register = async |registration| register_consumer(database, registration, act(now)).await.unwrap();
        register_provider(database, provider(ROOT), act(now)).await.unwrap();
        let by_secret = register(consumer()).await;
        let by_assertion = register(with(CredentialKind::Key(key.registered_as("key-1")))).await;
        register(consumer_with_certificate(CertificateIdentity::SanDns(HOST.parse().unwrap()))).await;
        let certificate = scene.client_with(Some(&scene.client_authority.client(HOST)));
        let (anonymous, issued, lost) = (scene.client(), Cell::new(0), RefCell::default());
        Self { scene, by_secret, by_assertion, key, certificate, anonymous, issued, lost }
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.scene.public)
    }

    fn token_request(&self, client: &reqwest::Client, more: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let form = [&[("grant_type", "client_credentials"), ("resource", ROOT)], more].concat();
        client.post(self.url("/careconnect/oauth2/token")).form(&form)
    }

    /// Without end: what is answered from memory.
    async fn ask(&self) {
        let secret = self.by_secret.secret.as_ref().unwrap().expose();
        for number in 0_u64.. {
            let request = match number % 2 {
                0 => self.token_request(&self.certificate, &[]),
                _ => {
                    let request = self.token_request(&self.anonymous, &[]);
                    request.basic_auth(self.by_secret.consumer.client_id.as_str(), Some(secret))
                }
            };
            match request.send().await {
                Ok(answer) if answer.status() == 200 => self.issued.set(self.issued.get() + 1),
                Ok(answer) => {
                    let other = answer.text().await;
                    self.lost.borrow_mut().push(format!("{other:?}"));
                }
                Err(error) => self.lost.borrow_mut().push(format!("{error:?}")),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn by_assertion(&self) -> reqwest::Response {
        let (client, jti, now) = (self.by_assertion.consumer.client_id.as_str(), random::uuid(), SystemClock.now().0);
        let issuer = self.url("/careconnect");
        let claims = json!({ "iss": client, "sub": client, "aud": issuer, "exp": now + 300, "jti": jti });
        let assertion = self.key.sign(&json!({ "alg": "ES256", "typ": "JWT", "kid": "key-1" }), &claims);
        let proof = [("client_assertion_type", JWT_BEARER), ("client_assertion", assertion.as_str())];
        self.token_request(&self.anonymous, &proof).send().await.unwrap()
    }

    async fn write(&self) -> reqwest::Response {
        let code = random::uuid().simple().to_string();
        let body = json!({ "code": format!("t{}", &code[..12]), "display": "A type", "reason": "a test" });
        self.scene.admin().request(reqwest::Method::POST, "/organisation-types").json(&body).send().await.unwrap()
    }

    async fn readiness(&self) -> String {
        let answer = self.anonymous.get(self.url("/health/ready")).send().await.unwrap();
        answer.json::<serde_json::Value>().await.unwrap()["status"].as_str().unwrap().to_owned()
    }

    async fn metric(&self, name: &str) -> f64 {
        let text = reqwest::get(format!("http://127.0.0.1:{}/metrics", self.scene.metrics)).await.unwrap();
        let text = text.text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(-1.0, |value| value.parse().unwrap())
    }

    /// What needs the database is refused for the time being, and says so.
    async fn is_refused(&self) {
        for (what, answer) in [("an assertion", self.by_assertion().await), ("a write", self.write().await)] {
            assert_eq!(answer.status(), 503, "{what}");
            let retry_after = answer.headers().get("retry-after").unwrap_or_else(|| panic!("{what}: no Retry-After"));
            assert!(retry_after.to_str().unwrap().parse::<u32>().unwrap() > 0, "{what}");
        }
    }

    async fn survives(&self, outage: Outage) {
        let issued_before = self.issued.get();
        let begun = Instant::now();
        self.scene.database.begin(outage).await;
        until("degraded", async || self.readiness().await == "degraded").await;
        until("the age in the metrics", async || self.metric("careconnect_registry_age_seconds").await > 3.0).await;
        until("nobody listens", async || self.metric("careconnect_registry_listening").await < 1.0).await;
        self.is_refused().await;
        while duration().is_some_and(|duration| begun.elapsed() < duration) {
            self.is_refused().await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let issued = self.issued.get();
        assert!(issued > issued_before, "tokens go on");

        self.scene.database.end(outage).await;
        let (ended, lasted) = (Instant::now(), begun.elapsed());
        until("an assertion counts", async || self.by_assertion().await.status() == 200).await;
        until("a write is made", async || self.write().await.status() == 201).await;
        until("ready", async || self.readiness().await == "ready").await;
        let listens = if Outage::all().contains(&Outage::Held) { 1.0 } else { 0.0 };
        until("listening", async || self.metric("careconnect_registry_listening").await == listens).await;
        if duration().is_some() {
            let (during, back) = (issued - issued_before, ended.elapsed());
            show(format_args!("{outage:?} for {lasted:?}: {during} tokens, all back after {back:?}"));
        }
    }
}

#[tokio::test]
async fn no_token_is_lost_whatever_becomes_of_the_database_and_the_rest_is_honestly_refused() {
    // R56
    let load = Load::begin().await;
    let _served = Serve::start_for(load.scene.path(), 4 * duration().unwrap_or_default());
    until("the first token", async || load.by_assertion().await.status() == 200).await;
    let outages = async {
        for outage in Outage::all() {
            load.survives(*outage).await;
        }
    };
    tokio::select! {
        () = outages => {}
        () = load.ask() => {}
    }
    assert_eq!(*load.lost.borrow(), [""; 0], "of {}", load.issued.get());
}

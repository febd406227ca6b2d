//! What a flood of wrong secrets costs honest consumers: their latencies without and with it, in turns, on one server.
//!
//! `cargo bench --bench flood [-- COMMAND…]`, where the command is put before the server's, such as `taskset --cpu-list 0`.
//! Both sides send at fixed rates, and latencies count from when a request was due: a server that stalls does not slow the
//! clock down. A flood comes twice: as configured, where budgets answer, and without budgets, where every wrong secret is
//! for Argon2.
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::as_conversions, reason = "a measurement, run by hand")]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use reqwest::{Certificate, Client, StatusCode};
use serde_json::Value;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, interval, sleep, timeout},
};

const PHASE: Duration = Duration::from_secs(10);
const HONEST_PER_SECOND: u32 = 100;
const WRONG_PER_SECOND: u32 = 300;

const SERVER: &str = env!("CARGO_BIN_EXE_careconnect-auth");

#[tokio::main]
async fn main() {
    let before: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let directory = tempfile::tempdir().unwrap();
    let manifest = registrations(directory.path());
    for (name, budget) in [("budgets as configured", None), ("no budgets: all for Argon2", Some("0"))] {
        println!("{name}");
        let _server = serve(&before, &manifest, budget);
        let honest = Caller::new(&manifest, |consumer| consumer["client_secret"].as_str().unwrap().to_owned());
        let wrong = Caller::new(&manifest, |_| "wrong".to_owned());
        timeout(Duration::from_secs(20), honest.until_it_answers()).await.unwrap();
        for _ in 0..3 {
            honest.clone().send_for(PHASE, HONEST_PER_SECOND).await.print("  alone       ");
            let floods = tokio::spawn(wrong.clone().send_for(PHASE, WRONG_PER_SECOND));
            honest.clone().send_for(PHASE, HONEST_PER_SECOND).await.print("  in the flood");
            floods.await.unwrap().print("     the flood");
        }
    }
}

/// Ends with the value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// What `dev` registers, for a server that is configured by us.
fn registrations(directory: &Path) -> Value {
    let mut dev = Command::new(SERVER);
    dev.args(["dev", "--listen", "127.0.0.1:0", "--directory"]).arg(directory.join("dev")).stdout(Stdio::piped());
    let mut dev = Running(dev.spawn().unwrap());
    let lines = BufReader::new(dev.0.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.starts_with("Stop with")));
    serde_json::from_slice(&fs::read(directory.join("dev/dev.json")).unwrap()).unwrap()
}

fn serve(before: &[String], manifest: &Value, budget: Option<&str>) -> Running {
    let words: Vec<&str> = before.iter().map(String::as_str).chain([SERVER, "serve", "--config"]).collect();
    let mut server = Command::new(words[0]);
    server
        .args(&words[1..])
        .arg(manifest["config_file"].as_str().unwrap())
        .env("CARECONNECT_AUTH__LOG__LEVEL", "error");
    for key in ["CONSUMER_AND_ADDRESS", "ADDRESS"] {
        server.envs(budget.map(|budget| (format!("CARECONNECT_AUTH__LIMITS__FAILURES_PER_{key}"), budget)));
    }
    Running(server.spawn().unwrap())
}

/// Sends one token request, over and over, on connections that it keeps.
struct Caller {
    client: Client,
    url: String,
    client_id: String,
    secret: String,
    resource: String,
    in_flight: Arc<Semaphore>,
}

impl Caller {
    fn new(manifest: &Value, secret: impl FnOnce(&Value) -> String) -> Arc<Self> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let consumers = manifest["consumers"].as_array().unwrap();
        let consumer = consumers.iter().find(|consumer| consumer["auth_method"] == "client_secret").unwrap();
        let authority = Certificate::from_pem(&fs::read(text(&manifest["ca_file"])).unwrap()).unwrap();
        careconnect_auth::crypto::install();
        Arc::new(Self {
            client: Client::builder().tls_certs_only([authority]).build().unwrap(),
            url: text(&manifest["token_endpoint"]),
            client_id: text(&consumer["client_id"]),
            secret: secret(consumer),
            resource: text(&manifest["providers"][0]["base_url"]),
            in_flight: Arc::new(Semaphore::new(512)),
        })
    }

    async fn send(&self) -> Option<StatusCode> {
        let form = [("grant_type", "client_credentials"), ("resource", &self.resource)];
        let request = self.client.post(&self.url).basic_auth(&self.client_id, Some(&self.secret)).form(&form);
        let response = request.send().await.ok()?;
        let status = response.status();
        response.bytes().await.ok().map(|_| status)
    }

    async fn until_it_answers(&self) {
        while self.send().await != Some(StatusCode::OK) {
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn send_for(self: Arc<Self>, time: Duration, per_second: u32) -> Measured {
        let (mut due, mut sent) = (interval(Duration::from_secs(1) / per_second), JoinSet::new());
        let end = Instant::now() + time;
        let mut measured = Measured::default();
        loop {
            let when = due.tick().await;
            if when >= end {
                break;
            }
            let Ok(place) = self.in_flight.clone().try_acquire_owned() else {
                measured.unsent += 1;
                continue;
            };
            let caller = self.clone();
            sent.spawn(async move {
                let status = caller.send().await;
                drop(place);
                (when.elapsed(), status.map_or(0, |status| status.as_u16()))
            });
        }
        measured.answers = sent.join_all().await;
        measured
    }
}

#[derive(Default)]
struct Measured {
    answers: Vec<(Duration, u16)>,
    unsent: usize,
}

impl Measured {
    fn print(mut self, name: &str) {
        self.answers.sort();
        let at = |share: f64| {
            let index = ((self.answers.len() as f64) * share) as usize;
            self.answers[index.min(self.answers.len() - 1)].0.as_secs_f64() * 1e3
        };
        let mut statuses = std::collections::BTreeMap::new();
        for (_, status) in &self.answers {
            *statuses.entry(status).or_insert(0) += 1;
        }
        let (unsent, p50, p99, most) = (self.unsent, at(0.5), at(0.99), at(1.0));
        println!("{name} p50 {p50:7.2} ms  p99 {p99:7.2} ms  max {most:7.2} ms  {statuses:?} unsent {unsent}");
    }
}

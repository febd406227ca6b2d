//! Who writes, whether the server is there or not.

use std::{cell::Cell, collections::BTreeMap};

use careconnect_verifier::{Group, KNOWN_GROUPS};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::write::{Done, Write};
use crate::support::{admin::Admin, requests::Answer, seeded::Seeded, soon::until};

/// One of several at the same time, each with services and a supplier of its own.
pub(super) struct Administrator {
    number: u64,
    admin: Admin,
    random: Seeded,
    consumers: Vec<Value>,
    /// What was answered last of everything, by its path; null of what is gone.
    left: BTreeMap<String, Value>,
    pub(super) done: Vec<Done>,
}

impl Administrator {
    pub(super) const fn new(number: u64, admin: Admin, random: Seeded) -> Self {
        Self { number, admin, random, consumers: Vec::new(), left: BTreeMap::new(), done: Vec::new() }
    }

    /// Makes so many changes, one after the other.
    pub(super) async fn write(&mut self, count: u64, answered: &Cell<u64>) {
        for number in 0..count {
            let write = self.next(format!("{}-{number}", self.number)).await;
            let request = || write.onto(self.admin.request(write.method.clone(), &write.path));
            let (answer, attempts) = insist(&write.name, request).await;
            answered.set(answered.get() + 1);
            let done = write.done(&answer, attempts);
            self.left.extend(done.after.iter().map(placed));
            self.done.push(done);
        }
    }

    /// Is all there, as it was answered?
    pub(super) async fn finds_what_it_left(&self) {
        for (path, document) in &self.left {
            let found = self.on(path).await.seen.pop();
            assert_eq!(found.unwrap_or_default(), *document, "{path}");
        }
    }

    async fn next(&mut self, name: String) -> Write {
        match self.random.below(8) {
            _ if self.consumers.is_empty() => self.register(name),
            0 | 1 => self.register(name),
            2 => self.rename(name).await,
            3 => self.add_credential(name).await,
            4 | 5 => self.assure(name).await,
            6 => self.switch_supplier(name).await,
            _ => self.block_or_unblock(name).await,
        }
    }

    fn register(&mut self, name: String) -> Write {
        let number = self.consumers.len();
        let client_id = format!("service-{}-{number}", self.number);
        let mut body = json!({
            "client_id": client_id, "name": name, "asid": format!("2{:03}{number:08}", self.number),
            "ods_code": format!("A{}{number}", self.number), "organisation_type": "urgent-care",
            "supplier_ods_code": self.supplier(),
        });
        let is_suspended = |document: &Value| document["subject"] == "supplier" && !document["suspended_at"].is_null();
        if !self.left.values().any(is_suspended) {
            let count = self.random.below(3);
            let groups: Vec<_> = (0..count).map(|_| self.group()).collect();
            body["groups"] = json!(groups);
            body["evidence"] = "CSR-7".into();
        }
        self.consumers.push(body.clone());
        Write::new(name, Method::POST, "/consumers", body, "consumer.registered")
    }

    async fn rename(&mut self, name: String) -> Write {
        let path = format!("/consumers/{}", text(self.consumer(), "client_id"));
        let body = json!({ "name": format!("Renamed by {name}") });
        self.on(&path).await.decide(Write::new(name, Method::PATCH, &path, body, "consumer.changed"))
    }

    async fn add_credential(&mut self, name: String) -> Write {
        let path = format!("/consumers/{}", text(self.consumer(), "client_id"));
        let body = json!({ "kind": "san_dns", "value": format!("w{name}.trust.nhs.uk") });
        let seen = self.on(&path).await.seen;
        let write = Write::new(name, Method::POST, &format!("{path}/credentials"), body, "consumer.credential_added");
        Write { seen, ..write }
    }

    async fn assure(&mut self, name: String) -> Write {
        let (consumer, group) = (self.consumer().clone(), self.group());
        let subjects = [
            ("service", "client_id"),
            ("organisation", "ods_code"),
            ("system", "asid"),
            ("supplier", "supplier_ods_code"),
        ];
        let (kind, member) = self.random.one_of(&subjects);
        let path = format!("/assurances/{kind}/{}/{group}", text(&consumer, member));
        let body = json!({ "evidence": format!("file {name}") });
        let found = self.on(&path).await;
        let action = if found.seen.is_empty() { "assurance.given" } else { "assurance.changed" };
        found.decide(Write::new(name, Method::PUT, &path, body, action))
    }

    async fn switch_supplier(&mut self, name: String) -> Write {
        let path = format!("/assurances/supplier/{}", self.supplier());
        let mut found = self.on(&path).await;
        let Some(all) = found.seen.pop() else { return self.register(name) };
        found.seen = all["items"].as_array().unwrap().clone();
        let stands = found.seen.iter().any(|assurance| assurance["suspended_at"].is_null());
        let (status, action) = match stands {
            true => ("suspended", "assurance.suspended"),
            false => ("active", "assurance.restored"),
        };
        found.decide(Write::new(name, Method::PATCH, &path, json!({ "status": status }), action))
    }

    async fn block_or_unblock(&mut self, name: String) -> Write {
        let is_blocked = |(path, document): &(&String, &Value)| path.starts_with("/blocked") && !document.is_null();
        let blocked = self.left.iter().find(is_blocked).map(|(path, _)| path.clone());
        if let Some(path) = blocked {
            let found = self.on(&path).await;
            let path = format!("{path}?reason={name}");
            return found.decide(Write::new(name, Method::DELETE, &path, Value::Null, "blocked_certificate.unblocked"));
        }
        let issuer = format!("CN=CA {}", self.number);
        let body = json!({ "issuer": issuer, "serial": format!("{:02x}", self.done.len() + 1), "note": "stolen" });
        Write::new(name, Method::POST, "/blocked-certificates", body, "blocked_certificate.blocked")
    }

    fn supplier(&self) -> String {
        format!("SUP{}", self.number)
    }

    fn consumer(&mut self) -> &Value {
        self.random.one_of(&self.consumers)
    }

    fn group(&mut self) -> Group {
        self.random.one_of(KNOWN_GROUPS).group.clone()
    }

    /// What is there now, and its tag.
    async fn on(&self, path: &str) -> Found {
        let (answer, _) = insist(path, || self.admin.request(Method::GET, path)).await;
        match answer.status.as_u16() {
            404 => Found { state: ("if-none-match", "*".to_owned()), seen: Vec::new() },
            _ => Found { state: ("if-match", answer.header("etag").to_owned()), seen: vec![answer.json()] },
        }
    }
}

/// On what an administrator decides.
struct Found {
    state: (&'static str, String),
    seen: Vec<Value>,
}

impl Found {
    fn decide(self, write: Write) -> Write {
        Write { state: Some(self.state), seen: self.seen, ..write }
    }
}

/// Sends it until it is answered, and says how often that was.
async fn insist(what: &str, request: impl Fn() -> RequestBuilder) -> (Answer, u32) {
    let (mut answer, mut attempts) = (None, 0);
    until(what, async || {
        attempts += 1;
        let response = request().send().await;
        answer = match response {
            Ok(response) if response.status() != 503 => Answer::read(response).await.ok(),
            _ => None,
        };
        answer.is_some()
    })
    .await;
    (answer.unwrap(), attempts)
}

/// A document, and where it is read again; null once it is no longer.
fn placed(document: &Value) -> (String, Value) {
    let part = |name| text(document, name);
    if !document["subject"].is_null() {
        let path = format!("/assurances/{}/{}/{}", part("subject"), part("identifier"), part("group"));
        return (path, document.clone());
    }
    if !document["serial"].is_null() {
        let is_gone = !document["unblocked_at"].is_null();
        return (format!("/blocked-certificates/{}", part("id")), if is_gone { Value::Null } else { document.clone() });
    }
    (format!("/consumers/{}", part("client_id")), document.clone())
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap()
}

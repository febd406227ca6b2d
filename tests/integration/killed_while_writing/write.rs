//! One change, as it is sent, and what it must have left.

use reqwest::{Method, RequestBuilder, header};
use serde_json::Value;

use crate::support::requests::Answer;

/// What an administrator asks for, in the same words until it is answered.
pub(super) struct Write {
    /// Its idempotency key, and its reason, by which the audit has it.
    pub(super) name: String,
    pub(super) method: Method,
    pub(super) path: String,
    /// On which state it was decided: a header.
    pub(super) state: Option<(&'static str, String)>,
    pub(super) body: Value,
    /// What the audit must call the first thing that it does.
    pub(super) action: &'static str,
    /// What its author saw before, of all that it may change.
    pub(super) seen: Vec<Value>,
}

/// A change that was answered.
pub(super) struct Done {
    pub(super) name: String,
    pub(super) action: &'static str,
    /// Of the request that did it, where its answer arrived.
    pub(super) trace_id: Option<String>,
    /// What there was before of all that was changed, and what there is now, in the order of the audit.
    pub(super) before: Vec<Value>,
    pub(super) after: Vec<Value>,
    pub(super) attempts: u32,
}

impl Write {
    /// One that depends on nothing that is there.
    pub(super) fn new(name: String, method: Method, path: &str, body: Value, action: &'static str) -> Self {
        Self { name, method, path: path.to_owned(), state: None, body, action, seen: Vec::new() }
    }

    pub(super) fn onto(&self, request: RequestBuilder) -> RequestBuilder {
        let request = request.header("idempotency-key", &self.name);
        let request = match &self.state {
            Some((header, tag)) => request.header(*header, tag),
            None => request,
        };
        match self.method {
            Method::DELETE => request, // its path says why
            Method::PATCH => request.header(header::CONTENT_TYPE, "application/merge-patch+json").body(self.text()),
            _ => request.header(header::CONTENT_TYPE, "application/json").body(self.text()),
        }
    }

    fn text(&self) -> String {
        let mut body = self.body.clone();
        body["reason"] = self.name.clone().into();
        body.to_string()
    }

    pub(super) fn done(self, answer: &Answer, attempts: u32) -> Done {
        assert!([200, 201].contains(&answer.status.as_u16()), "{}: {}", self.name, answer.text());
        let is_first = answer.header("idempotency-replayed").is_empty();
        let (before, after) = self.changed(&answer.json());
        let trace_id = is_first.then(|| answer.header("x-trace-id").to_owned());
        Done { name: self.name, action: self.action, trace_id, before, after, attempts }
    }

    fn changed(&self, body: &Value) -> (Vec<Value>, Vec<Value>) {
        if let Some(items) = body.get("items") {
            let now = items.as_array().unwrap().iter().cloned();
            return self.seen.iter().cloned().zip(now).filter(|(before, after)| before != after).unzip();
        }
        let after = match (body.get("consumer"), body.get("credential")) {
            (Some(consumer), _) => [vec![consumer.clone()], body["assurances"].as_array().unwrap().clone()].concat(),
            (None, Some(credential)) => vec![with_credential(self.seen[0].clone(), credential)],
            (None, None) => vec![body.clone()],
        };
        (self.seen.clone(), after)
    }
}

fn with_credential(mut consumer: Value, credential: &Value) -> Value {
    let all = consumer["credentials"].as_array_mut().unwrap();
    all.push(credential.clone());
    all.sort_by_key(|held| (held["starts_at"].to_string(), held["id"].to_string()));
    consumer
}

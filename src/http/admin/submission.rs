//! A change as it was submitted: on whose word, and what.

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::request::Parts,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

use super::{
    super::trace_id::TraceId, AdminState, idempotency::key, identity::Administrator, json::JsonBody, problem::Problem,
};
use crate::{
    crypto::sha256,
    domain::{Act, Repeatable, fields::sentence},
};

/// A change without a body. A handler takes it as an argument.
#[derive(Debug)]
pub struct Acting(pub Act);

/// A change with a body. A handler takes it as its last argument.
#[derive(Debug)]
pub struct Submission {
    /// Who makes it, when, in which request, and why: the member `reason` of the body, as far as it is one.
    pub act: Act,
    /// The body; [`Fields`](crate::domain::Fields) reads its members.
    pub value: Value,
}

impl FromRequestParts<AdminState> for Acting {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &AdminState) -> Result<Self, Problem> {
        let (key, administrator) = (key(&parts.headers)?, Administrator::of(parts)?);
        let fingerprint = fingerprint(parts, &Value::Null);
        Ok(Self(Act {
            actor: administrator.actor(),
            at: state.app.clock.now(),
            reason: None,
            trace_id: parts.extensions.get::<TraceId>().map(|TraceId(id)| *id),
            four_eyes: state.gate.four_eyes,
            repeatable: key.map(|key| Repeatable { key, fingerprint }),
        }))
    }
}

impl FromRequest<AdminState> for Submission {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &AdminState) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let Acting(mut act) = Acting::from_request_parts(&mut parts, state).await?;
        let JsonBody(value) = JsonBody::from_request(Request::from_parts(parts.clone(), body), state).await?;
        if let Some(repeatable) = &mut act.repeatable {
            repeatable.fingerprint = fingerprint(&parts, &value);
        }
        act.reason = value.get("reason").and_then(|reason| sentence(reason).ok());
        Ok(Self { act, value })
    }
}

/// Tells the request from others that come by the same key.
fn fingerprint(parts: &Parts, body: &Value) -> String {
    let text = format!("{} {}\n{body}", parts.method, parts.uri.path());
    BASE64_URL_SAFE_NO_PAD.encode(sha256(text.as_bytes()))
}

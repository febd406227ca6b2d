//! The frame around every resource, with a resource of the tests in it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Method, Request, StatusCode},
    response::{IntoResponse, Response},
};
use careconnect_auth::{
    authentication::{
        client_trust::{ClientTrust, PemFile},
        peer::{PeerCertificate, PeerConnection},
    },
    config::Config,
    domain::{EntityTag, Fields, Role, fields, merge_patch},
    http::admin::{
        Gate,
        answer::{IfMatch, changed, created},
        frame,
        page::PageRequest,
        problem::Problem,
        query::Query,
        routes::Routes,
        submission::{Acting, Submission},
    },
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::test_server::TestServer;

/// A resource of one thing, and a list of five.
fn routes() -> Routes {
    Routes::default()
        .post("/things", Role::Editor, create)
        .patch("/things/{id}", Role::Editor, update)
        .post("/things/{id}/confirmation", Role::Approver, confirm)
        .read("/things", &["limit", "cursor", "colour"], list)
        .post("/panic", Role::Editor, async || -> StatusCode { panic!("a bug of ours") })
        .post("/slow", Role::Editor, std::future::pending::<StatusCode>)
}

/// The state of the thing.
pub(super) fn thing() -> Value {
    json!({ "name": "one", "size": 1 })
}

fn checked(value: &Value) -> Result<(), Problem> {
    let mut fields = Fields::of(value);
    fields.required("name", fields::sentence);
    fields.optional("size", fields::number::<u8>);
    let faults = fields.faults();
    if faults.is_empty() { Ok(()) } else { Err(faults.into()) }
}

async fn create(Submission { act, value }: Submission) -> Result<Response, Problem> {
    checked(&value)?;
    let key = act.repeatable.map(|repeatable| [repeatable.key.to_string(), repeatable.fingerprint]);
    let body = json!({ "thing": value, "by": act.actor.name, "key": key });
    Ok(created("/admin/v1/things/1", body, &EntityTag::of(&value)))
}

async fn update(IfMatch(precondition): IfMatch, Submission { value, .. }: Submission) -> Result<Response, Problem> {
    precondition.check(Some(&EntityTag::of(&thing())))?;
    let after = merge_patch(thing(), &value);
    checked(&after)?;
    let tag = EntityTag::of(&after);
    Ok(changed(after, &tag))
}

async fn confirm(Acting(act): Acting) -> impl IntoResponse {
    act.actor.name
}

async fn list(query: Query) -> Result<Response, Problem> {
    let (page, colour) = (PageRequest::<u8>::of(&query)?, query.get::<char>("colour")?);
    let items = page.of_items(1..=5, |item| *item);
    Ok(items.answer(&query, |item| json!({ "number": item, "colour": colour })))
}

pub(super) struct Scene {
    server: TestServer,
    router: Router,
}

/// An answer, read to its end.
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Scene {
    pub(super) async fn new() -> Self {
        Self::with_time(Duration::from_secs(60)).await
    }

    pub(super) async fn with_time(request_timeout: Duration) -> Self {
        let server = TestServer::start().await;
        let config = Config::load(Some(&server.directory.path().join("careconnect-auth.toml"))).unwrap();
        let pem = server.admin_authority.pem();
        let trust = ClientTrust::from_pem(&[PemFile { name: "admin-ca.pem", content: pem.as_bytes() }], &[]).unwrap();
        let gate = Gate::new(&config.admin, Arc::new(ArcSwap::from_pointee(trust))).unwrap();
        let router = frame(routes(), server.running.app.clone(), gate, request_timeout);
        Self { server, router }
    }

    /// Sends a request as somebody with this role alone.
    pub(super) async fn send(
        &self,
        role: Role,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answered {
        let identity = self.server.admin_authority.client(&format!("{role}.admin.nhs.uk"));
        let certificate = Some(Arc::new(PeerCertificate::parse(identity.chain).unwrap()));
        let mut request = Request::builder().method(method).uri(format!("/admin/v1{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(Bytes::copy_from_slice(body))).unwrap();
        request.extensions_mut().insert(PeerConnection { address: ([127, 0, 0, 1], 1).into(), certificate });
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&body).unwrap_or_else(|_| String::from_utf8(body.to_vec()).unwrap().into());
        Answered { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(super) fn database(&self) -> &careconnect_auth::storage::Database {
        self.server.database.handle()
    }

    /// JSON of an editor.
    pub(super) async fn post(&self, path: &str, body: &[u8]) -> Answered {
        self.send(Role::Editor, Method::POST, path, &[("content-type", "application/json")], body).await
    }
}

impl Answered {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Kind and detail of a problem, which has all that problems have.
    #[track_caller]
    pub(super) fn problem(&self, status: u16) -> (&str, &str) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!((self.header("cache-control"), self.header("x-content-type-options")), ("no-store", "nosniff"));
        let text = |name: &str| self.body[name].as_str().unwrap();
        assert_eq!((self.body["status"].as_u64(), text("trace_id")), (Some(status.into()), self.header("x-trace-id")));
        (text("type").rsplit_once("/errors/admin-").unwrap().1, text("detail"))
    }

    pub(super) fn faults(&self) -> BTreeSet<String> {
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        let place = |error: &Value| error["pointer"].as_str().or(error["parameter"].as_str()).unwrap().to_owned();
        errors.iter().map(place).collect()
    }
}

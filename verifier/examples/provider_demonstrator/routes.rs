//! What the provider does for a requester that the guard has let through.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use careconnect_verifier::{CallerKnowledge, FhirFormat, ProviderGuard, Requester};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    arguments::Arguments,
    diary::{Appointment, Diary},
    fhir, index,
    outcome::{Fault, Problem, fhir},
    search::SlotSearch,
};

pub(crate) struct Provider {
    pub(crate) diary: Mutex<Diary>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    pub(crate) arguments: Arguments,
}

type Shared = State<Arc<Provider>>;

impl Provider {
    pub(crate) fn diary(&self) -> MutexGuard<'_, Diary> {
        self.diary.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The FHIR service, behind the guard; the index page and the reset, which are for the developer, beside it.
pub(crate) fn all(provider: Provider, guard: &ProviderGuard) -> Router {
    let fhir = Router::new()
        .route("/metadata", get(metadata))
        .route("/Slot", get(search_slots))
        .route("/Appointment", post(book))
        .route("/Appointment/{id}", get(read).put(update))
        .fallback(|| async { StatusCode::NOT_FOUND }) // so that the guard judges unknown paths, too
        .layer(from_fn(only_json))
        .layer(guard.layer());
    let base = provider.arguments.base_path.clone();
    let router = Router::new().route("/", get(index::page)).route("/reset", post(reset));
    let router = if base.is_empty() { router.merge(fhir) } else { router.nest(&base, fhir) };
    router.with_state(Arc::new(provider))
}

async fn metadata(State(provider): Shared) -> impl IntoResponse {
    fhir(&fhir::capability_statement(&provider.arguments.service_root, Timestamp::now()))
}

/// Who is asking is in the token, so the answer is the same whatever a `searchFilter` claims.
async fn search_slots(
    State(provider): Shared,
    requester: Requester,
    Query(parameters): Query<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let search = SlotSearch::read(&parameters)?;
    let (caller, now, diary) = (CallerKnowledge::from(requester.token()), Timestamp::now(), provider.diary());
    let found: Vec<_> = diary.free().filter(|slot| search.finds(slot, &caller, now)).collect();
    Ok(fhir(&fhir::slots_found(&provider.arguments.service_root, &search, &found)).into_response())
}

async fn book(State(provider): Shared, requester: Requester, body: Bytes) -> Result<Response, Problem> {
    let booked = provider.diary().book(requester.token(), json(&body)?, Timestamp::now())?;
    let id = booked.resource["id"].as_str().unwrap_or_default();
    let location = format!("{}/Appointment/{id}/_history/{}", provider.arguments.service_root, booked.version);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], versioned(&booked)).into_response())
}

async fn read(State(provider): Shared, requester: Requester, Path(id): Path<String>) -> Result<Response, Problem> {
    let diary = provider.diary();
    Ok(versioned(diary.read(&id, requester.token())?).into_response())
}

async fn update(
    State(provider): Shared,
    requester: Requester,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let version = version(headers.get(header::IF_MATCH))?;
    let updated = provider.diary().update(&id, version, requester.token(), json(&body)?, Timestamp::now())?;
    Ok(versioned(&updated).into_response())
}

/// The next developer finds the diary as it was.
async fn reset(State(provider): Shared, headers: HeaderMap) -> Result<StatusCode, StatusCode> {
    index::of_this_machine(&headers, provider.address)?;
    if headers.contains_key(header::ORIGIN) {
        return Err(StatusCode::FORBIDDEN); // a page of somebody else's asks
    }
    provider.diary().reset(Timestamp::now()).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(StatusCode::NO_CONTENT)
}

/// An appointment with its version, which an update must name.
fn versioned(appointment: &Appointment) -> impl IntoResponse + use<> {
    let modified = appointment.updated.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let headers = [(header::ETAG, format!("W/\"{}\"", appointment.version)), (header::LAST_MODIFIED, modified)];
    (headers, fhir(&appointment.resource))
}

/// Nobody may overwrite a version that they have not seen. That `If-Match` is missing is 412 in STU3 of FHIR, which Care
/// Connect is on; since R4 it is 400.
fn version(if_match: Option<&HeaderValue>) -> Result<u64, Problem> {
    let if_match = if_match.ok_or_else(|| {
        Fault::PreconditionMissing.because("expected If-Match with the version that is to be changed, received none")
    })?;
    let number = if_match.to_str().ok().and_then(|text| text.strip_prefix("W/\"")?.strip_suffix('"')?.parse().ok());
    number.ok_or_else(|| Fault::BadRequest.because("expected If-Match such as W/\"1\", received something else"))
}

fn json(body: &Bytes) -> Result<Value, Problem> {
    let value = serde_json::from_slice(body).ok().filter(Value::is_object);
    value.ok_or_else(|| Fault::NotWellFormed.because("expected a FHIR resource in JSON, received something else"))
}

async fn only_json(request: Request, next: Next) -> Result<Response, Problem> {
    is_for_json(&request)?;
    Ok(next.run(request).await)
}

/// No XML here, and no pretending: 501 as the UEC specification has it for formats (FHIR itself has 406), 415 for bodies.
fn is_for_json(request: &Request) -> Result<(), Problem> {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let (content_type, has_body) = (text(header::CONTENT_TYPE), [Method::POST, Method::PUT].contains(request.method()));
    if has_body && !content_type.is_some_and(|media_type| media_type.to_ascii_lowercase().contains("json")) {
        return Err(Fault::UnsupportedMediaType.because("expected a body of application/fhir+json, received another"));
    }
    match FhirFormat::wanted(request.uri().query(), text(header::ACCEPT), content_type) {
        FhirFormat::Json => Ok(()),
        FhirFormat::Xml => Err(Fault::NotImplemented.because("expected a request for JSON, received one for XML")),
    }
}

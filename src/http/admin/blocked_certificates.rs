//! `/admin/v1/blocked-certificates`: certificates that are refused, whatever their authority says of them.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde_json::Value;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{
    AdminState,
    answer::{IfMatch, found},
    edit::{reasoned, submitted},
    idempotency::Outcome,
    page::PageRequest,
    path::{missing, path_of},
    problem::Problem,
    query::Query,
    routes::Routes,
    submission::{Acting, Submission},
};
use crate::{
    authentication::certificate::name_text,
    clock::UnixTime,
    domain::{
        BlockedCertificate, Fields, Registered, Role, SerialNumber,
        fields::{sentence, text},
        submitted::blocked_certificate,
    },
    operations::block_certificate::{block_certificate, unblock_certificate},
    storage::StorageError,
};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .read("/blocked-certificates", &["limit", "cursor"], list)
        .post("/blocked-certificates", Role::Editor, block)
        .read("/blocked-certificates/{id}", &[], read)
        .delete("/blocked-certificates/{id}", Role::Editor, unblock)
}

/// Those that are blocked now.
async fn blocked(state: &AdminState) -> Result<Vec<BlockedCertificate>, StorageError> {
    let mut all = state.app.registry.database().list_blocked_certificates().await?;
    all.retain(|blocked| blocked.unblocked_at.is_none());
    all.sort_by_cached_key(place);
    Ok(all)
}

/// Where it stands in the list: by issuer, then by serial number.
fn place(blocked: &BlockedCertificate) -> String {
    format!("{}\n{}", blocked.issuer, blocked.serial)
}

async fn one(state: &AdminState, id: &str) -> Result<BlockedCertificate, Problem> {
    let found = blocked(state).await?.into_iter().find(|blocked| blocked.id() == id);
    found.ok_or_else(|| missing("blocked certificate", id))
}

async fn list(State(state): State<AdminState>, query: Query) -> Result<Response, Problem> {
    let page = PageRequest::<String>::of(&query)?;
    Ok(page.of_items(blocked(&state).await?, place).answer(&query, Registered::document))
}

async fn read(
    State(state): State<AdminState>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Ok(found(&headers, one(&state, &id).await?.document()))
}

async fn block(State(state): State<AdminState>, submission: Submission) -> Result<Response, Problem> {
    let ((act, value), app) = (reasoned(submission), &state.app);
    let BlockedCertificate { issuer, serial, note, .. } = submitted(&value, |fields| certificate(fields, act.at))?;
    let blocked = block_certificate(app.registry.database(), issuer, serial, note, act).await;
    let outcome = Outcome::of(app, blocked, &value).await?;
    Ok(outcome.created(|blocked| path_of("blocked-certificates", blocked["id"].as_str().unwrap_or_default())))
}

/// By issuer and serial number, or by the certificate itself, which has both.
fn certificate(fields: &mut Fields<'_>, now: UnixTime) -> Option<BlockedCertificate> {
    let (is_whole, read) = (fields.has("certificate"), fields.optional("certificate", in_pem));
    if !is_whole {
        return blocked_certificate(fields, now);
    }
    for name in ["issuer", "serial"] {
        fields.optional(name, |_: &Value| Err::<(), _>("the certificate says it: leave it out".to_owned()));
    }
    let (note, (issuer, serial)) = (fields.required("note", sentence), read?);
    Some(BlockedCertificate { issuer, serial, note: note?, blocked_at: now, unblocked_at: None })
}

/// Issuer and serial number of the one certificate in a PEM text.
fn in_pem(value: &Value) -> Result<(String, SerialNumber), String> {
    let expected = || "expected one certificate in PEM".to_owned();
    let all = CertificateDer::pem_slice_iter(text(value)?.as_bytes()).collect::<Result<Vec<_>, _>>();
    let [der] = &all.map_err(|_| expected())?[..] else { return Err(expected()) };
    let (rest, read) = X509Certificate::from_der(der).map_err(|_| expected())?;
    let serial = read.raw_serial_as_string().parse().map_err(|_| expected())?;
    if rest.is_empty() { Ok((name_text(read.issuer()), serial)) } else { Err(expected()) }
}

async fn unblock(
    State(state): State<AdminState>,
    Path(id): Path<String>,
    IfMatch(expected): IfMatch,
    Acting(act): Acting,
) -> Result<Response, Problem> {
    let (app, database) = (&state.app, state.app.registry.database());
    // Also one that is blocked no longer: the request may have come before.
    let all = database.list_blocked_certificates().await?;
    let known = all.into_iter().find(|known| known.id() == id);
    let BlockedCertificate { issuer, serial, .. } = known.ok_or_else(|| missing("blocked certificate", &id))?;
    let unblocked = unblock_certificate(database, &issuer, &serial, &expected, act).await;
    Ok(Outcome::of(app, unblocked, &Value::Null).await?.changed())
}

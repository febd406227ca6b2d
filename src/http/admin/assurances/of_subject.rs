//! `/assurances/{subject}/{identifier}`: all that is assured of one subject. A supplier's suspension is one request.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use serde_json::{Value, json};

use super::{
    super::{
        AdminState,
        answer::{IfMatch, changed, found},
        idempotency::{earlier, left, replayed},
        path::nothing,
        problem::Problem,
        submission::Submission,
    },
    subject,
};
use crate::{
    domain::{
        Assurance, AssuredSubject, EntityTag, Fields, Proposal,
        fields::{sentence, text},
        registered::documents,
    },
    operations::{
        change_assurance::{AssuranceChange, change_assurances},
        give_assurance::documents_of,
    },
};

pub(super) async fn show(
    State(state): State<AdminState>,
    Path((kind, identifier)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let recorded = recorded(&state, &subject(&kind, &identifier)?).await?;
    Ok(found(&headers, documents(&recorded)))
}

pub(super) async fn change(
    State(state): State<AdminState>,
    Path((kind, identifier)): Path<(String, String)>,
    IfMatch(expected): IfMatch,
    Submission { act, value }: Submission,
) -> Result<Response, Problem> {
    let subject = subject(&kind, &identifier)?;
    let to = Fields::of(&value).read(|fields| {
        fields.optional("reason", sentence);
        fields.required("status", |value| match text(value)? {
            "suspended" => Ok(AssuranceChange::Suspend),
            "active" => Ok(AssuranceChange::Restore),
            _ => Err("expected active or suspended".to_owned()),
        })
    })?;
    match change_assurances(state.app.registry.database(), &subject, None, &expected, to, act).await {
        Ok(given) => answer(&state, &subject, &documents_of(&given).1).await,
        Err(refused) => {
            let done = earlier(&state.app, refused, &value).await?;
            Ok(replayed(answer(&state, &subject, &left::<Proposal>(&done)).await?))
        }
    }
}

/// All as it is now, and what waits for somebody else.
async fn answer(state: &AdminState, subject: &AssuredSubject, proposals: &[Value]) -> Result<Response, Problem> {
    let document = documents(&recorded(state, subject).await?);
    let body = json!({ "items": document["items"], "proposals": proposals });
    Ok(changed(body, &EntityTag::of(&document)))
}

async fn recorded(state: &AdminState, subject: &AssuredSubject) -> Result<Vec<Assurance>, Problem> {
    let recorded = state.app.registry.database().list_assurances_of(subject).await?;
    if recorded.is_empty() { Err(nothing("assurance", &subject.to_string())) } else { Ok(recorded) }
}

//! `/assurances/{subject}/{identifier}/{group}`: one of the four facts behind a membership.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use serde_json::Value;

use super::{
    super::{
        AdminState,
        answer::{IfMatch, IfMatchOrNone, changed, created, found, proposed},
        idempotency::{earlier, replayed},
        patch::patched,
        path::nothing,
        problem::Problem,
        submission::Submission,
    },
    assured, path_of,
};
use crate::{
    app::App,
    domain::{
        Assurance, EntityTag, Fields, Precondition, Proposal, Registered,
        fields::sentence,
        submitted::{self, Editable, SubmittedAssurance},
    },
    operations::{change_refused::ChangeRefused, give_assurance::Given, set_assurance::set_assurance},
};

type Names = (String, String, String);

pub(super) async fn show(
    State(state): State<AdminState>,
    Path(names): Path<Names>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (subject, group) = assured(&names)?;
    let recorded = state.app.registry.database().list_assurances_of(&subject).await?;
    let own = recorded.into_iter().find(|assurance| assurance.group == group);
    let own = own.ok_or_else(|| nothing("assurance", &format!("{subject} for {group}")))?;
    Ok(found(&headers, own.document()))
}

/// `PUT`: all of it is in the body; what is suspended stays so unless the body says otherwise.
pub(super) async fn give(
    State(state): State<AdminState>,
    Path(names): Path<Names>,
    IfMatchOrNone(expected): IfMatchOrNone,
    Submission { act, value }: Submission,
) -> Result<Response, Problem> {
    let ((subject, group), now) = (assured(&names)?, act.at);
    let edit = |before: Option<&Assurance>| {
        let read = Fields::of(&value).read(|fields| {
            fields.required("reason", sentence);
            submitted::assurance(fields, before, Some((subject.clone(), group.clone())), now)
        });
        read.map_err(ChangeRefused::Invalid)
    };
    let database = state.app.registry.database();
    let outcome = set_assurance(database, (&subject, &group), &expected, edit, act).await;
    let is_new = expected == Precondition::Absent;
    answer(&state.app, outcome, is_new.then(|| path_of(&subject, &group)), &value).await
}

/// `PATCH`: what the body names is changed.
pub(super) async fn change(
    State(state): State<AdminState>,
    Path(names): Path<Names>,
    IfMatch(expected): IfMatch,
    Submission { act, value }: Submission,
) -> Result<Response, Problem> {
    let ((subject, group), now) = (assured(&names)?, act.at);
    let edit = |before: Option<&Assurance>| -> Result<SubmittedAssurance, ChangeRefused> {
        let merged = patched(before.map(Assurance::editable).unwrap_or_default(), &value);
        let read = Fields::of(&merged).read(|fields| {
            fields.optional("reason", sentence);
            submitted::assurance(fields, before, Some((subject.clone(), group.clone())), now)
        });
        read.map_err(ChangeRefused::Invalid)
    };
    let database = state.app.registry.database();
    let outcome = set_assurance(database, (&subject, &group), &expected, edit, act).await;
    answer(&state.app, outcome, None, &value).await
}

/// 201 at `path`, or 200 without one; 202 when somebody else must confirm it.
async fn answer(
    app: &App,
    outcome: Result<Given, ChangeRefused>,
    path: Option<String>,
    submitted: &Value,
) -> Result<Response, Problem> {
    let recorded = |document: Value| {
        let tag = EntityTag::of(&document);
        match &path {
            Some(path) => created(path, document, &tag),
            None => changed(document, &tag),
        }
    };
    match outcome {
        Ok(Given::Recorded(assurance)) => Ok(recorded(assurance.document())),
        Ok(Given::Proposed(proposal)) => Ok(proposed(&proposal.document())),
        Err(refused) => {
            let last = earlier(app, refused, submitted).await?.pop();
            let last = last.ok_or_else(|| Problem::internal("the audit lacks what an earlier request did"))?;
            let is_proposed = last.subject == Proposal::KIND;
            Ok(replayed(if is_proposed { proposed(&last.after) } else { recorded(last.after) }))
        }
    }
}

//! `/proposals`: what waits for another administrator, and what became of it.

use std::{cmp::Reverse, fmt, str::FromStr};

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use uuid::Uuid;

use super::{
    AdminState,
    answer::found,
    idempotency::Outcome,
    page::PageRequest,
    path::{missing, named},
    problem::Problem,
    query::Query,
    routes::Routes,
    submission::Submission,
};
use crate::{
    domain::{
        Decision, Fields, Proposal, Registered, Role,
        fields::{sentence, text},
    },
    operations::decide_proposal::decide_proposal,
};

/// Its routes.
pub(super) fn routes(routes: Routes) -> Routes {
    routes.read("/proposals", &["status", "limit", "cursor"], list).read("/proposals/{id}", &[], show).post(
        "/proposals/{id}/decision",
        Role::Approver,
        decide,
    )
}

async fn list(State(state): State<AdminState>, query: Query) -> Result<Response, Problem> {
    let page = PageRequest::<Newest>::of(&query)?;
    let wanted: Status = query.get("status")?.unwrap_or_default();
    let all = state.app.registry.database().list_proposals(wanted != Status(None)).await?;
    let decision = |proposal: &Proposal| proposal.decision.as_ref().map(|(decision, ..)| *decision);
    let matching = all.into_iter().filter(|proposal| decision(proposal) == wanted.0);
    let of = |proposal: &Proposal| Newest(Reverse(proposal.assurance.recorded_at.0), proposal.id);
    Ok(page.of_items(matching, of).answer(&query, Proposal::document))
}

async fn show(
    State(state): State<AdminState>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Ok(found(&headers, find(&state, named("proposal", &id)?).await?.document()))
}

async fn find(state: &AdminState, id: Uuid) -> Result<Proposal, Problem> {
    let found = state.app.registry.database().find_proposal(id).await?;
    found.ok_or_else(|| missing("proposal", &id.to_string()))
}

async fn decide(
    State(state): State<AdminState>,
    Path(id): Path<String>,
    Submission { act, value }: Submission,
) -> Result<Response, Problem> {
    let id = named("proposal", &id)?;
    let decision = Fields::of(&value).read(|fields| {
        fields.optional("reason", sentence);
        fields.required("decision", |value| match text(value)? {
            "confirmed" => Ok(Decision::Confirmed),
            "rejected" => Ok(Decision::Rejected),
            _ => Err("expected confirmed or rejected".to_owned()),
        })
    })?;
    let outcome = decide_proposal(state.app.registry.database(), id, decision, act).await;
    Ok(Outcome::of(&state.app, outcome, &value).await?.changed())
}

/// What became of a proposal; nothing of those that are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Status(Option<Decision>);

impl FromStr for Status {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "open" => Ok(Self(None)),
            decided => {
                let decision = decided.parse().map_err(|_| "expected open, confirmed, rejected or superseded")?;
                Ok(Self(Some(decision)))
            }
        }
    }
}

/// The newest come first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Newest(Reverse<i64>, Uuid);

impl fmt::Display for Newest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.0, self.1)
    }
}

impl FromStr for Newest {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, id) = text.split_once(' ').ok_or(())?;
        Ok(Self(Reverse(at.parse().map_err(drop)?), id.parse().map_err(drop)?))
    }
}

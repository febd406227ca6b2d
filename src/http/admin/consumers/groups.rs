//! `GET /consumers/{client_id}/groups`: for each group the four behind it, what stands and until when.

use std::collections::BTreeSet;

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use careconnect_verifier::Group;
use serde_json::{Value, json};

use super::{
    super::{AdminState, answer::found, problem::Problem},
    found as find,
};
use crate::{
    clock::UnixTime,
    domain::{Assurance, AssuredSubject, Registered},
    registry::search::AssuranceStatus,
};

pub(super) async fn groups(
    State(state): State<AdminState>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (consumer, database) = (find(&state, &client_id).await?, state.app.registry.database());
    let (mut four, now) = (Vec::new(), state.app.clock.now());
    for subject in consumer.assured_subjects() {
        let recorded = database.list_assurances_of(&subject).await?;
        four.push((subject, recorded));
    }
    let named: BTreeSet<&Group> = four.iter().flat_map(|(_, recorded)| recorded).map(|one| &one.group).collect();
    let items: Vec<Value> = named.into_iter().map(|group| row(group, &four, now)).collect();
    Ok(found(&headers, json!({ "items": items })))
}

/// It is effective while all four stand.
fn row(group: &Group, four: &[(AssuredSubject, Vec<Assurance>)], now: UnixTime) -> Value {
    let (mut shown, mut is_effective) = (json!({ "group": group }), true);
    for (subject, recorded) in four {
        let assurance = recorded.iter().find(|assurance| assurance.group == *group);
        let status = assurance.map(|assurance| AssuranceStatus::of(&assurance.period, now));
        is_effective &= status == Some(AssuranceStatus::Standing);
        let document = assurance.map(Assurance::document).unwrap_or_default();
        shown[subject.kind().name()] = json!({
            "identifier": subject.identifier(), "status": status.map_or("missing", AssuranceStatus::name),
            "evidence": document["evidence"], "starts_at": document["starts_at"], "ends_at": document["ends_at"],
            "suspended_at": document["suspended_at"], "recorded_by": document["recorded_by"],
            "recorded_at": document["recorded_at"], "confirmed_by": document["confirmed_by"],
        });
    }
    shown["effective"] = is_effective.into();
    shown
}

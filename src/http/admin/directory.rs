//! `/directory`: what the Spine Directory Service knows, and where the register differs from it.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use careconnect_verifier::Asid;
use serde_json::{Value, json};

use super::{
    AdminState,
    answer::found,
    path::{missing, named},
    problem::Problem,
    routes::Routes,
};
use crate::{
    directory::{Directory, DirectoryError, DirectorySystem},
    domain::{DirectoryComparison, Fault, fields::parsed},
    operations::describe_from_directory::describe_from_directory,
};

pub(super) fn routes(routes: Routes) -> Routes {
    routes.read("/directory/systems/{asid}", &[], system).read("/directory/comparison", &[], comparison)
}

async fn system(
    State(state): State<AdminState>,
    Path(asid): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asid = named("system", &asid)?;
    let system = look_up(&state, &asid).await?.ok_or_else(|| missing("system", asid.as_str()))?;
    Ok(found(&headers, serde_json::to_value(system).map_err(Problem::internal)?))
}

/// What this server found when it compared last; empty before that.
async fn comparison(State(state): State<AdminState>, headers: HeaderMap) -> Result<Response, Problem> {
    if state.app.directory.url.is_none() {
        return Err(refusal(&DirectoryError::NotConfigured));
    }
    let never = || json!({ "compared_at": null, "systems": 0, "drifts": [], "doubt": null });
    let compared = state.app.compared.load();
    Ok(found(&headers, compared.as_deref().map_or_else(never, DirectoryComparison::document)))
}

/// Of a consumer that is submitted with `from_directory`: itself with what the directory knows.
pub(super) async fn described(state: &AdminState, submitted: &Value) -> Result<Option<Value>, Problem> {
    let asks = submitted.get("from_directory") == Some(&Value::Bool(true));
    let (true, Some(members)) = (asks, submitted.as_object()) else { return Ok(None) };
    // What is no ASID is told with all the other faults.
    let Some(asid) = members.get("asid").and_then(|asid| parsed::<Asid>(asid).ok()) else { return Ok(None) };
    let Some(system) = look_up(state, &asid).await? else {
        let detail = format!("the directory has no system of the ASID {asid}");
        return Err(vec![Fault { pointer: "/asid".to_owned(), detail }].into());
    };
    let mut members = members.clone();
    let faults = describe_from_directory(&mut members, &system);
    if faults.is_empty() { Ok(Some(Value::Object(members))) } else { Err(faults.into()) }
}

async fn look_up(state: &AdminState, asid: &Asid) -> Result<Option<DirectorySystem>, Problem> {
    let directory = Directory::open(&state.app.directory).map_err(|error| refusal(&error))?;
    directory.find_system(asid).await.map_err(|error| refusal(&error))
}

fn refusal(error: &DirectoryError) -> Problem {
    match error {
        DirectoryError::NotConfigured => Problem::not_found(error.to_string()),
        other => Problem::directory_unavailable(other),
    }
}

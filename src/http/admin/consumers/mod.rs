//! `/consumers`: who may ask for tokens, with what they prove themselves, and what they hold.

mod change;
mod credentials;
mod groups;
mod list;
mod register;
mod rotate;

use careconnect_verifier::ClientId;

use super::{
    AdminState, BASE,
    path::{named, nothing},
    problem::Problem,
    routes::Routes,
};
use crate::domain::{ConsumerSystem, Role};

/// Its routes.
pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .read("/consumers", &list::PARAMETERS, list::list)
        .post("/consumers", Role::Editor, register::register)
        .read("/consumers/{client_id}", &[], change::show)
        .patch("/consumers/{client_id}", Role::Editor, change::change)
        .read("/consumers/{client_id}/groups", &[], groups::groups)
        .read("/consumers/{client_id}/credentials", &[], credentials::list)
        .post("/consumers/{client_id}/credentials", Role::Editor, credentials::add)
        .read("/consumers/{client_id}/credentials/{credential_id}", &[], credentials::show)
        .patch("/consumers/{client_id}/credentials/{credential_id}", Role::Editor, credentials::change)
        .post("/consumers/{client_id}/secret-rotations", Role::Editor, rotate::rotate)
}

/// The consumer that a path names, as it is in the database.
async fn found(state: &AdminState, client_id: &str) -> Result<ConsumerSystem, Problem> {
    let id: ClientId = named("consumer", client_id)?;
    let found = state.app.registry.database().find_consumer(&id).await?;
    found.ok_or_else(|| nothing("consumer", client_id))
}

fn path_of(client_id: &str) -> String {
    format!("{BASE}/consumers/{client_id}")
}

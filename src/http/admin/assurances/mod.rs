//! `/assurances`: what services, organisations, systems and suppliers are assured for. They are named by the kind of
//! subject, its client id, ODS code or ASID, and the group.

mod list;
mod of_subject;
mod one;

use careconnect_verifier::Group;

use super::{
    BASE,
    path::{named, nothing},
    problem::Problem,
    routes::Routes,
};
use crate::domain::{AssuredSubject, Role, SubjectKind};

/// Its routes.
pub(super) fn routes(routes: Routes) -> Routes {
    let (subject, one) = ("/assurances/{subject}/{identifier}", "/assurances/{subject}/{identifier}/{group}");
    routes
        .read("/assurances", &list::PARAMETERS, list::list)
        .read(subject, &[], of_subject::show)
        .patch(subject, Role::Editor, of_subject::change)
        .read(one, &[], one::show)
        .put(one, Role::Editor, one::give)
        .patch(one, Role::Editor, one::change)
}

/// The subject that a path names.
fn subject(kind: &str, identifier: &str) -> Result<AssuredSubject, Problem> {
    let kind: SubjectKind = named("the kind of subject", kind)?;
    kind.subject(identifier).map_err(|_| nothing(kind.name(), identifier))
}

/// The subject and the group that a path names.
fn assured((kind, identifier, group): &(String, String, String)) -> Result<(AssuredSubject, Group), Problem> {
    Ok((subject(kind, identifier)?, named("group", group)?))
}

fn path_of(subject: &AssuredSubject, group: &Group) -> String {
    format!("{BASE}/assurances/{}/{}/{group}", subject.kind().name(), subject.identifier())
}

//! `GET /assurances`: those that meet everything that the query names.

use std::{fmt, str::FromStr};

use axum::{extract::State, response::Response};
use careconnect_verifier::{Group, OdsCode};

use super::super::{AdminState, page::PageRequest, problem::Problem, query::Query};
use crate::{
    domain::{Assurance, Registered, SubjectKind},
    registry::search::AssuranceStatus,
    storage::AssuranceQuery,
};

pub(super) const PARAMETERS: [&str; 7] = ["subject", "identifier", "group", "status", "ends_before", "limit", "cursor"];

pub(super) async fn list(State(state): State<AdminState>, query: Query) -> Result<Response, Problem> {
    let page = PageRequest::<Key>::of(&query)?;
    let kind: Option<SubjectKind> = query.get("subject")?;
    let wanted = AssuranceQuery {
        after: page.after.clone().map(|Key(kind, identifier, group)| (kind, identifier, group)),
        kind,
        identifier: query.text("identifier").map(|text| identifier(kind, text)).transpose()?,
        group: query.get("group")?,
        status: query.get("status")?.map(AssuranceStatus::name),
        ends_before: query.time("ends_before")?,
    };
    let (limit, now) = (i64::try_from(page.limit + 1).unwrap_or(i64::MAX), state.app.clock.now());
    let found = state.app.registry.database().find_assurances(&wanted, limit, now).await?;
    // The database has left out what is before the page, in an order of its own.
    let page = PageRequest::<Key> { limit: page.limit, after: None };
    Ok(page.of_items(found, key).answer(&query, Assurance::document))
}

/// As it is kept: ODS codes are in capitals.
fn identifier(kind: Option<SubjectKind>, text: &str) -> Result<String, Problem> {
    match kind {
        None => Ok(OdsCode::parse(text).map_or_else(|_| text.to_owned(), |code| code.to_string())),
        Some(kind) => match kind.subject(text) {
            Ok(subject) => Ok(subject.identifier().to_owned()),
            Err(error) => Err(Problem::parameters([("identifier".to_owned(), error)])),
        },
    }
}

fn key(assurance: &Assurance) -> Key {
    let (kind, identifier) = (assurance.subject.kind(), assurance.subject.identifier().to_owned());
    Key(kind, identifier, assurance.group.clone())
}

/// Three words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key(SubjectKind, String, Group);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.0.name(), self.1, self.2)
    }
}

impl FromStr for Key {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let words: Vec<&str> = text.split(' ').collect();
        let [kind, identifier, group] = words.as_slice() else { return Err(()) };
        let kind: SubjectKind = kind.parse().map_err(drop)?;
        let subject = kind.subject(identifier).map_err(drop)?;
        Ok(Self(kind, subject.identifier().to_owned(), group.parse().map_err(drop)?))
    }
}

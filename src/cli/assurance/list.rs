//! `careconnect-auth assurance list`, and assurances for people and for scripts.

use std::process::ExitCode;

use serde_json::Value;

use super::Wanted;
use crate::{
    cli::{
        group::short,
        output,
        session::Session,
        time_argument::{brief, until},
    },
    clock::UnixTime,
    domain::{Assurance, Registered},
    registry::search::{AssuranceFilter, AssuranceStatus},
};

pub(super) fn list(wanted: Wanted, session: &Session) -> anyhow::Result<ExitCode> {
    let Wanted { whom, kind, group, status, ends_before } = wanted;
    let filter = AssuranceFilter { subject: whom.subject(), kind, group, status, ends_before };
    session.with_database(async |database| {
        let now = session.now();
        let all = match &filter.subject {
            Some(subject) => database.list_assurances_of(subject).await?,
            None => database.list_assurances().await?,
        };
        let listed: Vec<&Assurance> = all.iter().filter(|assurance| filter.matches(assurance, now)).collect();
        if session.json {
            output::json(&listed.iter().map(|assurance| shown(assurance, now)).collect::<Vec<_>>())?;
        } else {
            print(&listed, now)?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// An assurance as JSON, with its status now.
pub(super) fn shown(assurance: &Assurance, now: UnixTime) -> Value {
    let mut document = assurance.document();
    document["status"] = AssuranceStatus::of(&assurance.period, now).name().into();
    document
}

pub(super) fn print(assurances: &[&Assurance], now: UnixTime) -> anyhow::Result<()> {
    let row = |assurance: &&Assurance| {
        let status = AssuranceStatus::of(&assurance.period, now);
        vec![
            assurance.subject.to_string(),
            short(&assurance.group).to_owned(),
            status.to_string(),
            brief(assurance.period.starts_at),
            until(assurance.period.ends_at),
            by(assurance),
            assurance.evidence.clone(),
        ]
    };
    let heading = ["ASSURED", "FOR", "STATUS", "FROM", "UNTIL", "BY", "EVIDENCE"];
    output::table(&heading, &assurances.iter().map(row).collect::<Vec<_>>())
}

/// Who said so.
fn by(assurance: &Assurance) -> String {
    match &assurance.confirmed_by {
        Some(other) => format!("{}, {other}", assurance.recorded_by),
        None => assurance.recorded_by.clone(),
    }
}

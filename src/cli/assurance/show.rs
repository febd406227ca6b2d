//! `careconnect-auth assurance show`: what stands behind a service.

use std::{collections::BTreeSet, process::ExitCode};

use anyhow::Context;
use careconnect_verifier::{ClientId, Group};
use serde_json::{Value, json};

use super::list;
use crate::{
    cli::{group::short, output, session::Session, time_argument::brief},
    clock::UnixTime,
    domain::{Assurance, AssuredSubject, ConsumerSystem, GroupDefinition, Lapse},
    storage::{Database, StorageError},
};

/// What is recorded of the four behind a service.
struct Matrix {
    consumer: ConsumerSystem,
    groups: Vec<GroupDefinition>,
    four: [(AssuredSubject, Vec<Assurance>); 4],
    now: UnixTime,
}

pub(super) fn show(client_id: &ClientId, session: &Session) -> anyhow::Result<ExitCode> {
    session.with_database(async |database| {
        let consumer = database.find_consumer(client_id).await?;
        let consumer = consumer.ok_or_else(|| StorageError::not_found("consumer", client_id));
        let matrix = Matrix::read(&database, consumer.context("nothing to show")?, session.now()).await?;
        if session.json { output::json(&matrix.document()) } else { matrix.print() }?;
        Ok(ExitCode::SUCCESS)
    })
}

impl Matrix {
    async fn read(database: &Database, consumer: ConsumerSystem, now: UnixTime) -> Result<Self, StorageError> {
        let mut four = consumer.assured_subjects().map(|subject| (subject, Vec::new()));
        for (subject, assurances) in &mut four {
            *assurances = database.list_assurances_of(subject).await?;
        }
        Ok(Self { consumer, groups: database.list_groups().await?, four, now })
    }

    /// The groups for which any of the four was ever assured.
    fn groups(&self) -> BTreeSet<&Group> {
        self.four.iter().flat_map(|(_, assurances)| assurances).map(|assurance| &assurance.group).collect()
    }

    fn cells(&self, group: &Group) -> impl Iterator<Item = Option<&Assurance>> {
        self.four.iter().map(move |(_, assurances)| assurances.iter().find(|assurance| assurance.group == *group))
    }

    /// Why no token contains the group now, if so.
    fn obstacle(&self, group: &Group) -> Option<String> {
        let lapses = |cell: Option<&Assurance>| cell.is_none_or(|known| !known.period.stands_at(self.now));
        if self.cells(group).any(lapses) {
            return Some("not all four stand".to_owned());
        }
        if !self.consumer.is_active() {
            return Some(format!("the service is {}", self.consumer.status));
        }
        let since = self.groups.iter().find(|known| known.group == *group)?.suspended_at?;
        Some(format!("the group is suspended for everybody since {}", brief(since)))
    }

    fn document(&self) -> Value {
        let group = |group: &Group| {
            let obstacle = self.obstacle(group);
            let mut row = json!({ "group": group, "effective": obstacle.is_none(), "obstacle": obstacle });
            for ((subject, _), cell) in self.four.iter().zip(self.cells(group)) {
                row[subject.kind().name()] = json!(cell.map(|known| list::shown(known, self.now)));
            }
            row
        };
        let mut subjects = json!({});
        for (subject, _) in &self.four {
            subjects[subject.kind().name()] = subject.identifier().into();
        }
        json!({
            "client_id": self.consumer.client_id, "name": self.consumer.name, "status": self.consumer.status.name(),
            "subjects": subjects, "groups": self.groups().into_iter().map(group).collect::<Vec<_>>(),
        })
    }

    fn print(&self) -> anyhow::Result<()> {
        let [service, others @ ..] = &self.four;
        let mut fields = vec![("service", format!("{} ({})", service.0.identifier(), self.consumer.name))];
        fields.extend(others.iter().map(|(subject, _)| (subject.kind().name(), subject.identifier().to_owned())));
        fields.push(("status", self.consumer.status.to_string()));
        output::fields(&fields)?;
        output::line("")?;
        let row = |group: &Group| {
            let mut row = vec![short(group).to_owned()];
            row.extend(self.cells(group).map(|cell| self.cell(cell)));
            row.push(self.obstacle(group).map_or("yes".to_owned(), |why| format!("no: {why}")));
            row
        };
        let heading = ["GROUP", "SERVICE", "ORGANISATION", "SYSTEM", "SUPPLIER", "IN TOKENS"];
        output::table(&heading, &self.groups().into_iter().map(row).collect::<Vec<_>>())?;
        output::line("")?;
        let all: Vec<&Assurance> = self.four.iter().flat_map(|(_, assurances)| assurances).collect();
        list::print(&all, self.now)
    }

    fn cell(&self, cell: Option<&Assurance>) -> String {
        let Some(period) = cell.map(|known| known.period) else { return "missing".to_owned() };
        match period.lapse_at(self.now) {
            Some(Lapse::NotYet(start)) => format!("from {}", brief(start)),
            Some(Lapse::Ended(end)) => format!("ended {}", brief(end)),
            Some(Lapse::Suspended(_)) => "suspended".to_owned(),
            Some(Lapse::Missing) => "missing".to_owned(),
            None => period.ends_at.map_or("stands".to_owned(), |end| format!("until {}", brief(end))),
        }
    }
}

//! What a change of assurances does to the services that rest on them.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    sync::Arc,
};

use careconnect_verifier::{ClientId, Group};
use serde_json::{Value, json};

use super::list;
use crate::{
    cli::{group::short_list, output, session::Session},
    clock::{SystemClock, UnixTime},
    domain::{Assurance, AssuredSubject, ConsumerSystem, Proposal, Registered},
    operations::give_assurance::Given,
    registry::Registry,
    storage::{Database, StorageError},
};

type Held = BTreeMap<ClientId, (Arc<ConsumerSystem>, BTreeSet<Group>)>;

/// What the services that rest on some subjects hold before a change.
pub(super) struct Watch {
    registry: Registry,
    subjects: Vec<AssuredSubject>,
    now: UnixTime,
    before: Held,
}

impl Watch {
    pub(super) async fn begin(
        database: &Database,
        subjects: Vec<AssuredSubject>,
        now: UnixTime,
    ) -> Result<Self, StorageError> {
        let registry = Registry::load(database.clone(), Arc::new(SystemClock)).await?;
        let before = held(&registry, &subjects, now);
        Ok(Self { registry, subjects, now, before })
    }

    /// After the change, which is made, whether its effect can be told or not.
    pub(super) async fn finish(self, given: Vec<Given>) -> Effect {
        let affected = self.registry.catch_up(true).await.map(|()| {
            let after = held(&self.registry, &self.subjects, self.now);
            let affected = self.before.into_values().filter_map(|(consumer, before)| {
                let (_, after) = after.get(&consumer.client_id)?;
                let loses: BTreeSet<Group> = before.difference(after).cloned().collect();
                let gains: BTreeSet<Group> = after.difference(&before).cloned().collect();
                (loses != gains).then_some(Affected { consumer, loses, gains })
            });
            affected.collect()
        });
        let consumers = self.registry.consumers();
        let bears = |subject: &AssuredSubject| consumers.iter().any(|one| one.assured_subjects().contains(subject));
        let unused = self.subjects.into_iter().filter(|subject| !bears(subject)).collect();
        Effect { given, affected, unused, now: self.now }
    }
}

fn held(registry: &Registry, subjects: &[AssuredSubject], now: UnixTime) -> Held {
    let concerned = registry.consumers().into_iter().filter(|consumer| {
        consumer.status.retired_at().is_none()
            && consumer.assured_subjects().iter().any(|subject| subjects.contains(subject))
    });
    let with_groups = concerned.map(|consumer| {
        let groups = registry.assured(&consumer).groups_at(now);
        (consumer.client_id.clone(), (consumer, groups))
    });
    with_groups.collect()
}

/// A service that gains or loses groups.
struct Affected {
    consumer: Arc<ConsumerSystem>,
    loses: BTreeSet<Group>,
    gains: BTreeSet<Group>,
}

/// What was done, and whom it concerns.
pub(super) struct Effect {
    pub(super) given: Vec<Given>,
    affected: Result<Vec<Affected>, StorageError>,
    /// On which no service rests.
    unused: BTreeSet<AssuredSubject>,
    now: UnixTime,
}

impl Effect {
    pub(super) fn print(self, session: &Session) -> anyhow::Result<ExitCode> {
        let affected = self.affected?;
        for subject in &self.unused {
            output::note(&format!("no service rests on {subject}: it counts once one does"));
        }
        let (mut recorded, mut proposed): (Vec<&Assurance>, Vec<&Proposal>) = (Vec::new(), Vec::new());
        for given in &self.given {
            match given {
                Given::Recorded(assurance) => recorded.push(assurance),
                Given::Proposed(proposal) => proposed.push(proposal),
            }
        }
        if session.json {
            output::json(&json!({
                "recorded": recorded.iter().map(|assurance| list::shown(assurance, self.now)).collect::<Vec<_>>(),
                "proposed": proposed.iter().map(|proposal| proposal.document()).collect::<Vec<_>>(),
                "affected": affected.iter().map(Affected::document).collect::<Vec<_>>(),
            }))?;
            return Ok(ExitCode::SUCCESS);
        }
        if !recorded.is_empty() {
            list::print(&recorded, self.now)?;
            output::line("")?;
            print_affected(&affected)?;
        }
        print_proposed(&proposed)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Affected {
    fn document(&self) -> Value {
        let Self { consumer, loses, gains } = self;
        json!({ "client_id": consumer.client_id, "name": consumer.name, "loses": loses, "gains": gains })
    }
}

fn print_affected(affected: &[Affected]) -> anyhow::Result<()> {
    output::line(&match affected.len() {
        0 => return output::line("No service gains or loses a group now."),
        1 => "1 service is affected, within a second:".to_owned(),
        count => format!("{count} services are affected, within a second:"),
    })?;
    let row = |affected: &Affected| {
        let Affected { consumer, loses, gains } = affected;
        vec![consumer.client_id.to_string(), consumer.name.to_string(), short_list(loses), short_list(gains)]
    };
    output::table(&["CLIENT ID", "NAME", "LOSES", "GAINS"], &affected.iter().map(row).collect::<Vec<_>>())
}

/// What waits, and how it goes on.
pub(in crate::cli) fn print_proposed(proposed: &[&Proposal]) -> anyhow::Result<()> {
    if proposed.is_empty() {
        return Ok(());
    }
    output::line("Nothing of this counts before another administrator has confirmed it:")?;
    for proposal in proposed {
        output::line(&format!(
            "  careconnect-auth assurance confirm {}  # {}",
            proposal.id,
            proposal.assurance.identifier()
        ))?;
    }
    Ok(())
}

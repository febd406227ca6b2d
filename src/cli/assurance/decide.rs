//! `careconnect-auth assurance proposals`, `confirm` and `reject`.

use std::process::ExitCode;

use anyhow::Context;
use uuid::Uuid;

use super::{Proposals, effect::Watch};
use crate::{
    cli::{
        group::short,
        output,
        session::{Attempt, Session},
        time_argument::{brief, until},
    },
    domain::{Act, Assurance, Decision, Proposal, Registered},
    operations::{decide_proposal::decide_proposals, give_assurance::Given},
    storage::Database,
};

pub(super) fn list(decided_too: bool, session: &Session) -> anyhow::Result<ExitCode> {
    session.with_database(async |database| {
        let proposals = database.list_proposals(decided_too).await?;
        print(&proposals, session)
    })
}

pub(super) fn decide(proposals: Proposals, decision: Decision, session: &Session) -> anyhow::Result<ExitCode> {
    let action = if decision == Decision::Confirmed { "proposal.confirm" } else { "proposal.reject" };
    let named = match proposals.all {
        true => "all".to_owned(),
        false => proposals.ids.iter().map(Uuid::to_string).collect::<Vec<_>>().join(" "),
    };
    session.changing(Attempt::new(action, named), async |database, act| {
        let concerned = concerned(&database, &proposals, decision, &act).await?;
        let ids = if proposals.all { concerned.iter().map(|open| open.id).collect() } else { proposals.ids.clone() };
        if ids.is_empty() {
            output::note("there is nothing to decide");
        }
        let subjects = concerned.into_iter().map(|open| open.assurance.subject).collect();
        let watch = Watch::begin(&database, subjects, act.at).await?;
        let decided = decide_proposals(&database, &ids, decision, act).await?;
        let shown = if decision == Decision::Confirmed {
            let confirmed = decided.into_iter().map(|proposal| Given::Recorded(confirmed(proposal))).collect();
            watch.finish(confirmed).await.print(session)
        } else {
            print(&decided, session)
        };
        shown.with_context(|| format!("the proposals are {}, but cannot be shown", decision.name()))
    })
}

/// The open proposals that shall be decided. Nobody confirms their own.
async fn concerned(
    database: &Database,
    proposals: &Proposals,
    decision: Decision,
    act: &Act,
) -> anyhow::Result<Vec<Proposal>> {
    let mut open = database.list_proposals(false).await?;
    if !proposals.all {
        open.retain(|open| proposals.ids.contains(&open.id));
        return Ok(open);
    }
    let count = open.len();
    open.retain(|open| decision != Decision::Confirmed || open.assurance.recorded_by != act.actor.name);
    if open.len() < count {
        let own = count - open.len();
        output::note(&format!("{own} of {count} are your own: somebody else must confirm them"));
    }
    Ok(open)
}

/// What a confirmed proposal has become.
fn confirmed(proposal: Proposal) -> Assurance {
    let confirmed_by = proposal.decision.map(|(_, by, _)| by);
    Assurance { confirmed_by, ..proposal.assurance }
}

fn print(proposals: &[Proposal], session: &Session) -> anyhow::Result<ExitCode> {
    if session.json {
        output::json(&proposals.iter().map(Registered::document).collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |proposal: &Proposal| {
        let Proposal { id, assurance, reason, decision } = proposal;
        let decision = decision.as_ref();
        let status = decision.map_or("open".to_owned(), |(decision, by, _)| format!("{} by {by}", decision.name()));
        vec![
            id.to_string(),
            assurance.subject.to_string(),
            short(&assurance.group).to_owned(),
            brief(assurance.period.starts_at),
            until(assurance.period.ends_at),
            assurance.recorded_by.clone(),
            status,
            reason.clone(),
        ]
    };
    let heading = ["PROPOSAL", "TO ASSURE", "FOR", "FROM", "UNTIL", "BY", "STATUS", "REASON"];
    output::table(&heading, &proposals.iter().map(row).collect::<Vec<_>>())?;
    Ok(ExitCode::SUCCESS)
}

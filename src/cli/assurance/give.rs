//! `careconnect-auth assurance give`

use std::process::ExitCode;

use anyhow::Context;
use careconnect_verifier::{ClientId, Group};
use clap::Args;

use super::{
    Whom,
    effect::{Effect, Watch},
    evidence_argument,
};
use crate::{
    cli::{
        group::group_argument,
        output,
        session::{Attempt, Session},
        time_argument::time,
    },
    clock::UnixTime,
    domain::{Act, AssuredSubject},
    operations::{
        assure_consumer::{WantedGroups, assure_consumer},
        give_assurance::{NewAssurance, give_assurances},
    },
    storage::{Database, StorageError},
};

#[derive(Debug, Args)]
pub(in crate::cli) struct Giving {
    #[command(flatten)]
    whom: Whom,
    /// What does not stand yet of the four behind this service: itself, its organisation, its system, its supplier.
    #[arg(long, value_name = "CLIENT_ID", group = "subject")]
    all_of: Option<ClientId>,
    /// For what, as `group list` has it; `read:slot` is short for the Care Connect URN. Repeatable.
    #[arg(long = "group", value_name = "GROUP", value_parser = group_argument, required = true)]
    groups: Vec<Group>,
    /// On what grounds: a reference that an auditor can follow.
    #[arg(long, value_name = "TEXT", value_parser = evidence_argument)]
    evidence: String,
    /// From when on, such as 2027-04-01 [default: now].
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<UnixTime>,
    /// Until when [default: until further notice].
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<UnixTime>,
}

pub(super) fn give(arguments: Giving, session: &Session) -> anyhow::Result<ExitCode> {
    let Giving { whom, all_of, groups, evidence, from: starts_at, until: ends_at } = arguments;
    let wanted = WantedGroups { groups: groups.into_iter().collect(), evidence, starts_at, ends_at };
    if let Some(client_id) = all_of {
        let attempt = Attempt::new("assurance.give", AssuredSubject::Service(client_id.clone()));
        return session.changing(attempt, async |database, act| {
            let effect = give_all_of(&database, &client_id, wanted.clone(), act).await?;
            if effect.given.is_empty() {
                output::note("all four stand already: nothing to give");
            }
            effect.print(session).context("the assurances are given or proposed, but cannot be shown")
        });
    }
    let subject = whom.required()?;
    session.changing(Attempt::new("assurance.give", &subject), async |database, act| {
        let effect = give_to(&database, &subject, wanted.clone(), act).await?;
        effect.print(session).context("the assurances are given or proposed, but cannot be shown")
    })
}

async fn give_all_of(
    database: &Database,
    client_id: &ClientId,
    wanted: WantedGroups,
    act: Act,
) -> anyhow::Result<Effect> {
    let consumer = database.find_consumer(client_id).await?;
    let consumer = consumer.ok_or_else(|| StorageError::not_found("consumer", client_id))?;
    let watch = Watch::begin(database, consumer.assured_subjects().to_vec(), act.at).await?;
    let given = assure_consumer(database, client_id, wanted, act).await?;
    Ok(watch.finish(given).await)
}

async fn give_to(
    database: &Database,
    subject: &AssuredSubject,
    wanted: WantedGroups,
    act: Act,
) -> anyhow::Result<Effect> {
    let watch = Watch::begin(database, vec![subject.clone()], act.at).await?;
    let WantedGroups { groups, evidence, starts_at, ends_at } = wanted;
    let each = |group| NewAssurance { subject: subject.clone(), group, evidence: evidence.clone(), starts_at, ends_at };
    let given = give_assurances(database, groups.into_iter().map(each).collect(), act).await?;
    Ok(watch.finish(given).await)
}

//! `careconnect-auth consumer …`

use std::process::ExitCode;

use anyhow::Context;
use careconnect_verifier::ClientId;
use clap::{ArgAction, Args, Subcommand};

use super::{
    output::BadInput,
    session::{Attempt, Session},
};
use crate::{
    clock::UnixTime,
    domain::{ConsumerSystem, Precondition, RegistrationStatus},
    operations::change_consumer::change_consumer,
};

mod credential;
mod register;
mod show;
mod ways_in;

pub(super) use ways_in::{certificate_of, issuer_key};

#[derive(Debug, Subcommand)]
pub(super) enum ConsumerCommand {
    /// Register a service; prints its client id, and its secret once.
    Register(Box<register::Registration>),
    /// Add, rotate and end ways in of a registered consumer.
    #[command(subcommand)]
    Credential(Box<credential::CredentialCommand>),
    /// Change how a consumer is treated; what is not named stays as it is.
    Change(Change),
    /// List all consumers.
    List,
    /// Show one consumer with its credentials.
    Show {
        /// Its client id, as `consumer list` has it.
        client_id: ClientId,
    },
    /// Issue no more tokens to a consumer, within a second.
    Suspend {
        /// Its client id, as `consumer list` has it.
        client_id: ClientId,
    },
    /// Issue tokens to a suspended consumer again.
    Resume {
        /// Its client id, as `consumer list` has it.
        client_id: ClientId,
    },
    /// Give a consumer up for good: it never gets a token again.
    Retire {
        /// Its client id, as `consumer list` has it.
        client_id: ClientId,
    },
}

#[derive(Debug, Args)]
pub(super) struct Change {
    /// Its client id, as `consumer list` has it.
    client_id: ClientId,
    /// Whether assertions may name the token endpoint as their audience: true or false.
    #[arg(long, action = ArgAction::Set, value_name = "BOOLEAN")]
    token_endpoint_audience: Option<bool>,
    /// How many tokens it may ask for in a minute; 0: as many as it likes; `none`: the configuration's limit.
    #[arg(long, value_name = "NUMBER", value_parser = rate)]
    requests_per_minute: Option<Rate>,
}

/// A number of requests in a minute, or none of its own.
#[derive(Debug, Clone, Copy)]
struct Rate(Option<u32>);

fn rate(text: &str) -> Result<Rate, String> {
    let refuse = |_| format!("{text:?} is no rate: expected a number, or none");
    if text == "none" {
        return Ok(Rate(None));
    }
    text.parse().map(|rate| Rate(Some(rate))).map_err(refuse)
}

pub(super) fn run(command: ConsumerCommand, session: &Session) -> anyhow::Result<ExitCode> {
    match command {
        ConsumerCommand::Register(arguments) => {
            let registration = arguments.parse(session)?;
            session.changing(Attempt::new("consumer.register", &registration.asid), async |database, act| {
                register::register(&database, registration.clone(), act, session).await
            })
        }
        ConsumerCommand::Credential(command) => credential::run(*command, session),
        ConsumerCommand::Change(arguments) => change(arguments, session),
        ConsumerCommand::List => session.with_database(async |database| show::list(&database, session).await),
        ConsumerCommand::Show { client_id } => {
            session.with_database(async |database| show::show(&database, &client_id, session).await)
        }
        ConsumerCommand::Suspend { client_id } => {
            let edit = |before: &ConsumerSystem, at| match before.status {
                RegistrationStatus::Active => RegistrationStatus::Suspended { at },
                other => other,
            };
            change_status("consumer.suspend", &client_id, edit, session)
        }
        ConsumerCommand::Resume { client_id } => {
            change_status("consumer.resume", &client_id, |_, _| RegistrationStatus::Active, session)
        }
        ConsumerCommand::Retire { client_id } => {
            change_status("consumer.retire", &client_id, |_, at| RegistrationStatus::Retired { at }, session)
        }
    }
}

fn change(arguments: Change, session: &Session) -> anyhow::Result<ExitCode> {
    let Change { client_id, token_endpoint_audience, requests_per_minute } = arguments;
    if token_endpoint_audience.is_none() && requests_per_minute.is_none() {
        let sentence = "nothing to change: give --token-endpoint-audience or --requests-per-minute";
        return Err(BadInput(sentence.to_owned()).into());
    }
    edit(
        "consumer.change",
        &client_id,
        |before, _| ConsumerSystem {
            accepts_token_endpoint_audience: token_endpoint_audience.unwrap_or(before.accepts_token_endpoint_audience),
            requests_per_minute: requests_per_minute.map_or(before.requests_per_minute, |Rate(rate)| rate),
            ..before.clone()
        },
        session,
    )
}

fn change_status(
    action: &'static str,
    client_id: &ClientId,
    status: impl Fn(&ConsumerSystem, UnixTime) -> RegistrationStatus + Send + Sync,
    session: &Session,
) -> anyhow::Result<ExitCode> {
    let changed = |before: &ConsumerSystem, now| ConsumerSystem { status: status(before, now), ..before.clone() };
    edit(action, client_id, changed, session)
}

fn edit(
    action: &'static str,
    client_id: &ClientId,
    changed: impl Fn(&ConsumerSystem, UnixTime) -> ConsumerSystem + Send + Sync,
    session: &Session,
) -> anyhow::Result<ExitCode> {
    session.changing(Attempt::new(action, client_id), async |database, act| {
        let now = act.at;
        let edit = |before: &ConsumerSystem| Ok(changed(before, now));
        let after = change_consumer(&database, client_id, &Precondition::Any, edit, act).await?;
        let shown = show::show(&database, client_id, session).await;
        shown.with_context(|| format!("consumer {client_id} is {}, but cannot be shown", after.status.name()))
    })
}

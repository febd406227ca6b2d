//! `careconnect-auth consumer …`

use std::process::ExitCode;

use anyhow::Context;
use careconnect_verifier::ClientId;
use clap::Subcommand;

use super::{
    session::{Attempt, Session},
    token::shown,
};
use crate::{
    clock::UnixTime,
    domain::{ConsumerSystem, Precondition, RegistrationStatus, RevokedToken},
    operations::{change_consumer::change_consumer, revoke_token::revoke_token},
};

mod change;
mod credential;
mod list;
mod register;
mod show;
mod ways_in;

#[derive(Debug, Subcommand)]
pub(super) enum ConsumerCommand {
    /// Register a service; prints its client id, and its secret once.
    Register(Box<register::Registration>),
    /// Add, rotate and end ways in of a registered consumer.
    #[command(subcommand)]
    Credential(Box<credential::CredentialCommand>),
    /// Change what is registered of a consumer; what is not named stays as it is.
    Change(Box<change::Changes>),
    /// List consumers: all, or those that meet everything that is named.
    List(list::Wanted),
    /// Show one consumer with its credentials.
    Show {
        /// Its client id, as `consumer list` has it.
        client_id: ClientId,
    },
    /// Issue no more tokens to a consumer, within a second; those that it has count no longer.
    Suspend {
        /// Its client id, as `consumer list` has it.
        client_id: ClientId,
    },
    /// Issue tokens to a suspended consumer again; those that it has count again, if they have not ended or been revoked.
    Resume {
        /// Its client id, as `consumer list` has it.
        client_id: ClientId,
    },
    /// Let no token count any longer that a consumer has been issued up to now; it may get new ones.
    RevokeTokens {
        /// Its client id, as `consumer list` has it.
        client_id: ClientId,
    },
    /// Give a consumer up for good: it never gets a token again.
    Retire {
        /// Its client id, as `consumer list` has it.
        client_id: ClientId,
    },
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
        ConsumerCommand::Change(changes) => change::change(*changes, session),
        ConsumerCommand::List(wanted) => list::list(wanted, session),
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
        ConsumerCommand::RevokeTokens { client_id } => {
            session.changing(Attempt::new("consumer.revoke_tokens", &client_id), async |database, act| {
                let all = RevokedToken::all(client_id.clone(), act.at);
                shown(&revoke_token(&database, all, act).await?, session)
            })
        }
        ConsumerCommand::Retire { client_id } => {
            change_status("consumer.retire", &client_id, |_, at| RegistrationStatus::Retired { at }, session)
        }
    }
}

fn change_status(
    action: &'static str,
    client_id: &ClientId,
    status: impl Fn(&ConsumerSystem, UnixTime) -> RegistrationStatus + Send + Sync,
    session: &Session,
) -> anyhow::Result<ExitCode> {
    session.changing(Attempt::new(action, client_id), async |database, act| {
        let now = act.at;
        let edit = |before: &ConsumerSystem| Ok(ConsumerSystem { status: status(before, now), ..before.clone() });
        let after = change_consumer(&database, client_id, &Precondition::Any, edit, act).await?;
        let shown = show::show(&database, client_id, session).await;
        shown.with_context(|| format!("consumer {client_id} is {}, but cannot be shown", after.status.name()))
    })
}

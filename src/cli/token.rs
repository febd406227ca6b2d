//! `careconnect-auth token …`: reads and verifies tokens with the verifier crate, without network and clock; revokes them.

mod batch;
mod inspect;
mod revoke;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

use super::session::Session;

pub(super) use {revoke::shown, verify::read};

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Show what a token says, claim by claim, and whether a key set vouches for it.
    Inspect(inspect::InspectArguments),
    /// Verify the token on standard input as a provider would; exit code 0 accepted, 1 refused, 2 unusable arguments.
    ///
    /// Prints one line of JSON, with --json and without. The token is taken as it comes: a line end behind it is a byte too
    /// many.
    Verify(verify::VerifyArguments),
    /// Let a token count no longer, within a second: the one on standard input, or the one that is named.
    Revoke(revoke::RevokeArguments),
    /// List the tokens that are revoked and whose time is not over.
    Revoked,
}

pub(super) fn run(command: TokenCommand, session: &Session) -> anyhow::Result<ExitCode> {
    match command {
        TokenCommand::Inspect(arguments) => inspect::run(arguments, session.json),
        TokenCommand::Verify(arguments) if arguments.batch => batch::run(),
        TokenCommand::Verify(arguments) => verify::run(arguments),
        TokenCommand::Revoke(arguments) => revoke::run(arguments, session),
        TokenCommand::Revoked => session.with_database(async |database| revoke::list(&database, session).await),
    }
}

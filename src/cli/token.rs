//! `careconnect-auth token …`: reads and verifies tokens with the verifier crate, without network and clock.

mod batch;
mod inspect;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

pub(super) use verify::read;

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Show what a token says, claim by claim, and whether a key set vouches for it.
    Inspect(inspect::InspectArguments),
    /// Verify the token on standard input as a provider would; exit code 0 accepted, 1 refused, 2 unusable arguments.
    ///
    /// Prints one line of JSON, with --json and without. The token is taken as it comes: a line end behind it is a byte too
    /// many.
    Verify(verify::VerifyArguments),
}

pub(crate) fn run(command: TokenCommand, json: bool) -> anyhow::Result<ExitCode> {
    match command {
        TokenCommand::Inspect(arguments) => inspect::run(arguments, json),
        TokenCommand::Verify(arguments) if arguments.batch => batch::run(),
        TokenCommand::Verify(arguments) => verify::run(arguments),
    }
}

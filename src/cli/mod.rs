//! A command line becomes operations: one file per noun, no rule inside.
//!
//! Unless the exit code is 0 nothing was changed, or the complaint says what was.

use std::{ffi::OsString, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::config::FILE_VARIABLE;

mod assurance;
mod audit;
mod backup;
mod blocked_certificate;
mod cert;
mod certificate_arguments;
mod certificate_file;
mod certificate_policy;
mod certificate_report;
mod config;
mod consumer;
mod dev;
mod directory;
mod doctor;
mod estate;
mod examination;
mod explain;
mod gateway;
mod group;
mod keys;
mod migrate;
mod operator;
mod or_none;
mod organisation_type;
mod output;
mod provider;
mod serve;
mod session;
mod time_argument;
mod token;

const GLOBAL: &str = "Global options";
const EXIT_CODES: &str = "Exit codes: 0 done or yes; 1 no: refused, not found, or faulty; 2 malformed input or unusable \
                          set-up. Unless it is 0, nothing was changed, or the complaint says what was.";

/// Authorisation server for NHS Care Connect booking.
#[derive(Debug, Parser)]
#[command(name = "careconnect-auth", version, propagate_version = true, after_help = EXIT_CODES)]
struct CommandLine {
    /// Configuration file [default: careconnect-auth.toml in the current directory, when there is one].
    #[arg(long, global = true, env = FILE_VARIABLE, value_name = "FILE", help_heading = GLOBAL)]
    config: Option<OsString>,
    /// Print JSON instead of text for people.
    #[arg(long, global = true, help_heading = GLOBAL)]
    json: bool,
    /// Why something is changed, for the audit; needed where something is granted.
    #[arg(long, global = true, value_name = "TEXT", help_heading = GLOBAL)]
    reason: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try it: a throw-away PKI, demo consumers and providers, tokens by each method, and a server on loopback.
    Dev(dev::DevArguments),
    /// Run the server.
    Serve,
    /// Bring the database's schema up to date, or say what that would mean.
    Migrate(migrate::MigrateArguments),
    /// Copy the SQLite database into a file, while the server runs.
    Backup(backup::BackupArguments),
    /// Register and change consumers, list and show them, give them ways in and take these away.
    #[command(subcommand)]
    Consumer(consumer::ConsumerCommand),
    /// Say what services, organisations, systems and suppliers are assured to do, and until when.
    #[command(subcommand)]
    Assurance(assurance::AssuranceCommand),
    /// Register and change providers, and say whom they admit for what.
    #[command(subcommand)]
    Provider(provider::ProviderCommand),
    /// List, add, change, suspend and resume groups, with the interactions that they permit.
    #[command(subcommand)]
    Group(group::GroupCommand),
    /// List, add and rename organisation types.
    #[command(subcommand)]
    OrganisationType(organisation_type::OrganisationTypeCommand),
    /// List and import signing keys.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Read and verify tokens, offline; revoke them.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Read and judge client certificates, and block them.
    #[command(subcommand)]
    Cert(cert::CertCommand),
    /// Cap what certificates of some names may obtain.
    #[command(subcommand)]
    CertificatePolicy(certificate_policy::CertificatePolicyCommand),
    /// Ask the Spine Directory Service.
    #[command(subcommand)]
    Directory(directory::DirectoryCommand),
    /// Keep the whole register as a file, in git or elsewhere: write it, say what it would change, apply it.
    #[command(subcommand)]
    Estate(estate::EstateCommand),
    /// Check and show the configuration.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Show and search what was answered to token requests, and prove that the record is as it was written.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Tell what became of one token request: who asked, what was answered, which check failed, and how to mend it.
    Explain(explain::ExplainArguments),
    /// Stand before a provider, and let through what tokens permit. Reads careconnect-gateway.toml, or what --config names.
    Gateway(gateway::GatewayArguments),
    /// Look for what is wrong, and say how to mend it.
    Doctor(doctor::DoctorArguments),
}

/// Runs the process's command line.
pub fn run() -> ExitCode {
    crate::crypto::install();
    let CommandLine { config, json, reason, command } = CommandLine::parse();
    // An empty variable means none, as in other programs.
    let config_file = config.filter(|named| !named.is_empty()).map(Into::into);
    let session = session::Session { config_file, json, reason };
    let outcome = match command {
        Command::Dev(arguments) => dev::run(arguments, &session),
        Command::Serve => serve::run(&session),
        Command::Migrate(arguments) => migrate::run(&arguments, &session),
        Command::Backup(arguments) => backup::run(arguments, &session),
        Command::Consumer(command) => consumer::run(command, &session),
        Command::Assurance(command) => assurance::run(command, &session),
        Command::Provider(command) => provider::run(command, &session),
        Command::Group(command) => group::run(command, &session),
        Command::OrganisationType(command) => organisation_type::run(command, &session),
        Command::Keys(command) => keys::run(command, &session),
        Command::Token(command) => token::run(command, &session),
        Command::Cert(command) => cert::run(command, &session),
        Command::CertificatePolicy(command) => certificate_policy::run(command, &session),
        Command::Directory(command) => directory::run(command, &session),
        Command::Estate(command) => estate::run(command, &session),
        Command::Config(command) => config::run(command, session.config_file.as_deref(), json),
        Command::Audit(command) => audit::run(command, &session),
        Command::Explain(arguments) => explain::run(&arguments, &session),
        Command::Gateway(arguments) => gateway::run(&arguments, &session),
        Command::Doctor(arguments) => doctor::run(&arguments, &session),
    };
    outcome.unwrap_or_else(|error| output::failure(&error))
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory};

    #[test]
    fn the_command_line_is_consistent() {
        super::CommandLine::command().debug_assert();
    }

    #[test]
    fn every_command_and_argument_explains_itself() {
        let mut unexplained = Vec::new();
        collect(&super::CommandLine::command(), "", &mut unexplained);
        assert!(unexplained.is_empty(), "{unexplained:#?}");
    }

    fn collect(command: &Command, path: &str, unexplained: &mut Vec<String>) {
        let path = format!("{path} {}", command.get_name());
        if command.get_about().is_none() {
            unexplained.push(path.clone());
        }
        for argument in command.get_arguments().filter(|argument| argument.get_help().is_none()) {
            unexplained.push(format!("{path} {}", argument.get_id()));
        }
        command.get_subcommands().for_each(|below| collect(below, &path, unexplained));
    }
}

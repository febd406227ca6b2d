//! `careconnect-auth estate …`: the whole register as a file.

mod plan_text;
mod progress;

use std::{
    fs::{self, OpenOptions},
    io::{self, IsTerminal, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::json;

use self::{plan_text::PlanText, progress::Progress};
use super::{
    certificate_file,
    output::{self, BadInput},
    session::{Attempt, Session},
};
use crate::{
    domain::{AuditRecord, Fault, key_set_address::Permitted},
    operations::{
        change_refused::ChangeRefused,
        estate::{EstateFile, EstateFormat, EstateOptions, apply_estate, export_estate, plan_estate},
    },
    storage::Database,
};

/// The exit code of a plan with changes, for scripts that ask for it.
const CHANGES: u8 = 3;

#[derive(Debug, Subcommand)]
pub(super) enum EstateCommand {
    /// Write all that is registered as a file: the same register always gives the same text.
    Export {
        /// Where to; JSON if it ends in .json, TOML otherwise [default: standard output, TOML or with --json JSON].
        file: Option<PathBuf>,
        /// Write the hashes of secrets, too, to fill another register. Keep the file as safe as the database: whoever has
        /// it can try secrets until one fits.
        #[arg(long)]
        with_secret_hashes: bool,
    },
    /// Say what a file would change, and change nothing.
    Plan {
        #[command(flatten)]
        what: What,
        /// End with code 3 when there is something to change; without, a plan always ends with 0.
        #[arg(long)]
        detailed_exit_code: bool,
    },
    /// Make the register what a file says, in one transaction: all of it, or nothing. Needs --reason.
    Apply {
        #[command(flatten)]
        what: What,
    },
}

#[derive(Debug, Args)]
pub(super) struct What {
    /// The file, TOML or JSON; `-` reads standard input.
    file: PathBuf,
    /// Bring to its end what is not in the file, of the kinds that it has a section of: retire consumers and providers,
    /// end assurances and ways in, suspend groups, remove certificate policies, unblock certificates.
    #[arg(long)]
    prune: bool,
}

pub(super) fn run(command: EstateCommand, session: &Session) -> anyhow::Result<ExitCode> {
    match command {
        EstateCommand::Export { file, with_secret_hashes } => export(file.as_deref(), with_secret_hashes, session),
        EstateCommand::Plan { what, detailed_exit_code } => plan(&what, detailed_exit_code, session),
        EstateCommand::Apply { what } => apply(&what, session),
    }
}

fn export(file: Option<&Path>, with_secret_hashes: bool, session: &Session) -> anyhow::Result<ExitCode> {
    let is_json = file.map_or(session.json, |file| file.extension().is_some_and(|extension| extension == "json"));
    let format = if is_json { EstateFormat::Json } else { EstateFormat::Toml };
    session.with_database(async |database| {
        let text = export_estate(&database, session.act()?, with_secret_hashes, format).await?;
        match file {
            None => output::deliver(text.trim_end()).context("the register cannot be printed")?,
            Some(file) => {
                write(file, &text, with_secret_hashes).with_context(|| format!("cannot write {}", file.display()))?;
                output::note(&format!("the register is in {}", file.display()));
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// The old file, if there is one, goes when the new one is complete.
fn write(file: &Path, text: &str, is_private: bool) -> io::Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = file.with_file_name(name);
    let mode = if is_private { 0o600 } else { 0o644 };
    let mut written = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
    let outcome = written.write_all(text.as_bytes()).and_then(|()| written.sync_all());
    outcome.and_then(|()| fs::rename(&new, file)).inspect_err(|_| {
        let _gone = fs::remove_file(&new);
    })
}

fn plan(what: &What, detailed_exit_code: bool, session: &Session) -> anyhow::Result<ExitCode> {
    let (file, options) = (read(what)?, options(what, session)?);
    session.with_database(async |database| {
        let planned = plan_estate(&database, &file, options, session.act()?).await;
        let changes = planned.map_err(|refused| complain(refused, &file, what, session))?;
        if session.json {
            output::json(&plan_text::json(&changes))?;
        } else {
            let colour =
                io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            output::line(&PlanText { changes: &changes, colour }.to_string())?;
        }
        let has_changes = detailed_exit_code && !changes.is_empty();
        Ok(if has_changes { ExitCode::from(CHANGES) } else { ExitCode::SUCCESS })
    })
}

fn apply(what: &What, session: &Session) -> anyhow::Result<ExitCode> {
    if session.reason.as_ref().is_none_or(|reason| reason.trim().is_empty()) {
        return Err(BadInput("--reason is missing: whoever changes the whole register says why".to_owned()).into());
    }
    let (file, options) = (read(what)?, options(what, session)?);
    session.changing(Attempt::new("estate.apply", what.file.display()), async |database: Database, act| {
        let progress = Progress::of(file.entries());
        let applied = apply_estate(&database, &file, options, act, &|done| progress.show(done)).await;
        progress.end();
        let changes: Vec<AuditRecord> = applied.map_err(|refused| complain(refused, &file, what, session))?;
        let printed = if session.json {
            output::json(&plan_text::json(&changes))
        } else {
            output::line(&format!("applied: {}", plan_text::summary(&changes)))
        };
        printed.context("the file is applied, but what was changed cannot be printed")?;
        Ok(ExitCode::SUCCESS)
    })
}

fn read(what: &What) -> anyhow::Result<EstateFile> {
    let bytes = certificate_file::read_or_stdin(&what.file)?;
    let malformed = |fault: Fault| BadInput(format!("{}: {}", what.file.display(), fault.detail));
    Ok(EstateFile::parse(&bytes).map_err(malformed)?)
}

fn options(what: &What, session: &Session) -> anyhow::Result<EstateOptions> {
    let private = session.load_config()?.config.assertions.allow_private_jwks_addresses;
    Ok(EstateOptions { prune: what.prune, permitted: Permitted { private } })
}

/// Prints all that is wrong with the file, and gives one sentence for the audit and the end.
fn complain(refused: ChangeRefused, file: &EstateFile, what: &What, session: &Session) -> ChangeRefused {
    let ChangeRefused::Invalid(faults) = refused else { return refused };
    let name = what.file.display();
    if session.json {
        let shown =
            |fault: &Fault| json!({"pointer": fault.pointer, "place": file.place(fault), "detail": fault.detail});
        let _unheard = output::json(&json!({"faults": faults.iter().map(shown).collect::<Vec<_>>()}));
    }
    let sentence = |fault: &Fault| {
        let place = file.place(fault).map(|place| format!("{place}: ")).unwrap_or_default();
        format!("{place}{fault}")
    };
    faults.iter().for_each(|fault| output::note(&format!("{name}: {}", sentence(fault))));
    let first = faults.first().map(sentence).unwrap_or_default();
    let count = faults.len();
    let faults = if count == 1 { "one fault".to_owned() } else { format!("{count} faults, the first of which is") };
    ChangeRefused::at("", format!("nothing is changed, for {name} has {faults}: {first}"))
}

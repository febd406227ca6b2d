//! `careconnect-auth assurance …`

use std::process::ExitCode;

use careconnect_verifier::{Asid, ClientId, Group, OdsCode};
use clap::{Args, Subcommand};
use serde_json::Value;
use uuid::Uuid;

use super::{
    group::group_argument,
    output::BadInput,
    session::Session,
    time_argument::{EndTime, end_time, time},
};
use crate::{
    clock::UnixTime,
    domain::{AssuredSubject, Decision, SubjectKind, fields},
    operations::change_assurance::AssuranceChange,
    registry::search::AssuranceStatus,
};

mod change;
mod decide;
mod effect;
mod give;
mod list;
mod show;

#[derive(Debug, Subcommand)]
pub(super) enum AssuranceCommand {
    /// Assure a service, an organisation, a system or a supplier for groups; what is there already is replaced.
    Give(give::Giving),
    /// List assurances.
    List(Wanted),
    /// Show what stands behind a service: the four assurances for each group, and whether it holds the group now.
    Show {
        /// Its client id, as `consumer list` has it.
        client_id: ClientId,
    },
    /// Let assurances stand no longer, for the time being: everything that rests on them is lost within a second.
    Suspend(Which),
    /// Let suspended assurances stand again.
    Restore(Which),
    /// Let assurances end, now or at another time than they do.
    End {
        #[command(flatten)]
        which: Which,
        /// When they end, such as 2027-04-01; `none`: not before somebody says so [default: now].
        #[arg(long, value_name = "TIME", value_parser = end_time)]
        at: Option<EndTime>,
    },
    /// List what one administrator wants and another must confirm.
    Proposals {
        /// Those that are decided, too.
        #[arg(long)]
        all: bool,
    },
    /// Confirm what somebody else proposed: it counts within a second.
    Confirm(Proposals),
    /// Reject what was proposed.
    Reject(Proposals),
}

/// What is assured; one of the four.
#[derive(Debug, Args)]
pub(super) struct Whom {
    /// A registered service.
    #[arg(long, value_name = "CLIENT_ID", group = "subject")]
    service: Option<ClientId>,
    /// An organisation that delivers services.
    #[arg(long, value_name = "ODS_CODE", group = "subject")]
    organisation: Option<OdsCode>,
    /// An accredited system.
    #[arg(long, value_name = "ASID", group = "subject")]
    system: Option<Asid>,
    /// A supplier of systems.
    #[arg(long, value_name = "ODS_CODE", group = "subject")]
    supplier: Option<OdsCode>,
}

impl Whom {
    fn subject(self) -> Option<AssuredSubject> {
        let Self { service, organisation, system, supplier } = self;
        let service = service.map(AssuredSubject::Service);
        let organisation = || organisation.map(AssuredSubject::Organisation);
        let system = || system.map(AssuredSubject::System);
        service.or_else(organisation).or_else(system).or_else(|| supplier.map(AssuredSubject::Supplier))
    }

    fn required(self) -> Result<AssuredSubject, BadInput> {
        let sentence = "whose assurance? give --service, --organisation, --system or --supplier";
        self.subject().ok_or_else(|| BadInput(sentence.to_owned()))
    }
}

/// Whose assurances, and for what.
#[derive(Debug, Args)]
pub(super) struct Which {
    #[command(flatten)]
    whom: Whom,
    /// For this group only, as `group list` has it [default: for all].
    #[arg(long, value_parser = group_argument)]
    group: Option<Group>,
}

/// What shall be listed: what meets everything that is named.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    #[command(flatten)]
    whom: Whom,
    /// Of this kind only: service, organisation, system or supplier.
    #[arg(long)]
    kind: Option<SubjectKind>,
    /// For this group only, as `group list` has it.
    #[arg(long, value_parser = group_argument)]
    group: Option<Group>,
    /// Only those that are standing, lapsed, suspended or future.
    #[arg(long)]
    status: Option<AssuranceStatus>,
    /// Only those that end, or ended, before then, such as 2027-04-01.
    #[arg(long, value_name = "TIME", value_parser = time)]
    ends_before: Option<UnixTime>,
}

/// Which proposals.
#[derive(Debug, Args)]
pub(super) struct Proposals {
    /// Their ids, as `assurance proposals` has them.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<Uuid>,
    /// All that are open; to confirm, those of other administrators.
    #[arg(long)]
    all: bool,
}

pub(super) fn run(command: AssuranceCommand, session: &Session) -> anyhow::Result<ExitCode> {
    match command {
        AssuranceCommand::Give(arguments) => give::give(arguments, session),
        AssuranceCommand::List(wanted) => list::list(wanted, session),
        AssuranceCommand::Show { client_id } => show::show(&client_id, session),
        AssuranceCommand::Suspend(which) => {
            change::change("assurance.suspend", which, |_| AssuranceChange::Suspend, session)
        }
        AssuranceCommand::Restore(which) => {
            change::change("assurance.restore", which, |_| AssuranceChange::Restore, session)
        }
        AssuranceCommand::End { which, at } => {
            let end = |now| AssuranceChange::EndAt(at.map_or(Some(now), |EndTime(at)| at));
            change::change("assurance.end", which, end, session)
        }
        AssuranceCommand::Proposals { all } => decide::list(all, session),
        AssuranceCommand::Confirm(proposals) => decide::decide(proposals, Decision::Confirmed, session),
        AssuranceCommand::Reject(proposals) => decide::decide(proposals, Decision::Rejected, session),
    }
}

/// On what grounds, as people type it.
pub(super) fn evidence_argument(text: &str) -> Result<String, String> {
    fields::sentence(&Value::from(text))
}

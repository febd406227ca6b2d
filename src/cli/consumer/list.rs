//! `careconnect-auth consumer list`

use std::{process::ExitCode, sync::Arc};

use careconnect_verifier::{Asid, Group, OdsCode};
use clap::Args;

use super::show::{shown, uses};
use crate::{
    cli::{group::group_argument, output, session::Session, time_argument::time},
    clock::{SystemClock, UnixTime},
    domain::ConsumerSystem,
    registry::{
        Registry,
        search::{ConsumerFilter, StatusName},
    },
    storage::Database,
};

/// What shall be listed: what meets everything that is named.
#[derive(Debug, Args)]
pub(in crate::cli) struct Wanted {
    /// Only those on this accredited system.
    #[arg(long)]
    asid: Option<Asid>,
    /// Only those that this organisation delivers.
    #[arg(long, value_name = "CODE")]
    ods_code: Option<OdsCode>,
    /// Only those whose system comes from this supplier.
    #[arg(long, value_name = "CODE")]
    supplier: Option<OdsCode>,
    /// Only those that hold this group now.
    #[arg(long, value_parser = group_argument)]
    group: Option<Group>,
    /// Only those that are active, suspended or retired.
    #[arg(long)]
    status: Option<StatusName>,
    /// Only those with this in their name, in upper or lower case.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Only those of which a credential, or an assurance behind them, ends from now on and before then.
    #[arg(long, value_name = "TIME", value_parser = time)]
    expires_before: Option<UnixTime>,
}

pub(super) fn list(wanted: Wanted, session: &Session) -> anyhow::Result<ExitCode> {
    let Wanted { asid, ods_code, supplier, group, status, name, expires_before } = wanted;
    let filter = ConsumerFilter { asid, ods_code, supplier, group, status, name, expires_before };
    session.with_database(async |database| print(&database, &filter, session).await)
}

async fn print(database: &Database, filter: &ConsumerFilter, session: &Session) -> anyhow::Result<ExitCode> {
    let registry = Registry::load(database.clone(), Arc::new(SystemClock)).await?;
    let now = session.now();
    let mut consumers = registry.consumers();
    consumers.retain(|consumer| filter.matches(consumer, &registry.assured(consumer), now));
    consumers.sort_by(|one, other| one.client_id.cmp(&other.client_id));
    let groups = |consumer: &ConsumerSystem| registry.assured(consumer).groups_at(now);
    if session.json {
        let uses = uses(database).await?;
        let shown = consumers.iter().map(|consumer| shown(consumer, &groups(consumer), &uses));
        output::json(&shown.collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |consumer: &Arc<ConsumerSystem>| {
        vec![
            consumer.client_id.to_string(),
            output::cut(consumer.name.as_str()),
            consumer.asid.to_string(),
            consumer.organisation.ods_code.to_string(),
            consumer.supplier.to_string(),
            consumer.status.name().to_owned(),
            groups(consumer).len().to_string(),
        ]
    };
    let heading = ["CLIENT ID", "NAME", "ASID", "ODS CODE", "SUPPLIER", "STATUS", "GROUPS"];
    output::table(&heading, &consumers.iter().map(row).collect::<Vec<_>>())?;
    Ok(ExitCode::SUCCESS)
}

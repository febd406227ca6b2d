//! `careconnect-auth certificate-policy …`

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use careconnect_verifier::Group;
use clap::Subcommand;
use serde_json::json;

use super::{
    certificate_arguments::issuer_key,
    group::{group_argument, short},
    output,
    session::{Attempt, Session},
};
use crate::{
    domain::{CertificatePolicy, DisplayName, HostPrefix, Precondition},
    operations::cap_certificates::{add_certificate_policy, remove_certificate_policy},
    storage::Database,
};

#[derive(Debug, Subcommand)]
pub(super) enum CertificatePolicyCommand {
    /// Cap the groups that certificates with such a host name may obtain, as for those issued for appointments only.
    Add {
        /// What people call the policy.
        #[arg(long)]
        name: DisplayName,
        /// How the host names of these certificates begin.
        #[arg(long, value_name = "PREFIX")]
        host_prefix: HostPrefix,
        /// Only certificates from the authority whose certificate is in this file, told by its key.
        #[arg(long, value_name = "FILE")]
        issuer: Option<PathBuf>,
        /// A group that they may obtain, as `group list` has them. Repeatable.
        #[arg(long = "group", value_name = "GROUP", value_parser = group_argument, required = true)]
        groups: Vec<Group>,
    },
    /// List the policies that hold.
    List,
    /// Remove a policy: its certificates may obtain all that their consumers hold.
    Remove {
        /// Its name, as `certificate-policy list` has it.
        name: DisplayName,
    },
}

pub(super) fn run(command: CertificatePolicyCommand, session: &Session) -> anyhow::Result<ExitCode> {
    match command {
        CertificatePolicyCommand::Add { name, host_prefix, issuer, groups } => {
            let issuer = issuer.map(|file| issuer_key(&file)).transpose()?;
            let groups = groups.into_iter().collect();
            session.changing(Attempt::new("certificate_policy.add", &name), async |database, act| {
                let added = add_certificate_policy(&database, name.clone(), host_prefix, issuer, groups, act).await?;
                let listed = list(&database, session).await;
                listed.with_context(|| format!("the policy {} is added, but cannot be shown", added.name))
            })
        }
        CertificatePolicyCommand::List => session.with_database(async |database| list(&database, session).await),
        CertificatePolicyCommand::Remove { name } => {
            session.changing(Attempt::new("certificate_policy.remove", &name), async |database, act| {
                remove_certificate_policy(&database, &name, &Precondition::Any, act).await?;
                let listed = list(&database, session).await;
                listed.with_context(|| format!("the policy {name} is removed, but the others cannot be shown"))
            })
        }
    }
}

async fn list(database: &Database, session: &Session) -> anyhow::Result<ExitCode> {
    let policies = database.list_certificate_policies().await?;
    let holding = policies.iter().filter(|policy| policy.removed_at.is_none());
    if session.json {
        let shown = |policy: &CertificatePolicy| {
            json!({
                "name": policy.name, "host_prefix": policy.host_prefix.as_str(),
                "issuer_key": policy.issuer.map(|issuer| issuer.to_string()), "groups": policy.groups,
                "created_at": policy.created_at.to_string(),
            })
        };
        output::json(&holding.map(shown).collect::<Vec<_>>())?;
    } else {
        let row = |policy: &CertificatePolicy| {
            let groups: Vec<&str> = policy.groups.iter().map(short).collect();
            let issuer = policy.issuer.map_or_else(|| "any".to_owned(), |issuer| issuer.to_string());
            vec![policy.name.to_string(), policy.host_prefix.to_string(), issuer, groups.join(" ")]
        };
        output::table(&["NAME", "HOST PREFIX", "ISSUER'S KEY", "GROUPS"], &holding.map(row).collect::<Vec<_>>())?;
    }
    Ok(ExitCode::SUCCESS)
}

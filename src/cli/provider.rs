//! `careconnect-auth provider …`

use std::process::ExitCode;

use anyhow::Context;
use careconnect_verifier::{Algorithm, Asid, Group, KNOWN_GROUPS, OdsCode};
use clap::{Args, Subcommand};

use super::{
    examination,
    group::{self, group_argument},
    output::{self, BadInput},
    session::{Attempt, Session},
};
use crate::{
    clock::UnixTime,
    domain::{
        ClaimsProfile, DisplayName, HonouredGroup, Precondition, ProviderSystem, Registered, RegistrationStatus,
        ServiceRoot, TokenLifetime,
    },
    operations::{
        change_provider::change_provider,
        register_provider::{ProviderRegistration, register_provider},
    },
    storage::{Database, StorageError},
};

#[derive(Debug, Subcommand)]
pub(super) enum ProviderCommand {
    /// Register a FHIR service that accepts tokens.
    Register(Registration),
    /// List all providers.
    List,
    /// Show one provider.
    Show {
        /// Its accredited system: 12 digits.
        asid: Asid,
    },
    /// Issue no more tokens for a provider, within a second.
    Suspend {
        /// Its accredited system: 12 digits.
        asid: Asid,
    },
    /// Issue tokens for a suspended provider again.
    Resume {
        /// Its accredited system: 12 digits.
        asid: Asid,
    },
    /// Give a provider up for good: no token is ever issued for it again.
    Retire {
        /// Its accredited system: 12 digits.
        asid: Asid,
    },
}

#[derive(Debug, Args)]
pub(super) struct Registration {
    /// Its accredited system: 12 digits.
    #[arg(long)]
    asid: Asid,
    /// The organisation that publishes.
    #[arg(long, value_name = "CODE")]
    ods_code: OdsCode,
    /// What people call it.
    #[arg(long)]
    name: DisplayName,
    /// Its service root URL, which becomes the audience of its tokens.
    #[arg(long, value_name = "URL")]
    service_root: ServiceRoot,
    /// What its tokens are signed with: ES256, RS256, PS256, ES384 or EdDSA.
    #[arg(long, default_value = "ES256", value_name = "ALGORITHM")]
    signing_algorithm: Algorithm,
    /// How long its tokens live, in seconds: 1 to 3600.
    #[arg(long, default_value = "300", value_name = "SECONDS")]
    token_lifetime: TokenLifetime,
    /// Name the consumer's certificate in its tokens (RFC 8705), where the consumer came with one.
    #[arg(long)]
    certificate_bound: bool,
    /// The shape of its tokens: careconnect, or entra for code written against the original Azure AD tokens.
    #[arg(long, default_value = "careconnect", value_name = "PROFILE")]
    claims_profile: ClaimsProfile,
    /// A group that it honours; `read:slot` is short for the Care Connect URN. Repeatable [default: all five of Care
    /// Connect].
    #[arg(long = "group", value_name = "GROUP", value_parser = group_argument)]
    groups: Vec<Group>,
}

pub(super) fn run(command: ProviderCommand, session: &Session) -> anyhow::Result<ExitCode> {
    match command {
        ProviderCommand::Register(arguments) => {
            let registration = arguments.parse()?;
            let keys = examination::signing_keys(&session.load_config()?.config)?;
            if !keys.is_empty() && !keys.contains(&registration.signing_algorithm) {
                let algorithm = registration.signing_algorithm;
                return Err(BadInput(format!("there is no {algorithm} signing key: see careconnect-auth keys")).into());
            }
            session.changing(Attempt::new("provider.register", &registration.asid), async |database, act| {
                let provider = register_provider(&database, registration.clone(), act).await?;
                let printed = print(&provider, session);
                printed.with_context(|| format!("provider {} is registered, but cannot be shown", provider.asid))
            })
        }
        ProviderCommand::List => session.with_database(async |database| list(&database, session).await),
        ProviderCommand::Show { asid } => {
            session.with_database(async |database| print(&find(&database, &asid).await?, session))
        }
        ProviderCommand::Suspend { asid } => {
            let status = |before: &ProviderSystem, at| match before.status {
                RegistrationStatus::Active => RegistrationStatus::Suspended { at },
                other => other,
            };
            change_status("provider.suspend", &asid, status, session)
        }
        ProviderCommand::Resume { asid } => {
            change_status("provider.resume", &asid, |_, _| RegistrationStatus::Active, session)
        }
        ProviderCommand::Retire { asid } => {
            change_status("provider.retire", &asid, |_, at| RegistrationStatus::Retired { at }, session)
        }
    }
}

impl Registration {
    fn parse(self) -> anyhow::Result<ProviderRegistration> {
        let groups = match self.groups.is_empty() {
            true => KNOWN_GROUPS.iter().map(|known| known.group.clone()).collect::<Vec<_>>(),
            false => self.groups,
        };
        let groups = groups.into_iter().map(|group| (group, HonouredGroup::default())).collect();
        Ok(ProviderRegistration {
            asid: self.asid,
            ods_code: self.ods_code,
            name: self.name,
            service_root: self.service_root,
            signing_algorithm: self.signing_algorithm,
            token_lifetime: self.token_lifetime,
            certificate_bound: self.certificate_bound,
            claims_profile: self.claims_profile,
            groups,
        })
    }
}

async fn list(database: &Database, session: &Session) -> anyhow::Result<ExitCode> {
    let providers = database.list_providers().await?;
    if session.json {
        output::json(&providers.iter().map(Registered::document).collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |provider: &ProviderSystem| {
        let groups: Vec<&str> = provider.groups.keys().map(group::short).collect();
        vec![
            provider.asid.to_string(),
            provider.name.to_string(),
            provider.ods_code.to_string(),
            provider.signing_algorithm.to_string(),
            provider.status.name().to_owned(),
            provider.service_root.to_string(),
            groups.join(" "),
        ]
    };
    let heading = ["ASID", "NAME", "ODS CODE", "SIGNED", "STATUS", "SERVICE ROOT", "HONOURS"];
    output::table(&heading, &providers.iter().map(row).collect::<Vec<_>>())?;
    Ok(ExitCode::SUCCESS)
}

async fn find(database: &Database, asid: &Asid) -> anyhow::Result<ProviderSystem> {
    let found = database.find_provider(asid).await?;
    found.ok_or_else(|| StorageError::not_found("provider", asid)).context("nothing to show")
}

fn change_status(
    action: &'static str,
    asid: &Asid,
    status: impl Fn(&ProviderSystem, UnixTime) -> RegistrationStatus + Send + Sync,
    session: &Session,
) -> anyhow::Result<ExitCode> {
    session.changing(Attempt::new(action, asid), async |database, act| {
        let now = act.at;
        let edit = |before: &ProviderSystem| Ok(ProviderSystem { status: status(before, now), ..before.clone() });
        let after = change_provider(&database, asid, &Precondition::Any, edit, act).await?;
        let printed = print(&after, session);
        printed.with_context(|| format!("provider {asid} is {}, but cannot be shown", after.status.name()))
    })
}

fn print(provider: &ProviderSystem, session: &Session) -> anyhow::Result<ExitCode> {
    if session.json { output::json(&provider.document()) } else { output::fields(&described(provider)) }?;
    Ok(ExitCode::SUCCESS)
}

/// A provider for people.
fn described(provider: &ProviderSystem) -> Vec<(&'static str, String)> {
    let groups: Vec<&str> = provider.groups.keys().map(group::short).collect();
    let bound = if provider.certificate_bound { "bound to the consumer's certificate" } else { "not bound" };
    vec![
        ("asid", provider.asid.to_string()),
        ("name", provider.name.to_string()),
        ("ods code", provider.ods_code.to_string()),
        ("service root", provider.service_root.to_string()),
        ("status", provider.status.to_string()),
        ("registered", provider.created_at.to_string()),
        ("honours", groups.join(" ")),
        (
            "tokens",
            format!(
                "{}, {} s, {bound}, shape {}",
                provider.signing_algorithm,
                provider.token_lifetime.seconds(),
                provider.claims_profile.name()
            ),
        ),
    ]
}

//! `careconnect-auth provider register`

use std::process::ExitCode;

use anyhow::Context;
use careconnect_verifier::{Algorithm, Asid, Group, KNOWN_GROUPS, OdsCode};
use clap::Args;

use super::show::print;
use crate::{
    cli::{
        certificate_arguments::CertificateArguments,
        group::group_argument,
        output::BadInput,
        session::{Attempt, Session, block_on, configured_database},
    },
    domain::{ClaimsProfile, DisplayName, HonouredGroup, ServiceRoot, TokenLifetime},
    operations::register_provider::{ProviderRegistration, register_provider},
};

#[derive(Debug, Args)]
pub(in crate::cli) struct Registration {
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
    #[command(flatten)]
    certificates: CertificateArguments,
}

pub(super) fn register(arguments: Registration, session: &Session) -> anyhow::Result<ExitCode> {
    let registration = arguments.parse(session)?;
    require_key(registration.signing_algorithm, session)?;
    session.changing(Attempt::new("provider.register", &registration.asid), async |database, act| {
        let provider = register_provider(&database, registration.clone(), act).await?;
        let printed = print(&provider, session);
        printed.with_context(|| format!("provider {} is registered, but cannot be shown", provider.asid))
    })
}

/// Refuses an algorithm that no key signs with, where there are keys.
pub(super) fn require_key(algorithm: Algorithm, session: &Session) -> anyhow::Result<()> {
    let loaded = session.load_config()?;
    let keys = block_on(async { Ok(configured_database(&loaded).await?.list_signing_keys().await?) })?;
    if keys.is_empty() || keys.iter().any(|key| key.is_live() && key.algorithm == algorithm) {
        return Ok(());
    }
    Err(BadInput(format!("there is no {algorithm} signing key: see careconnect-auth keys")).into())
}

impl Registration {
    fn parse(self, session: &Session) -> anyhow::Result<ProviderRegistration> {
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
            certificates: self.certificates.read(session.now())?,
        })
    }
}

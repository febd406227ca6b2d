//! `careconnect-auth provider show`

use std::process::ExitCode;

use anyhow::Context;
use careconnect_verifier::{Asid, Group};

use crate::{
    cli::{group::short, output, session::Session, time_argument::brief},
    domain::{Environment, HonouredGroup, ProviderSystem, Registered, RegisteredCertificate},
    storage::StorageError,
};

pub(super) fn show(asid: &Asid, session: &Session) -> anyhow::Result<ExitCode> {
    session.with_database(async |database| {
        let found = database.find_provider(asid).await?;
        let found = found.ok_or_else(|| StorageError::not_found("provider", asid));
        print(&found.context("nothing to show")?, session)
    })
}

pub(super) fn print(provider: &ProviderSystem, session: &Session) -> anyhow::Result<ExitCode> {
    if session.json {
        output::json(&provider.document())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut described = described(provider);
    described.extend(provider.certificates.iter().map(|held| ("certificate", certificate(held))));
    output::fields(&described)?;
    output::line("")?;
    let row = |(group, honoured): (&Group, &HonouredGroup)| {
        let status = honoured.suspended_at.map_or("in use".to_owned(), |at| format!("suspended since {}", brief(at)));
        vec![short(group).to_owned(), status, honoured.to_string()]
    };
    output::table(&["HONOURS", "STATUS", "ADMITS"], &provider.groups.iter().map(row).collect::<Vec<_>>())?;
    Ok(ExitCode::SUCCESS)
}

fn certificate(RegisteredCertificate { identity, environment, issuer }: &RegisteredCertificate) -> String {
    let environment = environment.as_ref().map_or("self-signed", Environment::as_str);
    let issuer = issuer.map(|issuer| format!(", issued through the key {issuer}")).unwrap_or_default();
    format!("{} {} ({environment}{issuer})", identity.kind(), identity.value())
}

/// A provider for people.
fn described(provider: &ProviderSystem) -> Vec<(&'static str, String)> {
    let bound = if provider.certificate_bound { "bound to the consumer's certificate" } else { "not bound" };
    let tokens = format!(
        "{}, {} s, {bound}, shape {}",
        provider.signing_algorithm,
        provider.token_lifetime.seconds(),
        provider.claims_profile
    );
    vec![
        ("asid", provider.asid.to_string()),
        ("name", provider.name.to_string()),
        ("ods code", provider.ods_code.to_string()),
        ("service root", provider.service_root.to_string()),
        ("status", provider.status.to_string()),
        ("registered", provider.created_at.to_string()),
        ("tokens", tokens),
    ]
}

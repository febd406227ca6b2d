//! `token revoke` and `token revoked`.

use std::{path::Path, process::ExitCode};

use anyhow::Context;
use careconnect_verifier::ClientId;
use clap::Args;
use uuid::Uuid;

use crate::{
    cli::{
        certificate_file::read_or_stdin,
        examination,
        output::{self, BadInput},
        session::{Attempt, Session, block_on, configured_database},
    },
    clock::UnixTime,
    domain::{Registered, RevokedToken},
    operations::revoke_token::{revocation_of, revoke_token},
    own_tokens::OwnTokens,
    signing::KeySet,
    storage::Database,
};

#[derive(Debug, Args)]
pub(crate) struct RevokeArguments {
    /// The token's `jti`, as `token inspect` and the record show it, instead of the token on standard input.
    #[arg(long, requires = "client_id")]
    jti: Option<Uuid>,
    /// The consumer whose it is, with --jti.
    #[arg(long, requires = "jti")]
    client_id: Option<ClientId>,
}

pub(super) fn run(arguments: RevokeArguments, session: &Session) -> anyhow::Result<ExitCode> {
    let now = session.now();
    let revoked = match (arguments.client_id, arguments.jti) {
        (Some(client_id), Some(jti)) => RevokedToken::one(client_id, jti, None, now),
        _ => by_itself(session, now)?,
    };
    session.changing(Attempt::new("revoked_token.revoke", revoked.identifier()), async |database, act| {
        shown(&revoke_token(&database, revoked.clone(), act).await?, session)
    })
}

/// The token on standard input, which one of our keys must have signed.
fn by_itself(session: &Session, now: UnixTime) -> anyhow::Result<RevokedToken> {
    let loaded = session.load_config()?;
    let config = &loaded.config;
    let issuer = config.issuer.as_ref().context("`issuer` is not set, so that nobody knows whose tokens are ours")?;
    let known = block_on(async { Ok(configured_database(&loaded).await?.list_signing_keys().await?) })?;
    let keys = KeySet::at(now, &examination::confirmed_keys(config, &known)?, &config.key_schedule());
    let token = String::from_utf8(read_or_stdin(Path::new("-"))?).unwrap_or_default();
    let read = OwnTokens::default().read(token.trim_ascii_end(), &keys, issuer.as_str());
    let expected = "standard input: expected a token that a key of this server has signed and that has not ended; \
                    --client-id and --jti name one, too";
    Ok(read.and_then(|token| revocation_of(&token, now)).ok_or_else(|| BadInput(expected.to_owned()))?)
}

/// Prints what is revoked.
pub(in crate::cli) fn shown(revoked: &RevokedToken, session: &Session) -> anyhow::Result<ExitCode> {
    if session.json {
        output::json(&revoked.document())?;
    } else {
        table(std::slice::from_ref(revoked))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn list(database: &Database, session: &Session) -> anyhow::Result<ExitCode> {
    let (mut all, now) = (database.list_revoked_tokens().await?, session.now());
    all.retain(|revoked| revoked.matters_at(now));
    if session.json {
        output::json(&all.iter().map(Registered::document).collect::<Vec<_>>())?;
    } else {
        table(&all)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn table(all: &[RevokedToken]) -> anyhow::Result<()> {
    let row = |revoked: &RevokedToken| {
        let which = match revoked.token_id {
            Some(id) => id.to_string(),
            None => format!("all issued up to {}", revoked.revoked_at),
        };
        vec![revoked.client_id.to_string(), which, revoked.revoked_at.to_string(), revoked.matters_until.to_string()]
    };
    let heading = ["CLIENT ID", "TOKEN", "REVOKED", "MATTERS UNTIL"];
    output::table(&heading, &all.iter().map(row).collect::<Vec<_>>())
}

//! `careconnect-auth keys …`: the signing keys, and what becomes of them.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use careconnect_verifier::Algorithm;
use clap::Subcommand;

use super::session::Session;
use crate::{
    config::Config,
    operations::change_keys::KeyWork,
    signing::{KeyPlaces, KeyStores},
    storage::Database,
};

mod change;
mod list;
mod plan;
mod rehearse;
mod show;

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// List the signing keys that are published, the latest first.
    List {
        /// Those that are gone, too.
        #[arg(long)]
        all: bool,
        /// The public halves of all there ever were, as a key set: for `audit verify --jwks` on another machine.
        #[arg(long, conflicts_with = "all")]
        jwks: bool,
    },
    /// Print what happens to the keys next, and when.
    Plan,
    /// Let the next keys sign as soon as others can know them; make those that are missing.
    Rotate {
        /// Only this algorithm's [default: all for which this server makes keys].
        #[arg(long, value_name = "ALGORITHM")]
        alg: Option<Algorithm>,
    },
    /// After a compromise: nothing counts any more that the key signed. Says what that breaks.
    Revoke {
        /// Which, as `keys list` has it.
        kid: String,
    },
    /// Sign a token that opens nothing with the next key, and verify it: so it is known to work before its turn comes.
    Rehearse {
        /// What it signs with.
        #[arg(long, value_name = "ALGORITHM", default_value = "ES256")]
        alg: Algorithm,
        /// Whom the token is for: the service root of a provider that wants to try it [default: the issuer].
        #[arg(long, value_name = "URL")]
        audience: Option<String>,
    },
    /// Take over a private key, in PEM (PKCS#8, PKCS#1 or SEC1) or as a JWK. It signs as soon as others can know it.
    Import {
        /// The private key, unencrypted.
        file: PathBuf,
        /// What it signs with: ES256, RS256, PS256, ES384 or EdDSA.
        #[arg(long, value_name = "ALGORITHM")]
        alg: Algorithm,
    },
    /// Seal all private keys with the sealing key in use; `keys.former_sealing_key_files` are needed no longer then.
    Reseal,
}

pub(crate) fn run(command: KeysCommand, session: &Session) -> anyhow::Result<ExitCode> {
    match command {
        KeysCommand::List { all, jwks } => list::list(all, jwks, session),
        KeysCommand::Plan => plan::plan(session),
        KeysCommand::Rotate { alg } => change::rotate(alg, session),
        KeysCommand::Revoke { kid } => change::revoke(&kid, session),
        KeysCommand::Rehearse { alg, audience } => rehearse::rehearse(alg, audience, session),
        KeysCommand::Import { file, alg } => change::import(&file, alg, session),
        KeysCommand::Reseal => change::reseal(session),
    }
}

/// What keys are worked on with, by whoever has the sealing key.
async fn work_on(config: &Config, database: Database) -> anyhow::Result<KeyWork> {
    let known = database.list_signing_keys().await?;
    let stores = Arc::new(KeyStores::of(KeyPlaces::from(&config.keys), &known)?);
    Ok(KeyWork { database, stores, schedule: config.key_schedule() })
}

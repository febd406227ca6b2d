//! `careconnect-auth keys …`: the signing keys in their directory.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use careconnect_verifier::Algorithm;
use clap::Subcommand;
use serde_json::{Value, json};

use super::{output, session::Session};
use crate::signing::{KeyFiles, StoredKey, newest_key};

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// List the signing keys, the oldest first.
    List,
    /// Take over a private key in PEM (PKCS#8, PKCS#1 or SEC1); after a restart it signs for its algorithm.
    Import {
        /// The private key, unencrypted.
        file: PathBuf,
        /// What it signs with: ES256, RS256, PS256, ES384 or EdDSA.
        #[arg(long, value_name = "ALGORITHM")]
        alg: Algorithm,
    },
}

pub(crate) fn run(command: KeysCommand, session: &Session) -> anyhow::Result<ExitCode> {
    let files = KeyFiles::new(&session.load_config()?.config.keys.directory);
    match command {
        KeysCommand::List => list(&files.load()?, session.json)?,
        KeysCommand::Import { file, alg } => {
            let imported = files.import(alg, &file)?;
            let imported_as = imported.path.display().to_string();
            let listed = list(&[imported], session.json);
            listed.with_context(|| format!("{imported_as} is imported, but cannot be shown"))?;
            output::note("restart the server to sign with this key");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(keys: &[StoredKey], json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&keys.iter().map(|stored| entry(stored, keys)).collect::<Vec<_>>());
    }
    let row = |stored: &StoredKey| {
        vec![
            stored.key.algorithm().to_string(),
            stored.key.kid().to_string(),
            if signs(stored, keys) { "signs" } else { "published" }.to_owned(),
            stored.written_at().to_string(),
            stored.path.display().to_string(),
        ]
    };
    output::table(&["ALG", "KID", "USE", "WRITTEN", "FILE"], &keys.iter().map(row).collect::<Vec<_>>())
}

fn entry(stored: &StoredKey, keys: &[StoredKey]) -> Value {
    json!({
        "alg": stored.key.algorithm(),
        "kid": stored.key.kid().as_ref(),
        "signs": signs(stored, keys),
        "written_at": stored.written_at().to_string(),
        "file": stored.path,
    })
}

fn signs(stored: &StoredKey, keys: &[StoredKey]) -> bool {
    newest_key(keys, stored.key.algorithm()).is_some_and(|newest| newest.key.kid() == stored.key.kid())
}

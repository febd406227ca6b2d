//! What `serve` would say of a configuration, without serving: for `config check` and for `doctor`.

use std::path::Path;

use careconnect_verifier::Algorithm;

use crate::{
    authentication::forwarded::proxies::Proxies,
    clock::UnixTime,
    config::{Config, FileFindings, LoadedConfig, Problem, Serving},
    domain::ProviderSystem,
    server::TlsFiles,
    signing::{KeyRing, SigningError},
    storage::{Database, StorageError},
};

/// Reads the configuration, looks at its keys, then at the files that they name, then at what is in the files. A
/// configuration that cannot be read is a finding, too.
pub(super) fn examine(config_file: Option<&Path>, now: UnixTime) -> (Option<LoadedConfig>, FileFindings) {
    let loaded = match LoadedConfig::load(config_file) {
        Ok(loaded) => loaded,
        Err(error) => return (None, FileFindings { problems: error.problems, warnings: Vec::new() }),
    };
    let mut findings = loaded.examine_files();
    match loaded.serving() {
        Err(error) => findings.problems.splice(0..0, error.problems).for_each(drop),
        Ok(serving) if findings.problems.is_empty() => {
            examine_certificates(&loaded.config, &serving, now, &mut findings)
        }
        Ok(_) => {}
    }
    if findings.problems.is_empty()
        && let Err(error) = Proxies::load(&loaded.config.proxies)
    {
        findings.problems.push(Problem::of_key("proxies", error.to_string()));
    }
    (Some(loaded), findings)
}

fn examine_certificates(config: &Config, serving: &Serving<'_>, now: UnixTime, findings: &mut FileFindings) {
    match TlsFiles::of(&config.tls, serving).examine(now) {
        Err(error) => findings.problems.push(Problem::of_key("tls", error.to_string())),
        Ok(concerns) => {
            findings
                .warnings
                .extend(concerns.into_iter().map(|concern| Problem::of_key(concern.key, concern.sentence)));
        }
    }
}

/// The algorithms that there are signing keys for; none is no problem, for `serve` makes them.
pub(super) fn signing_keys(config: &Config) -> Result<Vec<Algorithm>, SigningError> {
    KeyRing::algorithms_in(&config.keys.directory)
}

/// Reads the register as `serve` would: how many consumers, and the providers. Never makes a database.
pub(super) async fn register(config: &Config) -> Result<(usize, Vec<ProviderSystem>), StorageError> {
    let database = open_database(config).await?;
    Ok((database.list_consumers().await?.len(), database.list_providers().await?))
}

/// The configured database, whose schema must be up to date.
pub(super) async fn open_database(config: &Config) -> Result<Database, StorageError> {
    let database = Database::open(&(&config.database).into()).await?;
    database.require_current_schema().await?;
    Ok(database)
}

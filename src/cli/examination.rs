//! What `serve` would say of a configuration, without serving: for `config check` and for `doctor`.

use std::{path::Path, sync::Arc};

use careconnect_verifier::Algorithm;

use crate::{
    authentication::{forwarded::proxies::Proxies, key_sets::KeySets},
    clock::{ManualClock, UnixTime},
    config::{Config, FileFindings, LoadedConfig, Problem, Serving},
    domain::{ConsumerSystem, ProviderSystem, SigningKeyRecord},
    expiries::{self, Expiry},
    server::{ListenerName, TlsFiles},
    signing::{KeyPlaces, KeyStores, SigningError},
    storage::{CredentialUse, Database, StorageError},
};

/// What was found.
#[derive(Default)]
pub(super) struct Examination {
    /// The configuration, if it can be read.
    pub(super) loaded: Option<LoadedConfig>,
    /// What is wrong with it, and with the files that it names.
    pub(super) findings: FileFindings,
    /// What ends soon of what is in the files, in the order of the ends.
    pub(super) expiries: Vec<Expiry>,
}

/// Reads the configuration, looks at its keys, then at the files that they name, then at what is in the files. A
/// configuration that cannot be read is a finding, too.
pub(super) fn examine(config_file: Option<&Path>, now: UnixTime) -> Examination {
    let loaded = match LoadedConfig::load(config_file) {
        Ok(loaded) => loaded,
        Err(error) => {
            let findings = FileFindings { problems: error.problems, warnings: Vec::new() };
            return Examination { findings, ..Examination::default() };
        }
    };
    let (mut findings, mut expiries) = (loaded.examine_files(), Vec::new());
    match loaded.serving() {
        Err(error) => findings.problems.splice(0..0, error.problems).for_each(drop),
        Ok(serving) if findings.problems.is_empty() => {
            expiries = examine_certificates(&loaded.config, &serving, now, &mut findings);
        }
        Ok(_) => {}
    }
    if findings.problems.is_empty() {
        let proxies = Proxies::load(&loaded.config.proxies).err();
        findings.problems.extend(proxies.map(|error| Problem::of_key("proxies", error.to_string())));
        let key_sets = KeySets::open(&loaded.config.assertions, Arc::new(ManualClock::at(now))).err();
        findings.problems.extend(key_sets.map(|error| Problem::of_key("assertions.jwks_ca_files", error.to_string())));
    }
    Examination { loaded: Some(loaded), findings, expiries }
}

fn examine_certificates(
    config: &Config,
    serving: &Serving<'_>,
    now: UnixTime,
    findings: &mut FileFindings,
) -> Vec<Expiry> {
    let (public, admin) = (TlsFiles::of(&config.tls, serving), TlsFiles::of_admin(&config.admin, serving));
    let mut all = Vec::new();
    for files in std::iter::once(&public).chain(&admin) {
        match files.examine(now) {
            Err(error) => {
                let section = if files.listener == ListenerName::Public { "tls" } else { "admin" };
                findings.problems.push(Problem::of_key(section, error.to_string()));
            }
            Ok((concerns, expiries)) => {
                let warnings = concerns.into_iter().map(|concern| Problem::of_key(concern.key, concern.sentence));
                findings.warnings.extend(warnings);
                all.extend(expiries);
            }
        }
    }
    if let (Some(admin), true) = (&admin, findings.problems.is_empty()) {
        let shared = admin.check_apart_from(&public).err();
        findings.problems.extend(shared.map(|error| Problem::of_key("admin.client_authorities", error.to_string())));
    }
    expiries::sort(&mut all);
    all
}

/// What is registered.
pub(super) struct Register {
    pub(super) consumers: Vec<Arc<ConsumerSystem>>,
    pub(super) providers: Vec<ProviderSystem>,
    /// Signing keys; none is no problem, for `serve` makes them.
    pub(super) signing_keys: Vec<SigningKeyRecord>,
    /// When credentials were used last.
    pub(super) uses: Vec<CredentialUse>,
}

impl Register {
    /// The algorithms that there are signing keys for.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        let has_key =
            |algorithm: &Algorithm| self.signing_keys.iter().any(|key| key.is_live() && key.algorithm == *algorithm);
        Algorithm::FOR_TOKENS.into_iter().filter(has_key).collect()
    }
}

/// Those of `known` that the sealing key confirms: whoever can write to the database alone adds none.
pub(super) fn confirmed_keys(
    config: &Config,
    known: &[SigningKeyRecord],
) -> Result<Vec<SigningKeyRecord>, SigningError> {
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let stores = KeyStores::of(KeyPlaces::from(&config.keys), known)?;
    Ok(known.iter().filter(|key| stores.confirm(key).is_ok()).cloned().collect())
}

/// What keeps this machine from signing with keys that the register has.
pub(super) fn unusable_keys(config: &Config, known: &[SigningKeyRecord]) -> Vec<SigningError> {
    if known.is_empty() {
        return Vec::new();
    }
    let stores = match KeyStores::of(KeyPlaces::from(&config.keys), known) {
        Ok(stores) => stores,
        Err(error) => return vec![error],
    };
    let unconfirmed = known.iter().filter_map(|key| stores.confirm(key).err());
    let live = known.iter().filter(|key| key.is_live() && stores.confirm(key).is_ok());
    unconfirmed.chain(live.filter_map(|key| stores.key(key).err())).collect()
}

/// Reads the register as `serve` would. Never makes a database.
pub(super) async fn register(config: &Config) -> Result<Register, StorageError> {
    let database = open_database(config).await?;
    let (consumers, providers) = (database.list_consumers().await?, database.list_providers().await?);
    let consumers = consumers.into_iter().map(Arc::new).collect();
    let signing_keys = database.list_signing_keys().await?;
    Ok(Register { consumers, providers, signing_keys, uses: database.list_uses().await? })
}

/// The configured database, whose schema must be up to date.
pub(super) async fn open_database(config: &Config) -> Result<Database, StorageError> {
    let database = Database::open(&(&config.database).into()).await?;
    database.require_current_schema().await?;
    Ok(database)
}

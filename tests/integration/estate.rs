//! The register as a file: written, planned and applied.

mod commands;
mod faults;
mod filled;
mod pruning;
mod round_trip;

use careconnect_auth::{
    clock::UnixTime,
    domain::{Act, AuditRecord, Fault, key_set_address::Permitted},
    operations::{
        change_refused::ChangeRefused,
        estate::{EstateFile, EstateFormat, EstateOptions, apply_estate, export_estate, plan_estate},
    },
    storage::Database,
};
use serde_json::Value;

use crate::support::{changes::act, registrations::REGISTERED_AT};

/// After everything was registered.
const LATER: UnixTime = REGISTERED_AT.plus(1_000);

const OPTIONS: EstateOptions = EstateOptions { prune: false, permitted: Permitted { private: false } };
const PRUNING: EstateOptions = EstateOptions { prune: true, ..OPTIONS };

async fn export(database: &Database, with_hashes: bool) -> String {
    export_estate(database, act(LATER), with_hashes, EstateFormat::Toml).await.unwrap()
}

async fn export_json(database: &Database) -> Value {
    let text = export_estate(database, act(LATER), true, EstateFormat::Json).await.unwrap();
    serde_json::from_str(&text).unwrap()
}

async fn apply(database: &Database, text: &str, options: EstateOptions) -> Result<Vec<AuditRecord>, ChangeRefused> {
    apply_as(database, text, options, act(LATER)).await
}

async fn apply_as(
    database: &Database,
    text: &str,
    options: EstateOptions,
    act: Act,
) -> Result<Vec<AuditRecord>, ChangeRefused> {
    apply_estate(database, &EstateFile::parse(text.as_bytes()).unwrap(), options, act, &|_| {}).await
}

async fn plan(database: &Database, text: &str, options: EstateOptions) -> Result<Vec<AuditRecord>, ChangeRefused> {
    plan_estate(database, &EstateFile::parse(text.as_bytes()).unwrap(), options, act(LATER)).await
}

fn actions(records: &[AuditRecord]) -> Vec<&str> {
    records.iter().map(|record| record.action.as_str()).collect()
}

#[track_caller]
fn faults<T: std::fmt::Debug>(outcome: Result<T, ChangeRefused>) -> Vec<Fault> {
    match outcome {
        Err(ChangeRefused::Invalid(faults)) => faults,
        other => panic!("{other:?}"),
    }
}

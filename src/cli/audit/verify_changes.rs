//! `audit verify` of the changes: in the database, or in a file that `audit export` wrote.

use std::{fs::File, io::BufReader, path::Path};

use anyhow::Context;
use careconnect_verifier::KeySet;
use serde_json::json;

use super::{
    changes::is_kid,
    verify::{Findings, unbroken},
};
use crate::{
    cli::session::{Session, block_on, configured_database},
    operations::verify_audit::{AuditReport, verify_audit, verify_exported},
    record::KnownCheckpoint,
    telemetry::legible,
};

/// Those in the configured database; an error says why it cannot be opened.
pub(super) fn verify_database(
    session: &Session,
    keys: Option<&KeySet>,
    known: &[KnownCheckpoint],
) -> anyhow::Result<anyhow::Result<Findings>> {
    let none = KeySet::default();
    block_on(async {
        let opened = async { configured_database(&session.load_config()?).await };
        let database = match opened.await {
            Ok(database) => database,
            Err(error) => return Ok(Err(error)),
        };
        let report = verify_audit(&database, keys.unwrap_or(&none), known).await?;
        let mut findings = findings(&report, keys.is_some());
        let revision = database.revision().await?;
        if report.records == 0 && revision > 0 {
            let sentence =
                "though the register was changed: its records were taken away, or an earlier release made none";
            findings.lines.push(format!("NOT PROVEN: there are no records, {sentence}"));
            findings.is_sound = false;
        }
        Ok(Ok(findings))
    })
}

/// Those in a file, offline.
pub(super) fn verify_file(file: &Path, keys: Option<&KeySet>, known: &[KnownCheckpoint]) -> anyhow::Result<Findings> {
    let cannot = || format!("{} cannot be read", file.display());
    let lines = BufReader::new(File::open(file).with_context(cannot)?);
    let report = verify_exported(lines, keys.unwrap_or(&KeySet::default()), known).with_context(cannot)?;
    Ok(findings(&report, keys.is_some()))
}

/// Without keys the records are held against each other only.
fn findings(report: &AuditReport, with_keys: bool) -> Findings {
    let AuditReport { records, newest, checkpoints, unverifiable_checkpoints: unknown, uncovered, broken, .. } = report;
    let newest = newest.map_or_else(|| "-".to_owned(), |time| time.to_string());
    let signatures = match (with_keys, unknown) {
        (false, unknown) => format!("{unknown} checkpoints, signatures not checked"),
        (true, 0) => format!("{checkpoints} valid checkpoints"),
        (true, unknown) => format!("{checkpoints} valid checkpoints, {unknown} by keys that were not given"),
    };
    let mut lines = vec![format!(
        "changes: {records} records (up to {newest}), {signatures}, {uncovered} records behind the last one"
    )];
    let is_proven = !with_keys || report.unknown_keys.is_empty();
    if let Some(broken) = broken {
        lines.push(format!("BROKEN: {}", legible(&broken.to_string())));
    } else if is_proven {
        let count = |number: i64| u64::try_from(number).unwrap_or_default();
        lines.push(unbroken("The audit of changes", count(*records), count(*uncovered)));
    } else {
        let keys: Vec<_> =
            report.unknown_keys.iter().map(|key| if is_kid(key) { key.clone() } else { legible(key) }).collect();
        let keys = keys.join(", ");
        lines.push(format!("NOT PROVEN: the last checkpoints are by {keys}: bring the key set of then with --jwks"));
    }
    Findings { is_sound: broken.is_none() && is_proven, json: json!(report), lines }
}

//! Keys as tables and as JSON.

use serde_json::Value;

use crate::{
    cli::output,
    clock::UnixTime,
    domain::{KeySchedule, Registered, SigningKeyRecord},
};

/// Some of `all`, with where they are in their life.
pub(super) fn show(
    shown: &[&SigningKeyRecord],
    all: &[SigningKeyRecord],
    schedule: &KeySchedule,
    now: UnixTime,
    json: bool,
) -> anyhow::Result<()> {
    let state = |key: &SigningKeyRecord| schedule.state(key, all, now).name();
    if json {
        let entry = |key: &&SigningKeyRecord| {
            let mut document = key.document();
            document["state"] = Value::from(state(key));
            document
        };
        return output::json(&shown.iter().map(entry).collect::<Vec<_>>());
    }
    let row = |key: &&SigningKeyRecord| {
        vec![
            key.algorithm.to_string(),
            key.kid.to_string(),
            state(key).to_owned(),
            key.published_at.to_string(),
            key.activates_at.to_string(),
            key.private_half.kept_in().name().to_owned(),
        ]
    };
    let headings = ["ALG", "KID", "STATE", "PUBLISHED", "SIGNS FROM", "KEPT IN"];
    output::table(&headings, &shown.iter().map(row).collect::<Vec<_>>())
}

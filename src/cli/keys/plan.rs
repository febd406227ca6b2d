//! `careconnect-auth keys plan`

use std::process::ExitCode;

use serde_json::json;

use crate::{
    cli::{output, session::Session},
    domain::key_schedule::timeline,
    signing::KeyPlaces,
};

pub(super) fn plan(session: &Session) -> anyhow::Result<ExitCode> {
    let config = session.load_config()?.config;
    let (schedule, makes) = (config.key_schedule(), KeyPlaces::from(&config.keys).makes());
    session.with_database(async |database| {
        let (keys, now) = (database.list_signing_keys().await?, session.now());
        let events = timeline(&schedule, &keys, &makes, now);
        if session.json {
            let entry = |event: &crate::domain::key_schedule::Event| {
                json!({ "at": event.at.to_string(), "algorithm": event.algorithm, "kid": event.kid, "event": event.what.name() })
            };
            output::json(&events.iter().map(entry).collect::<Vec<_>>())?;
            return Ok(ExitCode::SUCCESS);
        }
        let row = |event: &crate::domain::key_schedule::Event| {
            let key = event.kid.as_deref().unwrap_or("a new key").to_owned();
            vec![event.at.to_string(), event.algorithm.to_string(), event.what.sentence().to_owned(), key]
        };
        output::table(&["WHEN", "ALG", "WHAT", "KEY"], &events.iter().map(row).collect::<Vec<_>>())?;
        if schedule.rotate_every.is_none() {
            output::note("keys.rotate_every_days is 0: keys are changed by `careconnect-auth keys rotate` only");
        }
        Ok(ExitCode::SUCCESS)
    })
}

//! `careconnect-auth keys list`

use std::process::ExitCode;

use super::show::show;
use crate::{
    cli::{output, session::Session},
    domain::{KeyState, KnownTo, key_schedule::turn},
    signing::KeySet,
};

pub(super) fn list(all: bool, jwks: bool, session: &Session) -> anyhow::Result<ExitCode> {
    let schedule = session.load_config()?.config.key_schedule();
    session.with_database(async |database| {
        let (keys, now) = (database.list_signing_keys().await?, session.now());
        if jwks {
            output::line(KeySet::of(keys.iter()).json())?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut shown: Vec<_> =
            keys.iter().filter(|key| all || schedule.state(key, &keys, now) != KeyState::Gone).collect();
        shown.sort_by(|one, other| (one.algorithm, turn(other)).cmp(&(other.algorithm, turn(one))));
        show(&shown, &keys, &schedule, now, session.json)?;
        let (providers, fetches) = (database.list_providers().await?, database.list_key_set_fetches().await?);
        for key in shown.iter().filter(|key| schedule.state(key, &keys, now) == KeyState::Next) {
            let KnownTo { providers, known, waiting_for } = KnownTo::of(key, providers.iter(), &fetches);
            let names: Vec<_> = waiting_for.iter().map(ToString::to_string).collect();
            let waiting = if names.is_empty() { String::new() } else { format!("; not yet {}", names.join(", ")) };
            output::note(&format!(
                "{known} of {providers} providers with {} tokens know {}{waiting}",
                key.algorithm, key.kid
            ));
        }
        if keys.is_empty() {
            output::note("there are no signing keys yet: `careconnect-auth serve` makes them when it starts");
        }
        Ok(ExitCode::SUCCESS)
    })
}

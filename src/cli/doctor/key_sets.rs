//! The key sets that consumers publish: can each be fetched, and are its keys of use?

use std::{collections::BTreeMap, sync::Arc};

use super::Finding;
use crate::{
    authentication::key_sets::{KeySetState, KeySets},
    cli::examination::Register,
    clock::{ManualClock, UnixTime},
    config::Config,
    domain::KeySetUri,
    telemetry::legible,
};

const CHECK: &str = "key sets";
/// Sets that are tried, eight at a time and each for five seconds at most.
const MOST: usize = 40;
const REPAIR: &str = "the way to it may be closed: see `assertions`; or the consumer has to mend it";

/// One finding for all that can be fetched, and one for each that cannot. What is wrong with the files of `assertions` is
/// the business of the configuration's check.
pub(super) async fn examine(register: Option<&Register>, config: &Config, now: UnixTime) -> Vec<Finding> {
    let Some(register) = register else { return Vec::new() };
    let active = register.consumers.iter().filter(|consumer| consumer.is_active());
    let uris = active.flat_map(|consumer| consumer.key_sets_at(now)).map(|(_, uri)| (uri.as_str(), uri));
    let uris: BTreeMap<&str, &KeySetUri> = uris.collect();
    let Ok(sets) = KeySets::open(&config.assertions, Arc::new(ManualClock::at(now))) else { return Vec::new() };
    if uris.is_empty() {
        return Vec::new();
    }
    let sets = Arc::new(sets);
    sets.fetch_once(uris.values().take(MOST).map(|uri| (*uri).clone())).await;
    let states = sets.state();
    let usable = states.iter().filter(|state| state.fetched.is_some()).count();
    let tried = format!("{} of {} registered tried, {usable} fetched", states.len(), uris.len());
    let all = if usable > 0 { Some(Finding::ok(CHECK, tried)) } else { None };
    all.into_iter().chain(states.iter().flat_map(faults)).collect()
}

fn faults(state: &KeySetState) -> Vec<Finding> {
    let uri = state.uri.as_str();
    let failed = state.error.iter().map(|error| Finding::warning(CHECK, legible(&format!("{uri}: {error}")), REPAIR));
    let set_aside = state.fetched.iter().flat_map(|fetched| &fetched.contents.set_aside).map(|key| {
        let named = key.key_id.as_deref().unwrap_or("without a name");
        let detail = legible(&format!("{uri}: the key {named} is not used: {}", key.problem));
        Finding::warning(CHECK, detail, "the consumer has to mend it, if it means to sign with that key")
    });
    failed.chain(set_aside).collect()
}

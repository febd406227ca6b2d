//! `careconnect-auth keys rotate`, `revoke`, `import` and `reseal`.

use std::{path::Path, process::ExitCode};

use anyhow::Context;
use careconnect_verifier::Algorithm;
use serde_json::json;

use super::{show::show, work_on};
use crate::{
    cli::{
        output,
        session::{Attempt, Session},
    },
    clock::UnixTime,
    domain::{KeyState, Registered, SigningKeyRecord, key_schedule::active},
    operations::{
        change_keys::KeyWork, import_key::import_key, reseal_keys::reseal_keys, rotate_keys::rotate_keys,
        withdraw_key::withdraw_key,
    },
    signing::read_private_key,
};

pub(super) fn rotate(algorithm: Option<Algorithm>, session: &Session) -> anyhow::Result<ExitCode> {
    let config = session.load_config()?.config;
    let named = algorithm.map_or_else(|| "all".to_owned(), |algorithm| algorithm.to_string());
    session.changing(Attempt::new("signing_key.rotate", named), async |database, act| {
        let work = work_on(&config, database).await?;
        let algorithms =
            algorithm.map_or_else(|| Ok(work.stores.for_new_keys()?.makes()), |one| anyhow::Ok(vec![one]))?;
        let now = act.at;
        let rotated = rotate_keys(&work, &algorithms, act).await?;
        if rotated.is_empty() {
            output::note("the next keys sign as soon as they can already: `careconnect-auth keys plan` says when");
        }
        told(&work, &rotated, now, session).await.context("the keys are changed, but cannot be shown")
    })
}

pub(super) fn import(file: &Path, algorithm: Algorithm, session: &Session) -> anyhow::Result<ExitCode> {
    let config = session.load_config()?.config;
    let private_half = read_private_key(algorithm, file)?;
    session.changing(Attempt::new("signing_key.import", algorithm), async |database, act| {
        let work = work_on(&config, database).await?;
        let now = act.at;
        let imported = import_key(&work, algorithm, private_half.clone(), act).await?;
        told(&work, &[imported], now, session).await.context("the key is imported, but cannot be shown")
    })
}

pub(super) fn reseal(session: &Session) -> anyhow::Result<ExitCode> {
    let config = session.load_config()?.config;
    session.changing(Attempt::new("signing_key.reseal", "all"), async |database, act| {
        let work = work_on(&config, database).await?;
        let count = reseal_keys(&work, act).await?.len();
        let id = work.stores.sealing_key_id().to_owned();
        let done = "the keys are sealed anew, but that cannot be said";
        if session.json {
            output::json(&json!({ "resealed": count, "sealing_key": id })).context(done)?;
        } else {
            output::line(&format!("{count} keys are sealed with the sealing key {id}.")).context(done)?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn told(
    work: &KeyWork,
    changed: &[SigningKeyRecord],
    now: UnixTime,
    session: &Session,
) -> anyhow::Result<ExitCode> {
    let all = work.database.list_signing_keys().await?;
    show(&changed.iter().collect::<Vec<_>>(), &all, &work.schedule, now, session.json)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn revoke(kid: &str, session: &Session) -> anyhow::Result<ExitCode> {
    let config = session.load_config()?.config;
    session.changing(Attempt::new("signing_key.revoke", kid), async |database, act| {
        let work = work_on(&config, database).await?;
        let (before, now) = (work.database.list_signing_keys().await?, act.at);
        let known = before.iter().find(|key| *key.kid == *kid);
        let signed = known.is_some_and(|key| work.schedule.state(key, &before, now) == KeyState::Active);
        let withdrawn = withdraw_key(&work, kid, act).await?;
        let done = "the key is revoked, but what that breaks cannot be said";
        let (after, algorithm) = (work.database.list_signing_keys().await.context(done)?, withdrawn.algorithm);
        let successor = active(&after, algorithm, now);
        let providers = work.database.list_providers().await.context(done)?;
        let affected: Vec<_> =
            providers.iter().filter(|provider| provider.is_active() && provider.signing_algorithm == algorithm).collect();
        if session.json {
            let successor = successor.filter(|_| signed).map(Registered::document);
            let asids: Vec<_> = affected.iter().map(|provider| &provider.asid).collect();
            let told = json!({ "revoked": withdrawn.document(), "signed": signed, "successor": successor, "providers": asids });
            output::json(&told).context(done)?;
            return Ok(ExitCode::SUCCESS);
        }
        let max_age = config.keys.jwks_max_age_seconds;
        let mut said = vec![format!("{kid} is revoked: nothing counts any more that it signed.")];
        said.push(format!(
            "Tokens that it signed are refused by verifiers that poll the revocation list within seconds, by others when \
             they fetch the key set again, within {} s; consumers need new ones.",
            max_age.duration().as_secs()
        ));
        match successor {
            Some(successor) if signed && successor.published_at < now => said.push(format!(
                "{} signs {algorithm} tokens from now on. It has been published since {}.",
                successor.kid, successor.published_at
            )),
            Some(successor) if signed => said.push(format!(
                "{} signs {algorithm} tokens from now on. Nobody knows it yet: providers that do not look for an unknown key \
                 refuse new tokens for up to {} s.",
                successor.kid,
                max_age.duration().as_secs()
            )),
            None => said.push(format!("No {algorithm} key is left: its providers get no tokens until there is one.")),
            Some(_) => {}
        }
        let names: Vec<_> = affected.iter().map(|provider| format!("{} ({})", provider.name, provider.asid)).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        said.push(format!("Providers with {algorithm} tokens: {names}."));
        output::line(&said.join("\n")).context(done)?;
        Ok(ExitCode::SUCCESS)
    })
}

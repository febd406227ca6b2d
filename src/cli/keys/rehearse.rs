//! `careconnect-auth keys rehearse`

use std::{process::ExitCode, sync::Arc};

use careconnect_verifier::{
    AccessTokenClaims, Algorithm, Asid, ClientId, FixedKeys, KeySet, OdsCode, OrganisationType, TokenVerifier,
};
use serde_json::json;

use super::work_on;
use crate::{
    cli::{
        output::{self, BadInput},
        session::Session,
    },
    clock::{SystemClock, UnixTime},
    domain::key_schedule::next,
    random,
    signing::Keys,
};

/// Long enough to be sent to somebody, in seconds.
const LIFETIME: i64 = 600;

/// Whose token it says that it is; no such system can be registered with a group, so it opens nothing.
const NOBODY: (&str, &str, &str) = ("000000000000", "REHEARSAL", "rehearsal");

pub(super) fn rehearse(algorithm: Algorithm, audience: Option<String>, session: &Session) -> anyhow::Result<ExitCode> {
    let loaded = session.load_config()?;
    let issuer = loaded.serving()?.issuer.as_str().to_owned();
    let audience = audience.unwrap_or_else(|| issuer.clone());
    session.with_database(async |database| {
        let (work, now) = (work_on(&loaded.config, database).await?, session.now());
        let records = work.database.list_signing_keys().await?;
        let Some(next) = next(&records, algorithm, now).cloned() else {
            let sentence = format!("there is no next {algorithm} key yet: `keys plan` says when, `keys rotate` makes it");
            return Err(BadInput(sentence).into());
        };
        work.stores.key(&next)?; // says why, where it cannot be opened
        let keys = Keys::open(work.stores.clone(), work.schedule, Arc::new(SystemClock), records.into());
        let token = keys.rehearse(algorithm, &claims(&issuer, &audience, now)?, now).await?;
        let token = token.ok_or_else(|| BadInput(format!("the next {algorithm} key cannot be opened here")))?;
        let verifier = TokenVerifier::for_issuer(&issuer)
            .audience(&audience)
            .keys(FixedKeys::new(KeySet::parse(keys.key_set().json().as_bytes())?))
            .algorithms(&[algorithm])
            .build()?;
        verifier.verify_offline(token.expose())?;
        if session.json {
            output::json(&json!({
                "kid": next.kid.as_ref(), "activates_at": next.activates_at.to_string(), "token": token.expose(),
            }))?;
        } else {
            let (kid, at) = (&next.kid, next.activates_at);
            output::note(&format!(
                "{kid}, which signs from {at} on, has signed the token below, and the published key verifies it. It has no \
                 group: a provider that knows the key answers 403 to it, one that does not 401."
            ));
            output::line(token.expose())?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn claims(issuer: &str, audience: &str, now: UnixTime) -> anyhow::Result<AccessTokenClaims> {
    let (asid, ods_code, name) = NOBODY;
    Ok(AccessTokenClaims {
        iss: issuer.to_owned(),
        sub: name.to_owned(),
        aud: audience.to_owned(),
        iat: now.0,
        nbf: Some(now.0),
        exp: now.plus(LIFETIME).0,
        jti: random::uuid().to_string(),
        client_id: ClientId::parse(name)?,
        scope: None,
        asid: Asid::parse(asid)?,
        ods_code: OdsCode::parse(ods_code)?,
        org_type: OrganisationType::parse(name)?,
        groups: Vec::new(),
        requesting_system: None,
        requesting_organization: None,
        reason_for_request: None,
        cnf: None,
    })
}

//! Consumers for people and for scripts; secrets are in neither.

use std::{collections::HashMap, process::ExitCode};

use anyhow::Context;
use careconnect_verifier::ClientId;
use serde_json::{Value, json};

use crate::{
    cli::{group::short, output, session::Session},
    domain::{ConsumerSystem, Credential, CredentialId, CredentialKind, Environment},
    storage::{CredentialUse, Database, StorageError},
};

/// When credentials were used last.
type Uses = HashMap<CredentialId, CredentialUse>;

pub(super) async fn list(database: &Database, session: &Session) -> anyhow::Result<ExitCode> {
    let consumers = database.list_consumers().await?;
    if session.json {
        let uses = uses(database).await?;
        output::json(&consumers.iter().map(|consumer| shown(consumer, &uses)).collect::<Vec<_>>())?;
    } else {
        let row = |consumer: &ConsumerSystem| {
            let groups: Vec<&str> = consumer.groups.iter().map(short).collect();
            vec![
                consumer.client_id.to_string(),
                consumer.name.to_string(),
                consumer.asid.to_string(),
                consumer.organisation.ods_code.to_string(),
                consumer.organisation.organisation_type.to_string(),
                consumer.status.name().to_owned(),
                groups.join(" "),
            ]
        };
        let heading = ["CLIENT ID", "NAME", "ASID", "ODS CODE", "TYPE", "STATUS", "GROUPS"];
        output::table(&heading, &consumers.iter().map(row).collect::<Vec<_>>())?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn show(database: &Database, client_id: &ClientId, session: &Session) -> anyhow::Result<ExitCode> {
    let consumer = database.find_consumer(client_id).await?;
    let Some(consumer) = consumer else {
        return Err(StorageError::not_found("consumer", client_id)).context("nothing to show");
    };
    let uses = uses(database).await?;
    if session.json {
        output::json(&shown(&consumer, &uses))?;
    } else {
        output::fields(&described(&consumer))?;
        let heading = ["CREDENTIAL", "LABEL", "KIND", "COUNTS FROM", "UNTIL", "LAST USED", "VALUE"];
        output::line("")?;
        let row = |credential: &std::sync::Arc<Credential>| credential_row(credential, &uses);
        output::table(&heading, &consumer.credentials.iter().map(row).collect::<Vec<_>>())?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn uses(database: &Database) -> Result<Uses, StorageError> {
    Ok(database.list_uses().await?.into_iter().map(|used| (used.credential, used)).collect())
}

fn described(consumer: &ConsumerSystem) -> Vec<(&'static str, String)> {
    let groups: Vec<&str> = consumer.groups.iter().map(short).collect();
    let audience =
        if consumer.accepts_token_endpoint_audience { "issuer, token endpoint" } else { "issuer" }.to_owned();
    let rate = consumer.requests_per_minute.map_or_else(|| "as configured".to_owned(), |rate| rate.to_string());
    vec![
        ("client id", consumer.client_id.to_string()),
        ("name", consumer.name.to_string()),
        ("asid", consumer.asid.to_string()),
        ("ods code", consumer.organisation.ods_code.to_string()),
        ("type", consumer.organisation.organisation_type.to_string()),
        ("status", consumer.status.to_string()),
        ("registered", consumer.created_at.to_string()),
        ("groups", groups.join(" ")),
        ("assertions are for", audience),
        ("requests a minute", rate),
    ]
}

fn credential_row(credential: &Credential, uses: &Uses) -> Vec<String> {
    let value = match &credential.kind {
        CredentialKind::Certificate(certificate) => {
            let issuer = certificate.issuer.map(|issuer| format!(", issued by key {issuer}")).unwrap_or_default();
            let environment = certificate.environment.as_ref().map_or("signs itself", Environment::as_str);
            format!("{} ({environment}{issuer})", certificate.identity.value())
        }
        CredentialKind::Key(key) => format!("{} {}", key.algorithm(), key.key_id().unwrap_or("without kid")),
        kind => kind.public_value().unwrap_or_default(),
    };
    vec![
        credential.id.0.to_string(),
        credential.label.clone(),
        credential.kind.name().to_owned(),
        credential.starts_at.to_string(),
        credential.ends_at.map_or_else(|| "further notice".to_owned(), |end| end.to_string()),
        uses.get(&credential.id).map_or_else(|| "never".to_owned(), |used| used.last_used_at.to_string()),
        value,
    ]
}

/// A consumer as JSON.
fn shown(consumer: &ConsumerSystem, uses: &Uses) -> Value {
    let credentials = consumer.credentials.iter().map(|held| credential_json(held, uses.get(&held.id)));
    json!({
        "client_id": consumer.client_id, "name": consumer.name, "asid": consumer.asid,
        "ods_code": consumer.organisation.ods_code, "organisation_type": consumer.organisation.organisation_type,
        "groups": consumer.groups, "status": consumer.status.name(),
        "suspended_at": consumer.status.suspended_at().map(|at| at.to_string()), "created_at": consumer.created_at.to_string(),
        "accepts_token_endpoint_audience": consumer.accepts_token_endpoint_audience,
        "requests_per_minute": consumer.requests_per_minute,
        "credentials": credentials.collect::<Vec<_>>(),
    })
}

/// A consumer that has just been registered, as JSON.
pub(super) fn new_consumer(consumer: &ConsumerSystem) -> Value {
    shown(consumer, &Uses::new())
}

/// A credential as JSON.
pub(super) fn credential_json(credential: &Credential, used: Option<&CredentialUse>) -> Value {
    let certificate = match &credential.kind {
        CredentialKind::Certificate(certificate) => Some(certificate),
        _ => None,
    };
    json!({
        "id": credential.id.0, "label": credential.label, "kind": credential.kind.name(),
        "value": credential.kind.public_value(),
        "environment": certificate.and_then(|certificate| certificate.environment.as_ref()).map(Environment::as_str),
        "issuer_key": certificate.and_then(|certificate| certificate.issuer).map(|issuer| issuer.to_string()),
        "starts_at": credential.starts_at.to_string(), "ends_at": credential.ends_at.map(|end| end.to_string()),
        "last_used_at": used.map(|used| used.last_used_at.to_string()),
        "certificate_ends_at": used.and_then(|used| used.certificate_ends_at).map(|end| end.to_string()),
    })
}

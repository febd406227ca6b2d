//! `careconnect-auth consumer show`: consumers for people and for scripts; secrets are in neither.

use std::{
    collections::{BTreeSet, HashMap},
    process::ExitCode,
};

use anyhow::Context;
use careconnect_verifier::{ClientId, Group};
use serde_json::{Value, json};

use crate::{
    cli::{group::short_list, output, session::Session},
    domain::{ConsumerSystem, Credential, CredentialId, CredentialKind, Environment, Registered},
    storage::{CredentialUse, Database, StorageError},
};

/// When credentials were used last.
pub(super) type Uses = HashMap<CredentialId, CredentialUse>;

pub(super) async fn show(database: &Database, client_id: &ClientId, session: &Session) -> anyhow::Result<ExitCode> {
    let consumer = database.find_consumer(client_id).await?;
    let Some(consumer) = consumer else {
        return Err(StorageError::not_found("consumer", client_id)).context("nothing to show");
    };
    let uses = uses(database).await?;
    let groups = database.assured(&consumer).await?.groups_at(session.now());
    if session.json {
        output::json(&shown(&consumer, &groups, &uses))?;
    } else {
        output::fields(&described(&consumer, &groups))?;
        let heading = ["CREDENTIAL", "LABEL", "KIND", "COUNTS FROM", "UNTIL", "LAST USED", "VALUE"];
        output::line("")?;
        let row = |credential: &std::sync::Arc<Credential>| credential_row(credential, &uses);
        output::table(&heading, &consumer.credentials.iter().map(row).collect::<Vec<_>>())?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn uses(database: &Database) -> Result<Uses, StorageError> {
    Ok(database.list_uses().await?.into_iter().map(|used| (used.credential, used)).collect())
}

fn described(consumer: &ConsumerSystem, groups: &BTreeSet<Group>) -> Vec<(&'static str, String)> {
    let text = |value: Option<&str>| value.unwrap_or("not known").to_owned();
    let audience =
        if consumer.accepts_token_endpoint_audience { "issuer, token endpoint" } else { "issuer" }.to_owned();
    let rate = consumer.requests_per_minute.map_or_else(|| "as configured".to_owned(), |rate| rate.to_string());
    vec![
        ("client id", consumer.client_id.to_string()),
        ("name", consumer.name.to_string()),
        ("asid", consumer.asid.to_string()),
        ("ods code", consumer.organisation.ods_code.to_string()),
        ("type", consumer.organisation.organisation_type.to_string()),
        ("supplier", consumer.supplier.to_string()),
        ("product", text(consumer.product.as_ref().map(|product| product.as_str()))),
        ("version", text(consumer.product_version.as_ref().map(|version| version.as_str()))),
        ("party key", text(consumer.party_key.as_ref().map(|key| key.as_str()))),
        ("status", consumer.status.to_string()),
        ("registered", consumer.created_at.to_string()),
        ("holds now", short_list(groups)),
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

/// A consumer as JSON: with the groups that it holds now, and when each credential was used last.
pub(super) fn shown(consumer: &ConsumerSystem, groups: &BTreeSet<Group>, uses: &Uses) -> Value {
    let mut document = consumer.document();
    let credentials = consumer.credentials.iter().map(|held| credential_json(held, uses.get(&held.id)));
    document["credentials"] = credentials.collect();
    document["groups"] = json!(groups);
    document
}

/// A consumer that has just been registered, as JSON.
pub(super) fn new_consumer(consumer: &ConsumerSystem, groups: &BTreeSet<Group>) -> Value {
    shown(consumer, groups, &Uses::new())
}

/// A credential as JSON.
pub(super) fn credential_json(credential: &Credential, used: Option<&CredentialUse>) -> Value {
    let mut document = credential.document();
    document["last_used_at"] = json!(used.map(|used| used.last_used_at.to_string()));
    document["certificate_ends_at"] = json!(used.and_then(|used| used.certificate_ends_at).map(|end| end.to_string()));
    document
}

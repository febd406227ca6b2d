//! `POST /consumers`: registers a consumer, with its ways in and what the four behind it are assured for.

use axum::{extract::State, response::Response};
use serde_json::{Value, json};

use super::{
    super::{
        AdminState,
        answer::created,
        directory::described,
        idempotency::{earlier, left, replayed},
        problem::Problem,
        submission::Submission,
    },
    credentials::new_credential,
    path_of,
};
use crate::{
    clock::UnixTime,
    domain::{
        Assurance, ConsumerSystem, EntityTag, Fault, Fields, Proposal, Registered,
        fields::{boolean, parsed, sentence},
        key_set_address::Permitted,
        submitted::{self, SubmittedCredential, SubmittedKind},
    },
    operations::{
        give_assurance::documents_of,
        register_consumer::{ConsumerRegistration, register_consumer_with},
    },
    random,
};

pub(super) async fn register(
    State(state): State<AdminState>,
    Submission { act, value }: Submission,
) -> Result<Response, Problem> {
    let described = described(&state, &value).await?;
    let (registration, further) = read(described.as_ref().unwrap_or(&value), state.app.key_set_addresses, act.at)?;
    let further = further.into_iter().map(|submitted| new_credential(submitted).0).collect();
    match register_consumer_with(state.app.registry.database(), registration, further, act).await {
        Ok(registered) => {
            let (assurances, proposals) = documents_of(&registered.given);
            let secret = registered.secret.as_ref().map(|secret| secret.expose());
            Ok(answer(&registered.consumer.document(), secret, &assurances, &proposals))
        }
        Err(refused) => {
            let done = earlier(&state.app, refused, &value).await?;
            let consumer = left::<ConsumerSystem>(&done).into_iter().next().unwrap_or_default();
            let (assurances, proposals) = (left::<Assurance>(&done), left::<Proposal>(&done));
            Ok(replayed(answer(&consumer, None, &assurances, &proposals)))
        }
    }
}

/// The secret is in the answer that makes it, and in no other (R16).
fn answer(consumer: &Value, secret: Option<&str>, assurances: &[Value], proposals: &[Value]) -> Response {
    let body = json!({
        "consumer": consumer, "client_secret": secret, "assurances": assurances, "proposals": proposals,
    });
    let path = path_of(consumer["client_id"].as_str().unwrap_or_default());
    created(&path, body, &EntityTag::of(consumer))
}

fn read(
    value: &Value,
    permitted: Permitted,
    now: UnixTime,
) -> Result<(ConsumerRegistration, Vec<SubmittedCredential>), Vec<Fault>> {
    Fields::of(value).read(|fields| {
        let client_id = fields.optional("client_id", parsed);
        let id = client_id.clone().unwrap_or_else(random::client_id);
        let consumer = submitted::consumer(fields, None, Some(&id), now);
        if fields.has("status") && !fields.says("status", "active") {
            fields.fault("status", "a new consumer is active: change it afterwards");
        }
        let with_secret = fields.optional("with_secret", boolean).unwrap_or_default();
        let further = fields.each("credentials", |pointer, element| {
            Fields::at(pointer, element).read(|fields| {
                let read = submitted::credential(fields, permitted)?;
                if matches!(read.kind, SubmittedKind::NewSecret) {
                    fields.fault("value", "it is missing: a secret that is to be made is asked for by with_secret");
                }
                Some(read)
            })
        });
        let groups = fields.list("groups", parsed).into_iter().collect();
        let evidence = fields.optional("evidence", sentence);
        fields.optional("from_directory", boolean);
        fields.optional("reason", sentence);
        if fields.has("groups") && !fields.is_empty_list("groups") {
            for (name, why) in [
                ("evidence", "it is missing: an assurance rests on something"),
                ("reason", "it is missing: whoever grants something says why"),
            ] {
                if !fields.has(name) {
                    fields.fault(name, why);
                }
            }
        }
        let consumer = consumer?;
        let registration = ConsumerRegistration {
            client_id,
            name: consumer.name,
            asid: consumer.asid,
            organisation: consumer.organisation,
            supplier: consumer.supplier,
            product: consumer.product,
            product_version: consumer.product_version,
            party_key: consumer.party_key,
            credentials: Vec::new(),
            accepts_token_endpoint_audience: consumer.accepts_token_endpoint_audience,
            requests_per_minute: consumer.requests_per_minute,
            with_secret,
            groups,
            evidence,
        };
        Some((registration, further))
    })
}

//! Consumers as they are submitted.

use careconnect_verifier::{ClientId, OdsCode, OrganisationType};
use serde_json::Value;

use super::{Editable, picked, status};
use crate::{
    clock::UnixTime,
    domain::{
        ConsumerSystem, Fields, Organisation, Registered,
        fields::{boolean, number, parsed},
    },
};

const MEMBERS: [&str; 11] = [
    "name",
    "asid",
    "ods_code",
    "organisation_type",
    "supplier_ods_code",
    "product",
    "product_version",
    "party_key",
    "status",
    "accepts_token_endpoint_audience",
    "requests_per_minute",
];

impl Editable for ConsumerSystem {
    fn editable(&self) -> Value {
        picked(&self.document(), &MEMBERS)
    }
}

/// A consumer, all but its credentials, which are those of `before`; none without an id.
pub fn consumer(
    fields: &mut Fields<'_>,
    before: Option<&ConsumerSystem>,
    client_id: Option<&ClientId>,
    now: UnixTime,
) -> Option<ConsumerSystem> {
    let (name, asid) = (fields.required("name", parsed), fields.required("asid", parsed));
    let ods_code = fields.required("ods_code", parsed::<OdsCode>);
    let organisation_type = fields.required("organisation_type", parsed::<OrganisationType>);
    let supplier = fields.required("supplier_ods_code", parsed);
    let (product, product_version) = (fields.optional("product", parsed), fields.optional("product_version", parsed));
    let party_key = fields.optional("party_key", parsed);
    let token_endpoint = fields.optional("accepts_token_endpoint_audience", boolean);
    let requests_per_minute = fields.optional("requests_per_minute", number);
    let status = status(fields, before.map(|before| before.status), now);
    Some(ConsumerSystem {
        client_id: client_id?.clone(),
        name: name?,
        asid: asid?,
        organisation: Organisation { ods_code: ods_code?, organisation_type: organisation_type? },
        supplier: supplier?,
        product,
        product_version,
        party_key,
        credentials: before.map(|before| before.credentials.clone()).unwrap_or_default(),
        accepts_token_endpoint_audience: token_endpoint.unwrap_or_default(),
        requests_per_minute,
        status,
        created_at: before.map_or(now, |before| before.created_at),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::{RegistrationStatus, merge_patch};

    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn read(value: &Value, before: &ConsumerSystem) -> Result<ConsumerSystem, Vec<String>> {
        let read = Fields::of(value).read(|fields| consumer(fields, Some(before), Some(&before.client_id), NOW));
        read.map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_may_be_changed_of_a_consumer_reads_as_the_same_consumer() {
        let mut before = ConsumerSystem::example();
        before.product = Some("Pathways".parse().unwrap());
        before.party_key = Some("A1001-850001".parse().unwrap());
        before.requests_per_minute = Some(0);
        before.accepts_token_endpoint_audience = true;
        for status in [RegistrationStatus::Active, RegistrationStatus::Suspended { at: UnixTime(7) }] {
            before.status = status;
            assert_eq!(read(&before.editable(), &before).unwrap(), before);
        }
    }

    #[test]
    fn a_patch_changes_what_it_names_and_a_status_bears_the_time() {
        let before = ConsumerSystem { product: Some("Old".parse().unwrap()), ..ConsumerSystem::example() };
        let patch = json!({"name": "New", "product": null, "status": "suspended"});
        let after = read(&merge_patch(before.editable(), &patch), &before).unwrap();
        let status = RegistrationStatus::Suspended { at: NOW };
        assert_eq!(after, ConsumerSystem { name: "New".parse().unwrap(), product: None, status, ..before });
    }

    #[test]
    fn all_that_is_wrong_with_a_consumer_is_said_at_once() {
        // R50
        let value = json!({
            "name": "a\u{202e}b", "asid": "20000000020", "ods_code": "a b", "organisation_type": 1, "product": "",
            "product_version": [], "party_key": "x", "status": "gone", "accepts_token_endpoint_audience": "yes",
            "requests_per_minute": -1, "client_id": "x", "asld": "200000000205",
        });
        let faults = read(&value, &ConsumerSystem::example()).unwrap_err();
        let pointers: Vec<&str> = faults.iter().filter_map(|fault| fault.split(':').next()).collect();
        let expected = [
            "/name",
            "/asid",
            "/ods_code",
            "/organisation_type",
            "/supplier_ods_code",
            "/product",
            "/product_version",
            "/party_key",
            "/accepts_token_endpoint_audience",
            "/requests_per_minute",
            "/status",
            "/asld",
            "/client_id",
        ];
        assert_eq!(pointers, expected, "{faults:#?}");
    }
}

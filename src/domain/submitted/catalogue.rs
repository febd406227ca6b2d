//! Groups and organisation types as they are submitted.

use careconnect_verifier::{Group, InteractionId, OrganisationType};
use serde_json::Value;

use super::{Editable, picked, suspension, suspension_name};
use crate::{
    clock::UnixTime,
    domain::{DisplayName, Fields, GroupDefinition, OrganisationTypeDefinition, Registered, fields::parsed},
};

impl Editable for GroupDefinition {
    fn editable(&self) -> Value {
        let mut editable = picked(&self.document(), &["scope", "interactions", "entra_object_id"]);
        editable["status"] = suspension_name(self.suspended_at).into();
        editable
    }
}

/// A group; none without its URN.
pub fn group(
    fields: &mut Fields<'_>,
    before: Option<&GroupDefinition>,
    group: Option<&Group>,
    now: UnixTime,
) -> Option<GroupDefinition> {
    let scope = fields.required("scope", parsed);
    let interactions = fields.list("interactions", parsed::<InteractionId>).into_iter().collect();
    if !fields.has("interactions") || fields.is_empty_list("interactions") {
        fields.fault("interactions", "expected at least one interaction that it permits");
    }
    let entra_object_id = fields.optional("entra_object_id", parsed);
    let suspended_at = suspension(fields, before.and_then(|before| before.suspended_at), now);
    Some(GroupDefinition { group: group?.clone(), scope: scope?, interactions, entra_object_id, suspended_at })
}

impl Editable for OrganisationTypeDefinition {
    fn editable(&self) -> Value {
        picked(&self.document(), &["display"])
    }
}

/// An organisation type; none without its code.
pub fn organisation_type(
    fields: &mut Fields<'_>,
    code: Option<&OrganisationType>,
) -> Option<OrganisationTypeDefinition> {
    let display: Option<DisplayName> = fields.required("display", parsed);
    Some(OrganisationTypeDefinition { code: code?.clone(), display: display?.to_string() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn groups_and_organisation_types_read_as_what_they_were() {
        let before = GroupDefinition {
            group: Group::READ_SLOT,
            scope: "organization/slot.read".parse().unwrap(),
            interactions: ["urn:nhs:names:services:careconnect:fhir:rest:search:slot".parse().unwrap()].into(),
            entra_object_id: Some(uuid::Uuid::from_u128(7)),
            suspended_at: Some(UnixTime(7)),
        };
        let value = before.editable();
        let read = |value: &Value| {
            Fields::of(value).read(|fields| group(fields, Some(&before), Some(&Group::READ_SLOT), UnixTime(9)))
        };
        assert_eq!(read(&value), Ok(before.clone()));
        let faults = read(&json!({"scope": "urn:x", "interactions": [], "entra_object_id": "x", "status": "retired"}));
        let pointers: Vec<String> = faults.unwrap_err().into_iter().map(|fault| fault.pointer).collect();
        assert_eq!(pointers, ["/scope", "/interactions", "/entra_object_id", "/status"]);

        let before = OrganisationTypeDefinition { code: "gp-practice".parse().unwrap(), display: "GP".to_owned() };
        let value = before.editable();
        let read = Fields::of(&value).read(|fields| organisation_type(fields, Some(&before.code)));
        assert_eq!(read, Ok(before));
    }
}

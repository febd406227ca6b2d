//! What a consumer has been assured to do: groups, the interactions that they permit, and the scopes that they mean.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{InvalidIdentifier, identifiers::text_conversions};

/// Defines a URN newtype whose well-known values cost no allocation.
macro_rules! urn {
    ($(#[$docs:meta])* $name:ident, $kind:literal, $($(#[$const_docs:meta])* $constant:ident = $value:literal;)*) => {
        $(#[$docs])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Cow<'static, str>);

        impl $name {
            $($(#[$const_docs])* pub const $constant: Self = Self(Cow::Borrowed($value));)*
            const KNOWN: &[Self] = &[$(Self::$constant),*];

            /// Accepts a URN of at most 255 letters, digits, colons, dots, hyphens and underscores; case counts.
            pub fn parse(text: &str) -> Result<Self, InvalidIdentifier> {
                if let Some(known) = Self::KNOWN.iter().find(|known| known.0 == text) {
                    return Ok(known.clone());
                }
                if is_urn(text) { Ok(Self(Cow::Owned(text.to_owned()))) } else { Err(InvalidIdentifier::new($kind, URN_RULE, text)) }
            }

            /// The URN as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        text_conversions!($name);
    };
}

const URN_RULE: &str = "a URN of at most 255 letters, digits, colons, dots, hyphens and underscores";

fn is_urn(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":.-_".contains(&byte);
    text.len() <= 255
        && text.bytes().all(allowed)
        && text
            .strip_prefix("urn:")
            .is_some_and(|rest| rest.split(':').count() >= 2 && !rest.split(':').any(str::is_empty))
}

urn!(
    /// A capability, named by a URN. Membership means that the service, the organisation that delivers it, the system
    /// in use and its supplier have all been assured for it.
    Group,
    "a group",
    /// May search for slots.
    READ_SLOT = "urn:nhs:names:services:careconnect:fhir:rest:read:slot";
    /// May book an appointment.
    CREATE_APPOINTMENT = "urn:nhs:names:services:careconnect:fhir:rest:create:appointment";
    /// May read an appointment.
    READ_APPOINTMENT = "urn:nhs:names:services:careconnect:fhir:rest:read:appointment";
    /// May change or cancel an appointment.
    UPDATE_APPOINTMENT = "urn:nhs:names:services:careconnect:fhir:rest:update:appointment";
    /// May search the appointment registry.
    SEARCH_APPOINTMENT = "urn:nhs:names:services:careconnect:fhir:rest:search:appointment";
);

urn!(
    /// What a request does, as the `Ssp-InteractionID` header names it.
    InteractionId,
    "an interaction",
    /// Slot search under its Care Connect header name.
    SEARCH_SLOT = "urn:nhs:names:services:careconnect:fhir:rest:search:slot";
    /// Slot search under the name of its group and of the directory's records.
    READ_SLOT = "urn:nhs:names:services:careconnect:fhir:rest:read:slot";
    /// Slot search under the name that A2SI gave it.
    A2SI_SEARCH_SLOT = "urn:nhs:names:services:a2si:fhir:rest:search:slot";
    /// Reading the capability statement.
    READ_METADATA = "urn:nhs:names:services:careconnect:fhir:rest:read:metadata";
    /// Booking.
    CREATE_APPOINTMENT = "urn:nhs:names:services:careconnect:fhir:rest:create:appointment";
    /// Reading one appointment.
    READ_APPOINTMENT = "urn:nhs:names:services:careconnect:fhir:rest:read:appointment";
    /// Changing or cancelling.
    UPDATE_APPOINTMENT = "urn:nhs:names:services:careconnect:fhir:rest:update:appointment";
    /// Searching the registry.
    SEARCH_APPOINTMENT = "urn:nhs:names:services:careconnect:fhir:rest:search:appointment";
);

/// A group that every register knows from the start.
#[derive(Debug)]
pub struct KnownGroup {
    /// The group.
    pub group: Group,
    /// What it is called in a SMART-style `scope`.
    pub scope: &'static str,
    /// The interactions that it permits, each under all its names.
    pub interactions: &'static [InteractionId],
}

/// The Care Connect groups. Slot search has three names: its group's and directory's, its header's, and A2SI's.
pub const KNOWN_GROUPS: &[KnownGroup] = &[
    KnownGroup {
        group: Group::READ_SLOT,
        scope: "organization/slot.read",
        interactions: &[
            InteractionId::READ_SLOT,
            InteractionId::SEARCH_SLOT,
            InteractionId::A2SI_SEARCH_SLOT,
            InteractionId::READ_METADATA,
        ],
    },
    KnownGroup {
        group: Group::CREATE_APPOINTMENT,
        scope: "patient/appointment.write",
        interactions: &[InteractionId::CREATE_APPOINTMENT, InteractionId::READ_METADATA],
    },
    KnownGroup {
        group: Group::READ_APPOINTMENT,
        scope: "patient/appointment.read",
        interactions: &[InteractionId::READ_APPOINTMENT, InteractionId::READ_METADATA],
    },
    KnownGroup {
        group: Group::UPDATE_APPOINTMENT,
        scope: "patient/appointment.write",
        interactions: &[InteractionId::UPDATE_APPOINTMENT, InteractionId::READ_METADATA],
    },
    KnownGroup {
        group: Group::SEARCH_APPOINTMENT,
        scope: "patient/appointment.read",
        interactions: &[InteractionId::SEARCH_APPOINTMENT, InteractionId::READ_METADATA],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_a_urn_and_its_case_counts() {
        assert_eq!(Group::parse(Group::READ_SLOT.as_str()).unwrap(), Group::READ_SLOT);
        assert_ne!(Group::parse("urn:nhs:names:services:careconnect:fhir:rest:READ:SLOT").unwrap(), Group::READ_SLOT);
    }

    #[test]
    fn refuses_what_is_no_urn() {
        for text in
            ["", "urn:", "urn:nhs", "urn:nhs:", "urn::x", "URN:nhs:x", "*", "urn:nhs:*", "urn:nhs:a b", "urn:nhs:a\n"]
        {
            assert!(Group::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn slot_search_has_three_names_and_one_group() {
        let permitting: Vec<_> = KNOWN_GROUPS
            .iter()
            .filter(|known| known.interactions.contains(&InteractionId::A2SI_SEARCH_SLOT))
            .map(|known| known.group.as_str())
            .collect();
        assert_eq!(permitting, [Group::READ_SLOT.as_str()]);
    }
}

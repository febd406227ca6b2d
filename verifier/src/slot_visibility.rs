//! Which slots a caller may see: the matrix of GP Connect ("Slot availability management"), as one pure function.

use std::collections::BTreeSet;

use crate::{OdsCode, OrganisationType, VerifiedToken};

/// What is known about the organisation that asks. From a token it is both; nothing else should be believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallerKnowledge {
    /// Its type.
    pub organisation_type: Option<OrganisationType>,
    /// Its code.
    pub ods_code: Option<OdsCode>,
}

impl From<&VerifiedToken> for CallerKnowledge {
    fn from(token: &VerifiedToken) -> Self {
        Self { organisation_type: Some(token.organisation_type().clone()), ods_code: Some(token.ods_code().clone()) }
    }
}

/// For whom a slot is meant. An empty list is no restriction: a slot for nobody is not bookable at all, and is not offered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlotRestriction {
    /// Organisations of these types only.
    pub organisation_types: BTreeSet<OrganisationType>,
    /// These organisations only.
    pub ods_codes: BTreeSet<OdsCode>,
}

/// May a caller see a slot, and book it? Reading and changing what was booked is another question.
///
/// | known about the caller | types of the slot | ODS codes of the slot |
/// |---|---|---|
/// | nothing | must be unset | must be unset |
/// | the type | unset, or contain the type | must be unset |
/// | the ODS code | must be unset | unset, or contain the code |
/// | both | unset, or contain the type | unset, or contain the code |
///
/// Besides, a provider has slots that nobody may book by GP Connect, and times before which none are shown.
///
/// ```
/// use careconnect_verifier::{CallerKnowledge, SlotRestriction, SlotVisibility};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let slot = SlotRestriction { organisation_types: ["urgent-care".parse()?].into(), ..Default::default() };
/// let stranger = CallerKnowledge::default();
/// assert_eq!(SlotVisibility::of(&slot, &stranger), SlotVisibility::Hidden);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotVisibility {
    /// The slot is in the caller's search results, and the caller may book it.
    Visible,
    /// For this caller there is no such slot.
    Hidden,
}

impl SlotVisibility {
    /// The matrix.
    pub fn of(restriction: &SlotRestriction, caller: &CallerKnowledge) -> Self {
        let admitted = admits(&restriction.organisation_types, caller.organisation_type.as_ref())
            && admits(&restriction.ods_codes, caller.ods_code.as_ref());
        if admitted { Self::Visible } else { Self::Hidden }
    }

    /// Is it [`Self::Visible`]?
    pub fn is_visible(self) -> bool {
        self == Self::Visible
    }
}

fn admits<T: Ord>(only: &BTreeSet<T>, known: Option<&T>) -> bool {
    only.is_empty() || known.is_some_and(|known| only.contains(known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_token::token_of;

    const TYPES: [&str; 4] = ["gp-practice", "urgent-care", "oncology", "Urgent Care"];

    fn organisation_type(text: &str) -> OrganisationType {
        OrganisationType::parse_code_or_display(text).unwrap()
    }

    fn slot(organisation_types: &[&str], ods_codes: &[&str]) -> SlotRestriction {
        SlotRestriction {
            organisation_types: organisation_types.iter().map(|text| organisation_type(text)).collect(),
            ods_codes: ods_codes.iter().map(|code| code.parse().unwrap()).collect(),
        }
    }

    fn caller(of_type: Option<&str>, of_code: Option<&str>) -> CallerKnowledge {
        CallerKnowledge {
            organisation_type: of_type.map(organisation_type),
            ods_code: of_code.map(|code| code.parse().unwrap()),
        }
    }

    #[test]
    fn every_state_of_the_documented_matrix_is_as_documented() {
        // Rows as published: (type known, code known) → must types be unset, must codes be unset.
        let published = [
            (false, false, true, true),
            (true, false, false, true),
            (false, true, true, false),
            (true, true, false, false),
        ];
        for of_type in TYPES {
            for (type_known, code_known, types_must_be_unset, codes_must_be_unset) in published {
                let caller = caller(type_known.then_some(of_type), code_known.then_some("A1001"));
                let other = if of_type == "gp-practice" { "oncology" } else { "gp-practice" };
                for types in [&[][..], &[of_type], &[other], &[other, of_type]] {
                    for codes in [&[][..], &["A1001"], &["B82617"], &["B82617", "A1001"]] {
                        let type_admits = types.is_empty() || !types_must_be_unset && types.contains(&of_type);
                        let code_admits = codes.is_empty() || !codes_must_be_unset && codes.contains(&"A1001");
                        let visible = SlotVisibility::of(&slot(types, codes), &caller).is_visible();
                        assert_eq!(visible, type_admits && code_admits, "{caller:?} {types:?} {codes:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_display_text_and_its_code_are_one_type() {
        let slot = slot(&["Urgent Care"], &[]);
        assert!(SlotVisibility::of(&slot, &caller(Some("urgent-care"), None)).is_visible());
    }

    #[test]
    fn a_token_makes_both_known() {
        let knowledge = CallerKnowledge::from(&token_of("A1001", "urgent-care"));
        assert_eq!(knowledge, caller(Some("urgent-care"), Some("A1001")));
    }
}

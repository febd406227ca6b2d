//! Who is who: identifiers that exist only in their valid form.
//!
//! Formats: NHS Spine Directory Service (ASID, ODS code) and the GP Connect organisation type code system.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A text that is not the identifier that it was taken for: which identifier, what came, and the rule it breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{received:?} is not {kind}: expected {rule}")]
pub struct InvalidIdentifier {
    /// The identifier with its article, such as `an ASID`.
    pub kind: &'static str,
    /// The rule in words, such as `12 decimal digits`.
    pub rule: &'static str,
    /// What came, cut to 64 characters.
    pub received: String,
}

impl InvalidIdentifier {
    pub(crate) fn new(kind: &'static str, rule: &'static str, received: &str) -> Self {
        Self { kind, rule, received: received.chars().take(64).collect() }
    }
}

/// From text by parsing, into text by [`fmt::Display`], for a type with `parse` and `as_str`.
macro_rules! text_conversions {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = InvalidIdentifier;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidIdentifier;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0.into()
            }
        }
    };
}

pub(crate) use text_conversions;

/// A parse-only string newtype: `$valid` decides, `$canonical` gives the stored form.
macro_rules! identifier {
    ($(#[$docs:meta])* $name:ident, $kind:literal, $rule:literal, $valid:expr, $canonical:expr) => {
        $(#[$docs])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            #[doc = concat!("Accepts ", $rule, ".")]
            pub fn parse(text: &str) -> Result<Self, InvalidIdentifier> {
                let valid: fn(&str) -> bool = $valid;
                let canonical: fn(&str) -> String = $canonical;
                if valid(text) {
                    Ok(Self(canonical(text).into()))
                } else {
                    Err(InvalidIdentifier::new($kind, $rule, text))
                }
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        text_conversions!($name);
    };
}

identifier!(
    /// Accredited system identifier: one system in one organisation. A string, for leading zeros count.
    Asid,
    "an ASID",
    "12 decimal digits",
    |text| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()),
    str::to_owned
);

identifier!(
    /// Code of an organisation or site in the Organisation Data Service; upper-cased on input, compared exactly.
    OdsCode,
    "an ODS code",
    "1 to 9 letters and digits",
    |text| (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric()),
    str::to_ascii_uppercase
);

identifier!(
    /// Code of the open list that the GP Connect `searchFilter` used to claim: `gp-practice`, `urgent-care`, ….
    OrganisationType,
    "an organisation type",
    "1 to 64 lower-case letters, digits and hyphens, beginning with a letter",
    |text| {
        (1..=64).contains(&text.len())
            && text.as_bytes()[0].is_ascii_lowercase()
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    },
    str::to_owned
);

identifier!(
    /// What OAuth calls the client: one registration of one service. Ours are UUIDs; imported ones may be any such text.
    ClientId,
    "a client id",
    "1 to 64 letters, digits, dots, hyphens, underscores and tildes",
    |text| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_~".contains(&byte))
    },
    str::to_owned
);

impl Asid {
    /// The naming system of accredited systems.
    pub const SYSTEM: &str = "https://fhir.nhs.uk/Id/accredited-system";

    /// `https://fhir.nhs.uk/Id/accredited-system|200000000205`, as Spine tokens and FHIR parameters write it.
    pub fn uri(&self) -> String {
        format!("{}|{self}", Self::SYSTEM)
    }
}

impl OrganisationType {
    /// The code system of organisation types, as GP Connect has published it since version 1.2.1.
    pub const SYSTEM: &str = "https://fhir.nhs.uk/STU3/CodeSystem/GPConnect-OrganisationType-1";

    /// As [`Self::parse`], and the display texts that early consumers sent in place of codes: `Urgent Care`, `GP Practice`.
    pub fn parse_code_or_display(text: &str) -> Result<Self, InvalidIdentifier> {
        let words: Vec<_> = text.split_whitespace().map(str::to_ascii_lowercase).collect();
        Self::parse(&words.join("-")).map_err(|invalid| InvalidIdentifier::new(invalid.kind, invalid.rule, text))
    }

    /// `https://fhir.nhs.uk/STU3/CodeSystem/GPConnect-OrganisationType-1|urgent-care`, as FHIR parameters write it.
    pub fn uri(&self) -> String {
        format!("{}|{self}", Self::SYSTEM)
    }
}

impl OdsCode {
    /// The naming system of organisations.
    pub const SYSTEM: &str = "https://fhir.nhs.uk/Id/ods-organization-code";

    /// As tokens spell it. There is one spelling, so that those who compare texts compare codes.
    pub(crate) fn parse_canonical(text: &str) -> Result<Self, InvalidIdentifier> {
        let code = Self::parse(text).ok().filter(|code| code.as_str() == text);
        code.ok_or_else(|| InvalidIdentifier::new("an ODS code", "1 to 9 upper-case letters and digits", text))
    }

    /// `https://fhir.nhs.uk/Id/ods-organization-code|A1001`, as Spine tokens and FHIR parameters write it.
    pub fn uri(&self) -> String {
        format!("{}|{self}", Self::SYSTEM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asid_keeps_its_leading_zeros() {
        assert_eq!(Asid::parse("000428682512").unwrap().as_str(), "000428682512");
    }

    #[test]
    fn an_asid_is_exactly_twelve_ascii_digits() {
        for text in ["", "20000000020", "2000000002055", "20000000020A", " 00000000205", "２00000000205", "ABC123"] {
            assert!(Asid::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_ods_code_is_upper_cased_but_in_tokens_it_is_so_already() {
        assert_eq!(OdsCode::parse("a20047").unwrap().as_str(), "A20047");
        assert!(OdsCode::parse_canonical("A20047").is_ok());
        assert!(OdsCode::parse_canonical("a20047").is_err());
    }

    #[test]
    fn an_ods_code_has_one_to_nine_letters_and_digits() {
        for text in ["", "A123456789", "A1 01", "A1001\n", "А83008", "A1001|x"] {
            assert!(OdsCode::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_error_names_the_identifier_the_rule_and_what_came() {
        assert_eq!(Asid::parse("12a").unwrap_err().to_string(), r#""12a" is not an ASID: expected 12 decimal digits"#);
    }

    #[test]
    fn an_organisation_type_is_an_open_code() {
        assert!(OrganisationType::parse("oncology").is_ok());
        assert!(OrganisationType::parse("Urgent Care").is_err());
        for (text, code) in [("Urgent Care", "urgent-care"), (" GP  Practice", "gp-practice"), ("oncology", "oncology")]
        {
            assert_eq!(OrganisationType::parse_code_or_display(text).unwrap().as_str(), code);
        }
        for text in ["", " ", "Urgent|Care", "urgent-carе"] {
            assert!(OrganisationType::parse_code_or_display(text).is_err(), "{text}");
        }
    }

    #[test]
    fn json_is_parsed_like_any_other_text() {
        assert!(serde_json::from_str::<Asid>(r#""200000000205""#).is_ok());
        assert!(serde_json::from_str::<Asid>("200000000205").is_err());
    }
}

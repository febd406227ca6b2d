//! What an unsigned token says, under whichever of the documented names and spellings.

use serde_json::{Map, Value};

use super::{Dialect, Readiness, UnsignedToken};
use crate::{Asid, OdsCode, end_user_organisation::is_ods};

/// The audience of every token of GP Connect 0.x.
const OLD_AUDIENCE: &str = "https://authorize.fhir.nhs.net/token";

/// Claims that only unsigned tokens have.
const OF_PEOPLE_AND_RECORDS: [&str; 6] = [
    "requesting_practitioner",
    "requesting_user",
    "requesting_patient",
    "requesting_device",
    "requested_record",
    "requested_scope",
];

pub(super) fn dialect(claims: &Map<String, Value>) -> Dialect {
    let organisation = organisation(claims);
    let has_text = |name| claims.get(name).is_some_and(Value::is_string);
    if has_text("requesting_system") || organisation.is_some_and(Value::is_string) {
        Dialect::SpineCore
    } else if claims.get("aud").is_some_and(|aud| aud == OLD_AUDIENCE) {
        Dialect::GpConnect0
    } else if organisation.is_some_and(Value::is_object) || claims.contains_key("requested_scope") {
        Dialect::GpConnect1
    } else {
        Dialect::Unknown
    }
}

/// Both spellings occur in the documents.
fn organisation(claims: &Map<String, Value>) -> Option<&Value> {
    claims.get("requesting_organization").or_else(|| claims.get("requesting_organisation"))
}

/// What follows one of these systems and `|`, or the `/` that the documents also write.
fn value_of<'t>(text: &'t str, path: &str) -> Option<&'t str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?.strip_prefix(path)?;
    rest.strip_prefix('|').or_else(|| rest.strip_prefix('/'))
}

impl UnsignedToken {
    /// The issuer that it claims, unescaped.
    pub fn claimed_issuer(&self) -> Option<&str> {
        self.text("iss")
    }

    /// The ASID that it claims, if what it claims is one. Spine tokens only: those of GP Connect have none.
    pub fn claimed_asid(&self) -> Option<&str> {
        let asid = value_of(self.text("requesting_system")?, "fhir.nhs.uk/Id/accredited-system")?;
        Asid::parse(asid).is_ok().then_some(asid)
    }

    /// The ODS code that it claims, as it is spelled, if it is one.
    pub fn claimed_ods_code(&self) -> Option<&str> {
        let code = match self.organisation()? {
            Value::String(text) => value_of(text, "fhir.nhs.uk/Id/ods-organization-code")
                .or_else(|| value_of(text, "fhir.nhs.net/Id/ods-organization-code"))?,
            resource => {
                let identifiers = match &resource["identifier"] {
                    Value::Array(identifiers) => identifiers.as_slice(),
                    one => std::slice::from_ref(one),
                };
                let of_ods = |identifier: &&Value| is_ods(identifier["system"].as_str().unwrap_or_default());
                identifiers.iter().find(of_ods)?["value"].as_str()?
            }
        };
        OdsCode::parse(code).is_ok().then_some(code)
    }

    /// The user that it claims: `requesting_user`, or the id of `requesting_practitioner`. Personal data; of any length up to
    /// the token's, unescaped.
    pub fn claimed_user(&self) -> Option<&str> {
        match self.claim("requesting_practitioner") {
            Some(Value::String(user)) => Some(user),
            Some(practitioner) => practitioner["id"].as_str(),
            None => self.text("requesting_user"),
        }
    }

    /// What a signed token of the same consumer would change.
    pub fn readiness(&self) -> Readiness {
        let said = [("asid", self.claimed_asid().is_some()), ("ods_code", self.claimed_ods_code().is_some())];
        let named = |wanted| said.iter().filter(move |(_, is_said)| *is_said == wanted).map(|(name, _)| *name);
        Readiness {
            proven: named(true).collect(),
            learned: named(false).chain(["org_type", "groups"]).collect(),
            lost: OF_PEOPLE_AND_RECORDS.into_iter().filter(|name| self.claim(name).is_some()).collect(),
        }
    }

    pub(super) fn organisation(&self) -> Option<&Value> {
        organisation(&self.claims)
    }

    pub(super) fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.get(name)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.claim(name)?.as_str()
    }
}

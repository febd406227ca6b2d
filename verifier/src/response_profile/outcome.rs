//! FHIR's OperationOutcome with one issue, in both its formats.

use serde::Serialize;

use super::{FhirFormat, coding::Coding};

/// Members in the order in which FHIR lists them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome<'a> {
    pub(super) resource_type: &'static str,
    pub(super) id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) meta: Option<Meta>,
    pub(super) issue: [Issue; 1],
}

#[derive(Serialize)]
pub(super) struct Meta {
    pub(super) profile: [String; 1],
}

#[derive(Serialize)]
pub(super) struct Issue {
    pub(super) severity: &'static str,
    pub(super) code: &'static str,
    pub(super) details: Details,
    pub(super) diagnostics: String,
}

#[derive(Serialize)]
pub(super) struct Details {
    pub(super) coding: Vec<Coding>,
}

impl Outcome<'_> {
    pub(super) fn written_as(&self, format: FhirFormat) -> String {
        match format {
            // Strings and arrays of strings cannot fail.
            FhirFormat::Json => serde_json::to_string(self).unwrap_or_default(),
            FhirFormat::Xml => self.xml(),
        }
    }

    /// Elements in the order that FHIR's schema prescribes.
    fn xml(&self) -> String {
        let value = |name: &str, value: &str| format!("<{name} value=\"{}\"/>", escaped(value));
        let meta = |Meta { profile: [profile] }: &Meta| format!("<meta>{}</meta>", value("profile", profile));
        let coding = |Coding { system, code, display }: &Coding| {
            let display = display.map(|display| value("display", display)).unwrap_or_default();
            format!("<coding>{}{}{display}</coding>", value("system", system), value("code", code))
        };
        let [Issue { severity, code, details, diagnostics }] = &self.issue;
        format!(
            "<OperationOutcome xmlns=\"http://hl7.org/fhir\">{}{}<issue>{}{}<details>{}</details>{}</issue></OperationOutcome>",
            value("id", self.id),
            self.meta.as_ref().map(meta).unwrap_or_default(),
            value("severity", severity),
            value("code", code),
            details.coding.iter().map(coding).collect::<String>(),
            value("diagnostics", diagnostics),
        )
    }
}

/// For an attribute's value (XML 1.0 §2.3).
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

//! The documents' rules for unsigned tokens. GP Connect: "Cross organisation audit and provenance"; the UEC appointments
//! specification: "Authentication" (2021); the Spine core: "Access tokens (JWT)".

use serde_json::Value;

use super::{Dialect, Finding, UnsignedToken, described};

/// How far a consumer's clock may be ahead, in seconds.
const LEEWAY: i64 = 5;

/// Scopes of the UEC appointments specification.
const UEC_SCOPES: [&str; 3] = ["patient/appointment.write", "patient/appointment.read", "organization/slot.read"];

struct Findings(Vec<Finding>);

impl Findings {
    fn unless(&mut self, kept: bool, rule: &'static str, expected: &'static str, received: impl FnOnce() -> String) {
        if !kept {
            self.0.push(Finding { rule, expected, received: received() });
        }
    }
}

impl UnsignedToken {
    /// The rules of its dialect that it does not keep, in the order of the token; none for a token as documented. Times are
    /// held against `now`, Unix seconds.
    pub fn findings(&self, now: i64) -> Vec<Finding> {
        let mut findings = Findings(Vec::new());
        self.form(&mut findings);
        self.times(&mut findings, now);
        match self.dialect {
            Dialect::GpConnect0 | Dialect::GpConnect1 => self.gp_connect(&mut findings),
            Dialect::SpineCore => self.spine_core(&mut findings),
            Dialect::Unknown => {
                let expected = "claims of GP Connect or of the Spine core";
                findings.unless(false, "dialect", expected, || "neither".to_owned());
            }
        }
        findings.0
    }

    fn form(&self, findings: &mut Findings) {
        findings.unless(self.ends_with_dot, "end", "a dot", || "none".to_owned());
        let typ = self.header.get("typ");
        findings.unless(typ.is_some_and(|typ| typ == "JWT"), "typ", "\"JWT\"", || described(typ));
        let others = self.header.len() - usize::from(typ.is_some()) - 1;
        findings.unless(others == 0, "header", "alg and typ alone", || format!("{others} more"));
        for rule in ["iss", "sub", "aud"] {
            let kept = self.text(rule).is_some_and(|text| !text.is_empty());
            findings.unless(kept, rule, "a string that is not empty", || described(self.claim(rule)));
        }
    }

    fn times(&self, findings: &mut Findings, now: i64) {
        let [iat, exp] = ["iat", "exp"].map(|rule| {
            let time = self.claim(rule).and_then(Value::as_i64);
            findings.unless(time.is_some(), rule, "an integer", || described(self.claim(rule)));
            time
        });
        if let Some(iat) = iat {
            let kept = iat <= now.saturating_add(LEEWAY);
            findings.unless(kept, "iat", "not later than now", || format!("{iat} at {now}"));
        }
        if let Some(exp) = exp {
            findings.unless(exp >= now, "exp", "not earlier than now", || format!("{exp} at {now}"));
        }
        if let (Some(iat), Some(exp)) = (iat, exp) {
            let lifetime = exp.saturating_sub(iat);
            findings.unless(lifetime == 300, "exp - iat", "300", || lifetime.to_string());
        }
    }

    fn gp_connect(&self, findings: &mut Findings) {
        let old = self.dialect == Dialect::GpConnect0;
        self.one_of(findings, "reason_for_request", &["directcare"], "directcare");
        let of_uec = !old && self.text("requested_scope").is_some_and(|scope| UEC_SCOPES.contains(&scope));
        if old {
            let allowed = ["patient/*.read", "organization/*.read"];
            self.one_of(findings, "requested_scope", &allowed, "patient/*.read or organization/*.read");
            self.resource(findings, "requested_record", &["Patient", "Organization"], "a Patient or an Organization");
        } else {
            let allowed = ["patient/*.read", "patient/*.write", "organization/*.read", "organization/*.write"];
            let expected = "patient/* or organization/*, .read or .write, or a scope of UEC appointments";
            if !of_uec {
                self.one_of(findings, "requested_scope", &allowed, expected);
            }
            let record = self.claim("requested_record");
            findings.unless(record.is_none(), "requested_record", "absent in GP Connect 1.x", || described(record));
        }
        self.resource(findings, "requesting_device", &["Device"], "a Device");
        let of_type = self.organisation().is_some_and(|resource| resource["resourceType"] == "Organization");
        findings.unless(of_type, "requesting_organization", "an Organization", || described(self.organisation()));
        if of_type {
            self.organisation_is_named(findings);
        }
        // Optional in the UEC specification.
        if self.claim("requesting_practitioner").is_some() || !of_uec {
            self.resource(findings, "requesting_practitioner", &["Practitioner"], "a Practitioner");
            let same = self.claimed_user().is_some() && self.claimed_user() == self.text("sub");
            findings.unless(same, "sub", "the id of requesting_practitioner", || described(self.claim("sub")));
        }
    }

    fn spine_core(&self, findings: &mut Findings) {
        let reasons = ["directcare", "secondaryuses", "patientaccess"];
        self.one_of(findings, "reason_for_request", &reasons, "directcare, secondaryuses or patientaccess");
        let scopes = self.text("scope").unwrap_or_default();
        let kept = !scopes.is_empty() && scopes.split(' ').all(is_spine_scope);
        findings.unless(kept, "scope", "such as patient/*.read, joined by blanks", || described(self.claim("scope")));
        findings.unless(self.claimed_asid().is_some(), "requesting_system", "accredited-system|ASID", || {
            described(self.claim("requesting_system"))
        });
        if self.organisation().is_some() {
            self.organisation_is_named(findings);
        }
        let subject =
            self.claimed_user().or_else(|| self.text("requesting_patient")).or_else(|| self.text("requesting_system"));
        let expected = "requesting_user, else requesting_patient, else requesting_system";
        findings.unless(self.text("sub") == subject, "sub", expected, || described(self.claim("sub")));
    }

    fn organisation_is_named(&self, findings: &mut Findings) {
        let expected = "of the system ods-organization-code, with an ODS code";
        findings.unless(self.claimed_ods_code().is_some(), "requesting_organization", expected, || {
            described(self.organisation())
        });
    }

    fn one_of(&self, findings: &mut Findings, rule: &'static str, allowed: &[&str], expected: &'static str) {
        let kept = self.text(rule).is_some_and(|text| allowed.contains(&text));
        findings.unless(kept, rule, expected, || described(self.claim(rule)));
    }

    fn resource(&self, findings: &mut Findings, rule: &'static str, types: &[&str], expected: &'static str) {
        let resource_type = self.claim(rule).and_then(|resource| resource["resourceType"].as_str());
        let kept = resource_type.is_some_and(|found| types.contains(&found));
        findings.unless(kept, rule, expected, || {
            resource_type.map_or_else(|| described(self.claim(rule)), |found| described(Some(&found.into())))
        });
    }
}

/// `patient/*.read`, or one resource in the place of `*`; its case varies in the documents.
fn is_spine_scope(scope: &str) -> bool {
    let Some((context, rest)) = scope.split_once('/') else { return false };
    let Some((resource, access)) = rest.split_once('.') else { return false };
    let is_resource =
        resource == "*" || !resource.is_empty() && resource.bytes().all(|byte| byte.is_ascii_alphabetic());
    matches!(context, "patient" | "organization" | "user") && is_resource && matches!(access, "read" | "write")
}

//! What all that is registered has in common: a name for its kind, an identifier, and one JSON text.
//!
//! That text is what the admin API answers, what the command line prints with `--json`, what an `ETag` covers and what
//! the audit keeps as before and after. No secret is in it, nor the hash of one.

use serde_json::{Value, json};

use super::{
    Assurance, BlockedCertificate, CertificatePolicy, ConsumerSystem, Credential, CredentialKind, Environment,
    GroupDefinition, HonouredGroup, OrganisationTypeDefinition, Proposal, ProviderSystem, RegisteredCertificate,
    RegistrationStatus, credential_changes::done_to_credentials,
};
use crate::clock::UnixTime;

/// Something that administrators register and change.
pub trait Registered {
    /// What kind of thing it is, in one word.
    const KIND: &'static str;

    /// Which one it is.
    fn identifier(&self) -> String;

    /// All that may be shown of it.
    fn document(&self) -> Value;

    /// What was done to make `before` into this: `registered`, `suspended`, …
    fn done_since(&self, before: Option<&Self>) -> &'static str;
}

/// Those of several things, as a list.
pub fn documents<T: Registered>(all: &[T]) -> Value {
    json!({ "items": all.iter().map(T::document).collect::<Vec<_>>() })
}

impl Registered for ConsumerSystem {
    const KIND: &'static str = "consumer";

    fn identifier(&self) -> String {
        self.client_id.to_string()
    }

    fn document(&self) -> Value {
        let mut credentials: Vec<_> = self.credentials.iter().collect();
        credentials.sort_by_key(|held| (held.starts_at, held.id)); // as they are read, whatever was added last
        json!({
            "client_id": self.client_id, "name": self.name, "asid": self.asid,
            "ods_code": self.organisation.ods_code, "organisation_type": self.organisation.organisation_type,
            "supplier_ods_code": self.supplier, "product": self.product, "product_version": self.product_version,
            "party_key": self.party_key, "status": self.status.name(),
            "suspended_at": text(self.status.suspended_at()), "retired_at": text(self.status.retired_at()),
            "created_at": self.created_at.to_string(),
            "accepts_token_endpoint_audience": self.accepts_token_endpoint_audience,
            "requests_per_minute": self.requests_per_minute,
            "credentials": credentials.iter().map(|held| held.document()).collect::<Vec<_>>(),
        })
    }

    fn done_since(&self, before: Option<&Self>) -> &'static str {
        let Some(before) = before else { return "registered" };
        if before.status != self.status {
            return done_to(before.status, self.status);
        }
        done_to_credentials(&before.credentials, &self.credentials).unwrap_or("changed")
    }
}

impl Credential {
    /// All that may be shown of it.
    pub fn document(&self) -> Value {
        let certificate = match &self.kind {
            CredentialKind::Certificate(certificate) => Some(certificate),
            _ => None,
        };
        json!({
            "id": self.id.0, "label": self.label, "kind": self.kind.name(), "value": self.kind.public_value(),
            "environment": certificate.and_then(|certificate| certificate.environment.as_ref()).map(Environment::as_str),
            "issuer_key": certificate.and_then(|certificate| certificate.issuer).map(|issuer| issuer.to_string()),
            "starts_at": self.starts_at.to_string(), "ends_at": text(self.ends_at),
        })
    }
}

impl RegisteredCertificate {
    /// All of it.
    pub fn document(&self) -> Value {
        json!({
            "kind": self.identity.kind(), "value": self.identity.value(),
            "environment": self.environment.as_ref().map(Environment::as_str),
            "issuer_key": self.issuer.map(|issuer| issuer.to_string()),
        })
    }
}

impl Registered for ProviderSystem {
    const KIND: &'static str = "provider";

    fn identifier(&self) -> String {
        self.asid.to_string()
    }

    fn document(&self) -> Value {
        let group = |(group, honoured): (&careconnect_verifier::Group, &HonouredGroup)| {
            json!({
                "group": group, "suspended_at": text(honoured.suspended_at),
                "organisation_types": honoured.organisation_types, "ods_codes": honoured.ods_codes,
                "asids": honoured.asids,
            })
        };
        json!({
            "asid": self.asid, "ods_code": self.ods_code, "name": self.name, "service_root": self.service_root.as_str(),
            "signing_algorithm": self.signing_algorithm, "token_lifetime_seconds": self.token_lifetime,
            "certificate_bound": self.certificate_bound, "claims_profile": self.claims_profile,
            "groups": self.groups.iter().map(group).collect::<Vec<_>>(),
            "certificates": self.certificates.iter().map(RegisteredCertificate::document).collect::<Vec<_>>(),
            "status": self.status.name(),
            "suspended_at": text(self.status.suspended_at()), "retired_at": text(self.status.retired_at()),
            "created_at": self.created_at.to_string(),
        })
    }

    fn done_since(&self, before: Option<&Self>) -> &'static str {
        match before {
            None => "registered",
            Some(before) if before.status != self.status => done_to(before.status, self.status),
            Some(_) => "changed",
        }
    }
}

impl Registered for GroupDefinition {
    const KIND: &'static str = "group";

    fn identifier(&self) -> String {
        self.group.to_string()
    }

    fn document(&self) -> Value {
        json!({
            "group": self.group, "scope": self.scope, "interactions": self.interactions,
            "entra_object_id": self.entra_object_id, "suspended_at": text(self.suspended_at),
        })
    }

    fn done_since(&self, before: Option<&Self>) -> &'static str {
        before.map_or("added", |before| switched(before.suspended_at, self.suspended_at))
    }
}

impl Registered for OrganisationTypeDefinition {
    const KIND: &'static str = "organisation_type";

    fn identifier(&self) -> String {
        self.code.to_string()
    }

    fn document(&self) -> Value {
        json!({ "code": self.code, "display": self.display })
    }

    fn done_since(&self, before: Option<&Self>) -> &'static str {
        before.map_or("added", |_| "changed")
    }
}

impl Registered for BlockedCertificate {
    const KIND: &'static str = "blocked_certificate";

    fn identifier(&self) -> String {
        format!("{} of {}", self.serial, self.issuer)
    }

    fn document(&self) -> Value {
        json!({
            "id": self.id(), "issuer": self.issuer, "serial": self.serial.as_str(), "note": self.note,
            "blocked_at": self.blocked_at.to_string(), "unblocked_at": text(self.unblocked_at),
        })
    }

    fn done_since(&self, _before: Option<&Self>) -> &'static str {
        if self.unblocked_at.is_some() { "unblocked" } else { "blocked" }
    }
}

impl Registered for CertificatePolicy {
    const KIND: &'static str = "certificate_policy";

    fn identifier(&self) -> String {
        self.name.to_string()
    }

    fn document(&self) -> Value {
        json!({
            "name": self.name, "host_prefix": self.host_prefix.as_str(),
            "issuer_key": self.issuer.map(|issuer| issuer.to_string()), "groups": self.groups,
            "created_at": self.created_at.to_string(), "removed_at": text(self.removed_at),
        })
    }

    fn done_since(&self, before: Option<&Self>) -> &'static str {
        match (before, self.removed_at) {
            (_, Some(_)) => "removed",
            (None, None) => "added",
            (Some(_), None) => "changed",
        }
    }
}

impl Registered for Assurance {
    const KIND: &'static str = "assurance";

    fn identifier(&self) -> String {
        format!("{} for {}", self.subject, self.group)
    }

    fn document(&self) -> Value {
        json!({
            "subject": self.subject.kind().name(), "identifier": self.subject.identifier(), "group": self.group,
            "evidence": self.evidence, "starts_at": self.period.starts_at.to_string(),
            "ends_at": text(self.period.ends_at), "suspended_at": text(self.period.suspended_at),
            "recorded_by": self.recorded_by, "recorded_at": self.recorded_at.to_string(),
            "confirmed_by": self.confirmed_by,
        })
    }

    fn done_since(&self, before: Option<&Self>) -> &'static str {
        before.map_or("given", |before| switched(before.period.suspended_at, self.period.suspended_at))
    }
}

impl Registered for Proposal {
    const KIND: &'static str = "proposal";

    fn identifier(&self) -> String {
        self.id.to_string()
    }

    fn document(&self) -> Value {
        let decided = self.decision.as_ref();
        json!({
            "id": self.id, "subject": self.assurance.subject.kind().name(),
            "identifier": self.assurance.subject.identifier(), "group": self.assurance.group,
            "evidence": self.assurance.evidence, "starts_at": self.assurance.period.starts_at.to_string(),
            "ends_at": text(self.assurance.period.ends_at), "reason": self.reason,
            "proposed_by": self.assurance.recorded_by, "proposed_at": self.assurance.recorded_at.to_string(),
            "status": decided.map_or("open", |(decision, ..)| decision.name()),
            "decided_by": decided.map(|(_, by, _)| by), "decided_at": decided.map(|(.., at)| at.to_string()),
        })
    }

    fn done_since(&self, _before: Option<&Self>) -> &'static str {
        self.decision.as_ref().map_or("proposed", |(decision, ..)| decision.name())
    }
}

fn text(time: Option<UnixTime>) -> Option<String> {
    time.map(|time| time.to_string())
}

const fn done_to(before: RegistrationStatus, after: RegistrationStatus) -> &'static str {
    use RegistrationStatus::{Active, Retired, Suspended};
    match (before, after) {
        (_, Retired { .. }) => "retired",
        (_, Suspended { .. }) => "suspended",
        (_, Active) => "resumed",
    }
}

const fn switched(before: Option<UnixTime>, after: Option<UnixTime>) -> &'static str {
    match (before, after) {
        (None, Some(_)) => "suspended",
        (Some(_), None) => "restored",
        _ => "changed",
    }
}

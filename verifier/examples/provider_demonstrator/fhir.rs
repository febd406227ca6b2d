//! The resources of a slot search, and the capability statement: STU3, by the generic profiles of Care Connect.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    search::SlotSearch,
    slots::{SERVICES, Service, Slot},
};

const PROFILES: &str = "https://fhir.hl7.org.uk/STU3/StructureDefinition";

/// A searchset of these slots, with their schedules and what the search includes besides. A consumer that finds nothing is
/// told why that may be.
pub(crate) fn slots_found(root: &str, search: &SlotSearch, slots: &[&Slot]) -> Value {
    let entry = |mode, resource: Value| {
        let kind = resource["resourceType"].as_str().unwrap_or_default();
        let id = resource["id"].as_str().unwrap_or_default();
        json!({ "fullUrl": format!("{root}/{kind}/{id}"), "resource": resource, "search": { "mode": mode } })
    };
    let mut entries: Vec<Value> = slots.iter().map(|slot| entry("match", slot_resource(slot))).collect();
    let used = |service: &&Service| slots.iter().any(|slot| slot.service.id == service.id);
    for service in SERVICES.iter().filter(used) {
        entries.push(entry("include", schedule(service)));
        let wanted = |actor: &Value| search.actors.iter().any(|kind| actor["resourceType"] == **kind);
        entries.extend(actors(service).into_iter().filter(wanted).map(|actor| entry("include", actor)));
    }
    if slots.is_empty() {
        let text = "no free slot in this time is for an organisation of the token's type and code";
        let issue = json!({ "severity": "information", "code": "informational", "diagnostics": text });
        let outcome = json!({ "resourceType": "OperationOutcome", "id": "no-slots", "issue": [issue] });
        entries.push(json!({ "resource": outcome, "search": { "mode": "outcome" } }));
    }
    json!({ "resourceType": "Bundle", "type": "searchset", "total": slots.len(), "entry": entries })
}

fn slot_resource(slot: &Slot) -> Value {
    json!({
        "resourceType": "Slot", "id": slot.id, "meta": meta("Slot"), "status": "free",
        "schedule": { "reference": format!("Schedule/{}", slot.service.id) },
        "start": slot.start.to_string(), "end": slot.end.to_string(),
    })
}

fn schedule(service: &Service) -> Value {
    let reference =
        |actor: &Value| [&actor["resourceType"], &actor["id"]].map(|part| part.as_str().unwrap_or_default()).join("/");
    let actors: Vec<_> = actors(service).iter().map(|actor| json!({ "reference": reference(actor) })).collect();
    json!({ "resourceType": "Schedule", "id": service.id, "meta": meta("Schedule"), "actor": actors })
}

fn actors(service: &Service) -> [Value; 3] {
    let identifier = json!([{ "system": "https://directoryofservices.nhs.uk/Id/serviceId", "value": service.id }]);
    let name = json!([{ "family": "Example", "given": ["Robin"], "prefix": ["Dr"] }]);
    [
        json!({ "resourceType": "HealthcareService", "id": service.id, "name": service.name, "identifier": identifier }),
        json!({ "resourceType": "Practitioner", "id": "robin", "meta": meta("Practitioner"), "name": name }),
        json!({ "resourceType": "Location", "id": "surgery", "meta": meta("Location"), "name": "Example surgery" }),
    ]
}

fn meta(profile: &str) -> Value {
    json!({ "versionId": "1", "profile": [format!("{PROFILES}/CareConnect-{profile}-1")] })
}

/// What this provider can do; "security" says how a caller shows who it is.
pub(crate) fn capability_statement(root: &str, now: Timestamp) -> Value {
    let interactions = |codes: &[&str]| codes.iter().map(|code| json!({ "code": code })).collect::<Vec<_>>();
    let parameters =
        [("start", "date"), ("end", "date"), ("status", "token"), ("schedule.actor:healthcareservice", "reference")];
    let parameters = parameters.map(|(name, kind)| json!({ "name": name, "type": kind }));
    let includes =
        ["Slot:schedule", "Schedule:actor:HealthcareService", "Schedule:actor:Practitioner", "Schedule:actor:Location"];
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": now.to_string(),
        "kind": "instance",
        "fhirVersion": "3.0.1",
        "acceptUnknown": "both",
        "format": ["application/fhir+json"],
        "software": { "name": "provider_demonstrator", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "Synthetic slots, for learning", "url": root },
        "rest": [{
            "mode": "server",
            "security": {
                "service": [{ "coding": [{ "system": "http://hl7.org/fhir/restful-security-service", "code": "OAuth" }] }],
                "description": "A bearer token of careconnect-auth for this service root, and the headers of the SSP",
            },
            "resource": [
                { "type": "Slot", "interaction": interactions(&["search-type"]), "searchInclude": includes, "searchParam": parameters },
                { "type": "Appointment", "interaction": interactions(&["create", "read", "update"]), "versioning": "versioned-update" },
            ],
        }],
    })
}

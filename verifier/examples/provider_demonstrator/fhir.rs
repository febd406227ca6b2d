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
        let actors = actors(service).into_iter();
        entries.extend(
            actors
                .filter(|(kind, _)| search.actors.iter().any(|wanted| wanted == kind))
                .map(|(_, actor)| entry("include", actor)),
        );
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
        "resourceType": "Slot",
        "id": slot.id,
        "meta": { "versionId": "1", "profile": [format!("{PROFILES}/CareConnect-Slot-1")] },
        "schedule": { "reference": format!("Schedule/{}", slot.service.id) },
        "status": "free",
        "start": slot.start.to_string(),
        "end": slot.end.to_string(),
    })
}

fn schedule(service: &Service) -> Value {
    let actors: Vec<Value> = actors(service)
        .into_iter()
        .map(|(kind, actor)| json!({ "reference": format!("{kind}/{}", actor["id"].as_str().unwrap_or_default()) }))
        .collect();
    json!({
        "resourceType": "Schedule",
        "id": service.id,
        "meta": { "versionId": "1", "profile": [format!("{PROFILES}/CareConnect-Schedule-1")] },
        "actor": actors,
    })
}

fn actors(service: &Service) -> [(&'static str, Value); 3] {
    let profile = |name| json!({ "versionId": "1", "profile": [format!("{PROFILES}/CareConnect-{name}-1")] });
    [
        (
            "HealthcareService",
            json!({
                "resourceType": "HealthcareService", "id": service.id, "name": service.name,
                "identifier": [{ "system": "https://directoryofservices.nhs.uk/Id/serviceId", "value": service.id }],
            }),
        ),
        (
            "Practitioner",
            json!({
                "resourceType": "Practitioner", "id": "practitioner-1", "meta": profile("Practitioner"),
                "name": [{ "family": "Example", "given": ["Robin"], "prefix": ["Dr"] }],
            }),
        ),
        (
            "Location",
            json!({
                "resourceType": "Location", "id": "location-1", "meta": profile("Location"), "name": "Example surgery",
            }),
        ),
    ]
}

/// What this provider can do; "security" says how a caller shows who it is.
pub(crate) fn capability_statement(root: &str, now: Timestamp) -> Value {
    let interactions = |codes: &[&str]| codes.iter().map(|code| json!({ "code": code })).collect::<Vec<_>>();
    let parameter = |name: &str, kind: &str| json!({ "name": name, "type": kind });
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
                {
                    "type": "Slot",
                    "interaction": interactions(&["search-type"]),
                    "searchInclude": ["Slot:schedule", "Schedule:actor:Practitioner", "Schedule:actor:Location"],
                    "searchParam": [
                        parameter("start", "date"), parameter("end", "date"), parameter("status", "token"),
                        parameter("schedule.actor:healthcareservice", "reference"),
                    ],
                },
                {
                    "type": "Appointment",
                    "interaction": interactions(&["create", "read", "update"]),
                    "versioning": "versioned-update",
                    "readHistory": false,
                },
            ],
        }],
    })
}

//! The provider's diary: which slots are taken, and by whom.

use std::{collections::BTreeMap, error::Error};

use careconnect_verifier::{CallerKnowledge, OdsCode, VerifiedToken};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    outcome::{Fault, Problem},
    slots::{self, Slot},
};

pub(crate) struct Diary {
    slots: Vec<Slot>,
    appointments: BTreeMap<String, Appointment>,
    /// Ids are never used again, not even after a reset.
    last_id: u64,
}

/// An appointment in its current version.
#[derive(Clone)]
pub(crate) struct Appointment {
    pub(crate) resource: Value,
    pub(crate) version: u64,
    pub(crate) updated: Timestamp,
    slot: String,
    /// Whose token booked it.
    booked_by: OdsCode,
}

impl Diary {
    pub(crate) fn new(now: Timestamp) -> Result<Self, Box<dyn Error>> {
        Ok(Self { slots: slots::synthetic(now)?, appointments: BTreeMap::new(), last_id: 0 })
    }

    pub(crate) fn reset(&mut self, now: Timestamp) -> Result<(), Box<dyn Error>> {
        *self = Self { last_id: self.last_id, ..Self::new(now)? };
        Ok(())
    }

    /// Slots that nobody has booked.
    pub(crate) fn free(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|slot| self.is_free(slot))
    }

    fn is_free(&self, slot: &Slot) -> bool {
        self.appointments.values().all(|booked| booked.slot != slot.id || booked.resource["status"] == "cancelled")
    }

    /// Books the slot that `resource` names, if the caller can see it. That a slot is hidden, that it is taken and that
    /// there never was one must not look different.
    pub(crate) fn book(
        &mut self,
        caller: &VerifiedToken,
        resource: Value,
        now: Timestamp,
    ) -> Result<Appointment, Problem> {
        is_booking_of(&resource, caller)?;
        let named = slot_of(&resource)?;
        let knowledge = CallerKnowledge::from(caller);
        let is_meant = |slot: &&Slot| slot.id == named && slot.is_visible_to(&knowledge, now);
        let slot = self.free().find(is_meant).ok_or_else(|| {
            Fault::Conflict.because("expected a slot that is free, received one that is not: search again")
        })?;
        for (name, expected) in [("start", slot.start), ("end", slot.end)] {
            let received = resource[name].as_str().and_then(|text| text.parse::<Timestamp>().ok());
            if received != Some(expected) {
                return Err(Fault::InvalidResource.because(format!("expected {name} to be the slot's, {expected}")));
            }
        }
        let slot = slot.id.clone();
        self.last_id += 1;
        let mut appointment =
            Appointment { resource, version: 1, updated: now, slot, booked_by: caller.ods_code().clone() };
        appointment.stamp(&self.last_id.to_string());
        self.appointments.insert(self.last_id.to_string(), appointment.clone());
        Ok(appointment)
    }

    /// An appointment of the caller's organisation. The token says which that is; nothing in the request could.
    pub(crate) fn read(&self, id: &str, caller: &VerifiedToken) -> Result<&Appointment, Problem> {
        let appointment = self.appointments.get(id).ok_or_else(|| {
            Fault::NotFound.because("expected the id of an appointment of this provider, received another")
        })?;
        if appointment.booked_by != *caller.ods_code() {
            let why = format!("the appointment was booked by another organisation than {}", caller.ods_code());
            return Err(Fault::AccessDenied.because(why));
        }
        Ok(appointment)
    }

    /// Changes or cancels version `version`, and no other.
    pub(crate) fn update(
        &mut self,
        id: &str,
        version: u64,
        caller: &VerifiedToken,
        resource: Value,
        now: Timestamp,
    ) -> Result<Appointment, Problem> {
        let current = self.read(id, caller)?;
        if current.version != version {
            // STU3 of FHIR has 409 here; since R4 it is 412.
            let why = format!("expected If-Match: W/\"{}\", received W/\"{version}\": read it again", current.version);
            return Err(Fault::Conflict.because(why));
        }
        if current.resource["status"] == "cancelled" {
            return Err(Fault::Conflict.because("expected an appointment that is not cancelled, received one that is"));
        }
        if resource["id"] != *id {
            return Err(Fault::BadRequest.because(format!("expected the resource's id to be {id:?}, as in the URL")));
        }
        let kept = ["resourceType", "slot", "start", "end"];
        if let Some(changed) = kept.into_iter().find(|name| resource[*name] != current.resource[*name]) {
            return Err(
                Fault::InvalidResource.because(format!("expected {changed} as it was booked, received another"))
            );
        }
        if !["booked", "cancelled"].iter().any(|status| resource["status"] == **status) {
            return Err(Fault::InvalidResource.because("expected the status booked or cancelled, received another"));
        }
        is_for(&resource, caller)?;
        let mut updated = Appointment { resource, version: version + 1, updated: now, ..current.clone() };
        updated.stamp(id);
        self.appointments.insert(id.to_owned(), updated.clone());
        Ok(updated)
    }
}

impl Appointment {
    /// What the server says of a resource, whatever the client said.
    fn stamp(&mut self, id: &str) {
        self.resource["id"] = id.into();
        self.resource["meta"] = json!({
            "versionId": self.version.to_string(),
            "lastUpdated": self.updated.to_string(),
            "profile": ["https://fhir.hl7.org.uk/STU3/StructureDefinition/CareConnect-Appointment-1"],
        });
    }
}

/// Is it an Appointment to be booked, and for the organisation of the token?
fn is_booking_of(resource: &Value, caller: &VerifiedToken) -> Result<(), Problem> {
    for (name, expected) in [("resourceType", "Appointment"), ("status", "booked")] {
        if resource[name] != expected {
            return Err(Fault::InvalidResource.because(format!("expected {name} to be {expected:?}, received another")));
        }
    }
    is_for(resource, caller)
}

/// Does every organisation in it have the ODS code of the token, and no other identifier?
fn is_for(resource: &Value, caller: &VerifiedToken) -> Result<(), Problem> {
    let contained = resource["contained"].as_array().map(Vec::as_slice).unwrap_or_default();
    let own = json!([{ "system": OdsCode::SYSTEM, "value": caller.ods_code().as_str() }]);
    let is_other = |resource: &&Value| resource["resourceType"] == "Organization" && resource["identifier"] != own;
    if contained.iter().any(|resource| is_other(&resource)) {
        let why = format!("expected the booking organisation to have the identifier {own}, as the token has it");
        return Err(Fault::Unmatched.because(why));
    }
    Ok(())
}

/// The id of the one slot of an appointment.
fn slot_of(resource: &Value) -> Result<String, Problem> {
    let reference = match resource["slot"].as_array().map(Vec::as_slice) {
        Some([slot]) => slot["reference"].as_str(),
        _ => None,
    };
    let id = reference.and_then(|reference| reference.rsplit_once("Slot/")).map(|(_, id)| id.to_owned());
    id.ok_or_else(|| {
        Fault::InvalidResource.because("expected one slot with a reference such as \"Slot/1\", received none")
    })
}

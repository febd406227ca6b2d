//! What the database would refuse, refused before it is written; and what is kept otherwise.

use std::fmt::Display;

use careconnect_verifier::Group;

use super::Held;
use crate::{
    domain::{
        Assurance, BlockedCertificate, CertificatePolicy, ConsumerSystem, GroupDefinition, OrganisationTypeDefinition,
        Proposal, ProviderSystem,
    },
    storage::StorageError,
};

impl Held {
    /// Says whether its rows are written later.
    pub(in crate::storage) fn put_consumer(
        &mut self,
        before: Option<&ConsumerSystem>,
        after: &ConsumerSystem,
    ) -> Result<bool, StorageError> {
        free(before.is_none() && self.consumers.contains_key(&after.client_id), "consumer", &after.client_id)?;
        let kind = &after.organisation.organisation_type;
        known(self.organisation_types.contains_key(kind), "organisation type", kind)?;
        let held = before.map_or(&[][..], |before| &before.credentials);
        for credential in after.credentials.iter().filter(|new| !held.iter().any(|held| held.id == new.id)) {
            free(!self.credentials.insert(credential.id.0), "credential", credential.id.0)?;
        }
        self.foresee_consumer(after);
        self.consumers.insert(after.client_id.clone(), after.clone());
        if before.is_none() {
            self.new_consumers.insert(after.client_id.clone());
        }
        Ok(self.new_consumers.contains(&after.client_id))
    }

    pub(in crate::storage) fn put_provider(
        &mut self,
        before: Option<&ProviderSystem>,
        after: &ProviderSystem,
    ) -> Result<(), StorageError> {
        free(before.is_none() && self.providers.contains_key(&after.asid), "provider", &after.asid)?;
        let is_of_another = self.service_roots.get(&after.service_root).is_some_and(|owner| *owner != after.asid);
        free(is_of_another, "provider with service root", &after.service_root)?;
        after.groups.keys().try_for_each(|group| self.knows(group))?;
        self.foresee_provider(after);
        if let Some(before) = before {
            self.service_roots.remove(&before.service_root);
        }
        self.service_roots.insert(after.service_root.clone(), after.asid.clone());
        self.providers.insert(after.asid.clone(), after.clone());
        Ok(())
    }

    pub(in crate::storage) fn put_group(
        &mut self,
        before: Option<&GroupDefinition>,
        after: &GroupDefinition,
    ) -> Result<(), StorageError> {
        free(before.is_none() && self.groups.contains_key(&after.group), "group", &after.group)?;
        if let Some(id) = after.entra_object_id {
            let has = |other: &GroupDefinition| other.group != after.group && other.entra_object_id == Some(id);
            free(self.groups.values().any(has), "group with Entra object id", id)?;
        }
        self.groups.insert(after.group.clone(), after.clone());
        Ok(())
    }

    pub(in crate::storage) fn put_organisation_type(
        &mut self,
        before: Option<&OrganisationTypeDefinition>,
        after: &OrganisationTypeDefinition,
    ) -> Result<(), StorageError> {
        let is_taken = before.is_none() && self.organisation_types.contains_key(&after.code);
        free(is_taken, "organisation type", &after.code)?;
        self.organisation_types.insert(after.code.clone(), after.clone());
        Ok(())
    }

    /// Its row is written later.
    pub(in crate::storage) fn put_assurance(&mut self, after: &Assurance) -> Result<(), StorageError> {
        self.knows(&after.group)?;
        self.keep_assurance(after);
        self.new_assurances.insert((after.subject.clone(), after.group.clone()));
        Ok(())
    }

    pub(in crate::storage) fn put_proposal(&mut self, after: &Proposal) -> Result<(), StorageError> {
        self.knows(&after.assurance.group)?;
        self.keep_proposal(after);
        Ok(())
    }

    pub(in crate::storage) fn put_policy(
        &mut self,
        before: Option<&CertificatePolicy>,
        after: &CertificatePolicy,
    ) -> Result<(), StorageError> {
        free(before.is_none() && self.policies.contains_key(&after.name), "certificate policy", &after.name)?;
        after.groups.iter().try_for_each(|group| self.knows(group))?;
        self.policies.insert(after.name.clone(), after.clone());
        Ok(())
    }

    pub(in crate::storage) fn put_blocked(&mut self, after: &BlockedCertificate) {
        self.blocked.insert((after.issuer.clone(), after.serial.clone()), after.clone());
    }

    fn knows(&self, group: &Group) -> Result<(), StorageError> {
        known(self.groups.contains_key(group), "group", group)
    }
}

fn free(is_taken: bool, what: &'static str, name: impl Display) -> Result<(), StorageError> {
    if is_taken { Err(StorageError::AlreadyExists { what, name: name.to_string() }) } else { Ok(()) }
}

fn known(is_known: bool, what: &'static str, name: impl Display) -> Result<(), StorageError> {
    if is_known { Ok(()) } else { Err(StorageError::UnknownReference { what, name: name.to_string() }) }
}

//! The register in memory, for a change of much of it: what is asked of the register is answered from here, what the
//! database would refuse is refused here, thing by thing and before anything is written, and rows of which there are many
//! are written together when the change is finished.

mod constraints;
mod flush;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use careconnect_verifier::{Asid, ClientId, Group, OdsCode, OrganisationType};
use uuid::Uuid;

pub(super) use self::flush::flush;
use super::{Change, Holder, StorageError};
use crate::domain::{
    Assurance, AssuredSubject, BlockedCertificate, CertificatePolicy, ConsumerSystem, DisplayName, GroupDefinition,
    OrganisationTypeDefinition, Proposal, ProviderSystem, Registered, SerialNumber, ServiceRoot,
};

/// All that is registered, as the change will leave it.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) consumers: BTreeMap<ClientId, ConsumerSystem>,
    pub(super) providers: BTreeMap<Asid, ProviderSystem>,
    pub(super) groups: BTreeMap<Group, GroupDefinition>,
    pub(super) organisation_types: BTreeMap<OrganisationType, OrganisationTypeDefinition>,
    pub(super) assurances: BTreeMap<AssuredSubject, BTreeMap<Group, Assurance>>,
    pub(super) open_proposals: BTreeMap<Uuid, Proposal>,
    pub(super) policies: BTreeMap<DisplayName, CertificatePolicy>,
    pub(super) blocked: BTreeMap<(String, SerialNumber), BlockedCertificate>,
    /// By what is proposed.
    proposed: HashMap<(AssuredSubject, Group), Vec<Uuid>>,
    /// Who holds an ASID, retired ones apart.
    holders: HashMap<Asid, BTreeMap<HeldBy, (OdsCode, DisplayName)>>,
    service_roots: HashMap<ServiceRoot, Asid>,
    credentials: HashSet<Uuid>,
    /// New consumers whose rows are not written yet.
    new_consumers: BTreeSet<ClientId>,
    /// Assurances whose rows are not written yet.
    new_assurances: BTreeSet<(AssuredSubject, Group)>,
}

/// A registration that has an ASID.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum HeldBy {
    Consumer(ClientId),
    Provider,
}

impl Change {
    /// Takes the whole register into memory, for a change of much of it.
    pub async fn hold_register(&mut self) -> Result<(), StorageError> {
        let mut held = Box::<Held>::default();
        for consumer in self.consumers().await? {
            held.foresee_consumer(&consumer);
            held.credentials.extend(consumer.credentials.iter().map(|credential| credential.id.0));
            held.consumers.insert(consumer.client_id.clone(), consumer);
        }
        for provider in self.providers().await? {
            held.foresee_provider(&provider);
            held.service_roots.insert(provider.service_root.clone(), provider.asid.clone());
            held.providers.insert(provider.asid.clone(), provider);
        }
        let groups = self.groups().await?.into_iter();
        held.groups = groups.map(|definition| (definition.group.clone(), definition)).collect();
        let types = self.organisation_types().await?.into_iter();
        held.organisation_types = types.map(|definition| (definition.code.clone(), definition)).collect();
        for assurance in self.assurances().await? {
            held.keep_assurance(&assurance);
        }
        for proposal in self.open_proposals().await? {
            held.keep_proposal(&proposal);
        }
        let policies = self.certificate_policies().await?.into_iter();
        held.policies = policies.map(|policy| (policy.name.clone(), policy)).collect();
        for blocked in self.blocked_certificates().await? {
            held.blocked.insert((blocked.issuer.clone(), blocked.serial.clone()), blocked);
        }
        self.held = Some(held);
        Ok(())
    }

    /// Lets an ASID be judged by what `consumer` will be at the end of this change, which may change others of the same
    /// organisation, too.
    pub fn foresee_consumer(&mut self, consumer: &ConsumerSystem) {
        if let Some(held) = self.held.as_mut() {
            held.foresee_consumer(consumer);
        }
    }

    /// The same of a provider.
    pub fn foresee_provider(&mut self, provider: &ProviderSystem) {
        if let Some(held) = self.held.as_mut() {
            held.foresee_provider(provider);
        }
    }
}

impl Held {
    /// The registrations by which another organisation than `ods_code` holds the ASID.
    pub(super) fn other_holders(&self, asid: &Asid, ods_code: &OdsCode) -> Vec<Holder> {
        let holders = self.holders.get(asid).into_iter().flatten();
        let others = holders.filter(|(_, (code, _))| code != ods_code).map(|(by, (code, name))| {
            let (kind, identifier) = match by {
                HeldBy::Consumer(client_id) => (ConsumerSystem::KIND, client_id.to_string()),
                HeldBy::Provider => (ProviderSystem::KIND, asid.to_string()),
            };
            Holder { kind: kind.to_owned(), identifier, ods_code: code.to_string(), name: name.to_string() }
        });
        others.collect()
    }

    fn foresee_consumer(&mut self, consumer: &ConsumerSystem) {
        let holder = || HeldBy::Consumer(consumer.client_id.clone());
        if let Some(before) = self.consumers.get(&consumer.client_id)
            && let Some(holders) = self.holders.get_mut(&before.asid)
        {
            holders.remove(&holder());
        }
        if consumer.status.retired_at().is_none() {
            let of = (consumer.organisation.ods_code.clone(), consumer.name.clone());
            self.holders.entry(consumer.asid.clone()).or_default().insert(holder(), of);
        }
    }

    fn foresee_provider(&mut self, provider: &ProviderSystem) {
        let holders = self.holders.entry(provider.asid.clone()).or_default();
        if provider.status.retired_at().is_some() {
            holders.remove(&HeldBy::Provider);
        } else {
            holders.insert(HeldBy::Provider, (provider.ods_code.clone(), provider.name.clone()));
        }
    }

    fn keep_assurance(&mut self, assurance: &Assurance) {
        let of_subject = self.assurances.entry(assurance.subject.clone()).or_default();
        of_subject.insert(assurance.group.clone(), assurance.clone());
    }

    fn keep_proposal(&mut self, proposal: &Proposal) {
        let of = (proposal.assurance.subject.clone(), proposal.assurance.group.clone());
        if proposal.decision.is_some() {
            self.open_proposals.remove(&proposal.id);
        } else if self.open_proposals.insert(proposal.id, proposal.clone()).is_none() {
            self.proposed.entry(of).or_default().push(proposal.id);
        }
    }

    /// The open proposals for one subject and group.
    pub(super) fn proposals_of(&self, subject: &AssuredSubject, group: &Group) -> Vec<Proposal> {
        let ids = self.proposed.get(&(subject.clone(), group.clone())).into_iter().flatten();
        ids.filter_map(|id| self.open_proposals.get(id)).cloned().collect()
    }
}

//! What is registered, by identity.

use std::collections::BTreeMap;

use careconnect_verifier::{Asid, ClientId, Group, OrganisationType};

use crate::{
    domain::{
        Assurance, AssuredSubject, BlockedCertificate, CertificatePolicy, ConsumerSystem, DisplayName, GroupDefinition,
        OrganisationTypeDefinition, ProviderSystem, SerialNumber,
    },
    storage::{Change, StorageError},
};

/// One state of the register.
#[derive(Debug, Default)]
pub(super) struct Register {
    pub(super) organisation_types: BTreeMap<OrganisationType, OrganisationTypeDefinition>,
    pub(super) groups: BTreeMap<Group, GroupDefinition>,
    pub(super) providers: BTreeMap<Asid, ProviderSystem>,
    pub(super) consumers: BTreeMap<ClientId, ConsumerSystem>,
    pub(super) assurances: BTreeMap<(AssuredSubject, Group), Assurance>,
    /// What waits to be confirmed.
    pub(super) proposed: BTreeMap<(AssuredSubject, Group), Assurance>,
    pub(super) policies: BTreeMap<DisplayName, CertificatePolicy>,
    /// Unblocked ones too.
    pub(super) blocked: BTreeMap<(String, SerialNumber), BlockedCertificate>,
}

impl Register {
    pub(super) async fn read(change: &mut Change) -> Result<Self, StorageError> {
        fn by<K: Ord, T>(things: Vec<T>, key: impl Fn(&T) -> K) -> BTreeMap<K, T> {
            things.into_iter().map(|thing| (key(&thing), thing)).collect()
        }
        let of = |assurance: &Assurance| (assurance.subject.clone(), assurance.group.clone());
        let proposed = change.open_proposals().await?.into_iter().map(|open| open.assurance).collect();
        Ok(Self {
            organisation_types: by(change.organisation_types().await?, |known| known.code.clone()),
            groups: by(change.groups().await?, |known| known.group.clone()),
            providers: by(change.providers().await?, |known| known.asid.clone()),
            consumers: by(change.consumers().await?, |known| known.client_id.clone()),
            assurances: by(change.assurances().await?, of),
            proposed: by(proposed, of),
            policies: by(change.certificate_policies().await?, |known| known.name.clone()),
            blocked: by(change.blocked_certificates().await?, |known| (known.issuer.clone(), known.serial.clone())),
        })
    }

    /// Is it assured of a service that is retired?
    pub(super) fn is_of_retired(&self, assurance: &Assurance) -> bool {
        match &assurance.subject {
            AssuredSubject::Service(client_id) => {
                self.consumers.get(client_id).is_none_or(|consumer| consumer.status.retired_at().is_some())
            }
            _ => false,
        }
    }
}

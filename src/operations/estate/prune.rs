//! The end of what is not in a file.

use std::collections::BTreeSet;

use careconnect_verifier::{Asid, ClientId, Group};

use super::{
    reconcile::Reconciliation,
    wanted::{Section, Wanted},
};
use crate::{
    domain::{
        AssuredSubject, BlockedCertificate, CertificatePolicy, ConsumerSystem, DisplayName, GroupDefinition,
        ProviderSystem, RegistrationStatus, SerialNumber,
    },
    operations::{
        change_assurance::{AssuranceChange, change_one},
        change_refused::ChangeRefused,
        put_consumer::put_consumer,
        put_provider::put_provider,
    },
};

/// What a file names, by section; none for a section that it does not have.
pub(super) struct Named {
    groups: Option<BTreeSet<Group>>,
    providers: Option<BTreeSet<Asid>>,
    consumers: Option<BTreeSet<ClientId>>,
    assurances: Option<BTreeSet<(AssuredSubject, Group)>>,
    policies: Option<BTreeSet<DisplayName>>,
    blocked: Option<BTreeSet<(String, SerialNumber)>>,
}

impl Named {
    pub(super) fn of(wanted: &Wanted) -> Self {
        fn names<T, K: Ord>(section: &Section<T>, key: impl Fn(&T) -> K) -> Option<BTreeSet<K>> {
            section.as_ref().map(|entries| entries.iter().map(|entry| key(&entry.value)).collect())
        }
        Self {
            groups: names(&wanted.groups, |known| known.group.clone()),
            providers: names(&wanted.providers, |known| known.asid.clone()),
            consumers: names(&wanted.consumers, |known| known.consumer.client_id.clone()),
            assurances: names(&wanted.assurances, |known| (known.subject.clone(), known.group.clone())),
            policies: names(&wanted.policies, |known| known.name.clone()),
            blocked: names(&wanted.blocked, |known| (known.issuer.clone(), known.serial.clone())),
        }
    }
}

/// Is the file silent on it, and has it a section for such things?
fn is_left_out<K: Ord>(named: Option<&BTreeSet<K>>, key: &K) -> bool {
    named.is_some_and(|named| !named.contains(key))
}

/// Retires consumers and providers, before others take their ASIDs.
pub(super) async fn prune_registrations(this: &mut Reconciliation<'_>, named: &Named) -> Result<(), ChangeRefused> {
    let (register, retired) = (this.register, RegistrationStatus::Retired { at: this.change.act().at });
    for before in register.consumers.values().filter(|before| before.status.retired_at().is_none()) {
        if is_left_out(named.consumers.as_ref(), &before.client_id) {
            let after = ConsumerSystem { status: retired, ..before.clone() };
            put_consumer(this.change, Some(before), &after).await?;
        }
    }
    for before in register.providers.values().filter(|before| before.status.retired_at().is_none()) {
        if is_left_out(named.providers.as_ref(), &before.asid) {
            let after = ProviderSystem { status: retired, ..before.clone() };
            put_provider(this.change, Some(before), &after).await?;
        }
    }
    Ok(())
}

/// Ends assurances, suspends groups, removes policies, unblocks certificates.
pub(super) async fn prune_rest(this: &mut Reconciliation<'_>, named: &Named) -> Result<(), ChangeRefused> {
    let (register, now) = (this.register, this.change.act().at);
    for assurance in this.change.assurances().await? {
        let key = (assurance.subject.clone(), assurance.group.clone());
        let goes_on = assurance.period.ends_at.is_none_or(|end| end > now) && !register.is_of_retired(&assurance);
        if goes_on && is_left_out(named.assurances.as_ref(), &key) && !is_retired_now(this, &assurance.subject).await? {
            change_one(this.change, assurance, AssuranceChange::EndAt(Some(now))).await?;
        }
    }
    for before in register.groups.values().filter(|before| before.suspended_at.is_none()) {
        if is_left_out(named.groups.as_ref(), &before.group) {
            let after = GroupDefinition { suspended_at: Some(now), ..before.clone() };
            this.change.put_group(Some(before), &after).await?;
        }
    }
    for before in register.policies.values().filter(|before| before.removed_at.is_none()) {
        if is_left_out(named.policies.as_ref(), &before.name) {
            let after = CertificatePolicy { removed_at: Some(now), ..before.clone() };
            this.change.put_certificate_policy(Some(before), &after).await?;
        }
    }
    for (key, before) in register.blocked.iter().filter(|(_, before)| before.unblocked_at.is_none()) {
        if is_left_out(named.blocked.as_ref(), key) {
            let after = BlockedCertificate { unblocked_at: Some(now), ..before.clone() };
            this.change.put_blocked_certificate(Some(before), &after).await?;
        }
    }
    Ok(())
}

async fn is_retired_now(this: &mut Reconciliation<'_>, subject: &AssuredSubject) -> Result<bool, ChangeRefused> {
    let AssuredSubject::Service(client_id) = subject else { return Ok(false) };
    let consumer = this.change.consumer(client_id).await?;
    Ok(consumer.is_none_or(|consumer| consumer.status.retired_at().is_some()))
}

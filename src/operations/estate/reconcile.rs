//! Makes of the register what a file wants, thing by thing and by the rules of all changes, and notes what is refused.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    credentials::settled,
    prune::{Named, prune_registrations, prune_rest},
    register::Register,
    wanted::{Entry, Section, Wanted, WantedConsumer},
};
use crate::{
    domain::{BlockedCertificate, CertificatePolicy, Fault, ProviderSystem},
    operations::{
        change_refused::ChangeRefused, put_consumer::put_consumer, put_provider::put_provider,
        settle_assurance::settle_assurance,
    },
    storage::{Change, StorageError},
};

/// Faults while things are changed one by one.
pub(super) struct Reconciliation<'a> {
    pub(super) change: &'a mut Change,
    pub(super) register: &'a Register,
    pub(super) faults: Vec<Fault>,
    file: &'a Value,
    /// What the file names and what is not registered for a fault of its own: others that name it have none.
    missing: BTreeSet<String>,
    done: usize,
    progress: &'a (dyn Fn(usize) + Sync),
}

/// Changes all that is not as it is wanted, and gives what is refused. The register must be held by the change.
pub(super) async fn reconcile(
    change: &mut Change,
    register: &Register,
    (file, wanted, malformed): (&Value, Wanted, Vec<Fault>),
    prune: bool,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Fault>, ChangeRefused> {
    let unnamed = prune.then(|| Named::of(&wanted));
    let (faults, missing) = (Vec::new(), BTreeSet::new());
    let mut this = Reconciliation { change, register, faults, file, missing, done: 0, progress };
    this.refuse(malformed);
    if let Some(named) = &unnamed {
        prune_registrations(&mut this, named).await?;
    }
    this.catalogue(&wanted).await?;
    this.registrations(wanted.providers, wanted.consumers, prune).await?;
    for Entry { pointer, value } in wanted.assurances.into_iter().flatten() {
        let outcome = settle_assurance(this.change, value).await;
        this.note(&pointer, outcome)?;
    }
    this.certificates(wanted.policies, wanted.blocked).await?;
    if let Some(named) = &unnamed {
        prune_rest(&mut this, named).await?;
    }
    Ok(this.faults)
}

impl Reconciliation<'_> {
    /// Keeps a refusal as a fault of the entry; what stops everything is given back.
    pub(super) fn note<T>(&mut self, pointer: &str, outcome: Result<T, ChangeRefused>) -> Result<(), ChangeRefused> {
        use StorageError::{AlreadyExists, NotFound, UnknownReference};
        self.done += 1;
        (self.progress)(self.done);
        let fault = |detail| Fault { pointer: pointer.to_owned(), detail };
        match outcome {
            Ok(_) => {}
            Err(ChangeRefused::Invalid(faults)) => {
                let inside = |fault: Fault| Fault { pointer: format!("{pointer}{}", fault.pointer), ..fault };
                self.refuse(faults.into_iter().map(inside).collect());
            }
            Err(ChangeRefused::Storage(NotFound { name, .. } | UnknownReference { name, .. }))
                if self.missing.contains(&name) => {}
            Err(ChangeRefused::Storage(error))
                if !matches!(error, AlreadyExists { .. } | NotFound { .. } | UnknownReference { .. }) =>
            {
                return Err(error.into());
            }
            Err(refused) => self.refuse(vec![fault(refused.to_string())]),
        }
        Ok(())
    }

    fn refuse(&mut self, faults: Vec<Fault>) {
        for fault in &faults {
            let mut parts = fault.pointer.split('/').skip(1);
            let section = parts.next().unwrap_or_default();
            let index = parts.next().and_then(|index| index.parse::<usize>().ok());
            let identity = match section {
                "consumers" => "client_id",
                "groups" => "group",
                "organisation_types" => "code",
                _ => continue, // others do not name it
            };
            let name = index.and_then(|index| self.file.get(section)?.get(index)?.get(identity)?.as_str());
            self.missing.extend(name.map(str::to_owned));
        }
        self.faults.extend(faults);
    }

    async fn catalogue(&mut self, wanted: &Wanted) -> Result<(), ChangeRefused> {
        for Entry { pointer, value } in wanted.organisation_types.iter().flatten() {
            let before = self.register.organisation_types.get(&value.code);
            if before != Some(value) {
                let outcome = self.change.put_organisation_type(before, value).await;
                self.note(pointer, outcome.map_err(Into::into))?;
            }
        }
        for Entry { pointer, value } in wanted.groups.iter().flatten() {
            let before = self.register.groups.get(&value.group);
            if before != Some(value) {
                let outcome = self.change.put_group(before, value).await;
                self.note(pointer, outcome.map_err(Into::into))?;
            }
        }
        Ok(())
    }

    async fn registrations(
        &mut self,
        providers: Section<ProviderSystem>,
        consumers: Section<WantedConsumer>,
        prune: bool,
    ) -> Result<(), ChangeRefused> {
        let (providers, consumers) = (providers.unwrap_or_default(), consumers.unwrap_or_default());
        for Entry { value, .. } in &providers {
            self.change.foresee_provider(value);
        }
        for Entry { value, .. } in &consumers {
            self.change.foresee_consumer(&value.consumer);
        }
        for Entry { pointer, value } in providers {
            let outcome = put_provider(self.change, self.register.providers.get(&value.asid), &value).await;
            self.note(&pointer, outcome)?;
        }
        for Entry { pointer, value: WantedConsumer { consumer, credentials } } in consumers {
            let before = self.register.consumers.get(&consumer.client_id);
            match settled(consumer, credentials, prune, self.change.act().at) {
                Ok(after) => {
                    let outcome = put_consumer(self.change, before, &after).await;
                    self.note(&pointer, outcome)?;
                }
                Err(faults) => self.refuse(faults),
            }
        }
        Ok(())
    }

    async fn certificates(
        &mut self,
        policies: Section<CertificatePolicy>,
        blocked: Section<BlockedCertificate>,
    ) -> Result<(), ChangeRefused> {
        for Entry { pointer, value } in policies.into_iter().flatten() {
            let before = self.register.policies.get(&value.name);
            if before != Some(&value) {
                let outcome = self.change.put_certificate_policy(before, &value).await;
                self.note(&pointer, outcome.map_err(Into::into))?;
            }
        }
        for Entry { pointer, value } in blocked.into_iter().flatten() {
            let before = self.register.blocked.get(&(value.issuer.clone(), value.serial.clone()));
            let since = before.filter(|before| before.unblocked_at.is_none()).map(|before| before.blocked_at);
            let value = BlockedCertificate { blocked_at: since.unwrap_or(value.blocked_at), ..value };
            if before != Some(&value) {
                let outcome = self.change.put_blocked_certificate(before, &value).await;
                self.note(&pointer, outcome.map_err(Into::into))?;
            }
        }
        Ok(())
    }
}

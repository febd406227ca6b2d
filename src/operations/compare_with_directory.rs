//! Holds the register against the Spine Directory Service. Nothing is changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use careconnect_verifier::{Asid, Group};

use crate::{
    blocking::blocking,
    clock::UnixTime,
    directory::{Directory, DirectoryError, DirectorySystem},
    domain::{
        CertificateIdentity, ConsumerSystem, DirectoryComparison, Drift, DriftKind, GroupDefinition, ProviderSystem,
        Registered, RegistrationStatus,
    },
    registry::Registry,
};

/// Systems that are in memory at a time.
const PORTION: usize = 500;

/// Something registered, on a system of the directory.
enum Registration {
    /// With the groups that it holds now.
    Consumer(Arc<ConsumerSystem>, BTreeSet<Group>),
    Provider(Arc<ProviderSystem>),
}

/// Asks the directory for the system of everything that is not retired. An outage is an error, never a drift; answers that
/// lack many systems at once, or of which more than `suspend_at_most` suspensions would follow, are not believed.
pub async fn compare_with_directory(
    registry: &Arc<Registry>,
    directory: &Directory,
    suspend_at_most: usize,
    now: UnixTime,
) -> Result<DirectoryComparison, DirectoryError> {
    let (read, groups) = (registry.clone(), registry.groups());
    let mut by_asid = blocking(move || registrations(&read, now)).await;
    let asids: Vec<Asid> = by_asid.keys().cloned().collect();
    let (mut drifts, mut missing) = (Vec::new(), 0);
    for portion in asids.chunks(PORTION) {
        let found = directory.find_systems(portion).await?;
        for asid in portion {
            let system = found.get(asid);
            missing += usize::from(system.is_none());
            for registration in by_asid.remove(asid).unwrap_or_default() {
                drifts.extend(registration.drifts(system, &groups, now));
            }
        }
        tokio::task::yield_now().await;
    }
    let doubt = doubt(asids.len(), missing, &drifts, suspend_at_most);
    Ok(DirectoryComparison { compared_at: now, systems: asids.len(), drifts, doubt })
}

fn registrations(registry: &Registry, now: UnixTime) -> BTreeMap<Asid, Vec<Registration>> {
    let mut by_asid = BTreeMap::<Asid, Vec<Registration>>::new();
    let stands = |status: RegistrationStatus| status.retired_at().is_none();
    for consumer in registry.consumers().into_iter().filter(|consumer| stands(consumer.status)) {
        let held = registry.assured(&consumer).groups_at(now);
        by_asid.entry(consumer.asid.clone()).or_default().push(Registration::Consumer(consumer, held));
    }
    for provider in registry.providers().into_iter().filter(|provider| stands(provider.status)) {
        by_asid.entry(provider.asid.clone()).or_default().push(Registration::Provider(provider));
    }
    by_asid
}

/// Why what the directory says is rather its own fault.
fn doubt(systems: usize, missing: usize, drifts: &[Drift], suspend_at_most: usize) -> Option<String> {
    let follow = drifts.iter().filter(|drift| !drift.suspended).count();
    if systems > 0 && missing == systems {
        return Some(format!("it has none of the {systems} systems that are registered: is `directory.base` right?"));
    }
    if missing > 1 && missing * 2 > systems {
        return Some(format!("it lacks {missing} of the {systems} systems that are registered"));
    }
    (follow > suspend_at_most).then(|| {
        format!("it contradicts {follow} registrations, of which `directory.suspend_at_most` allows {suspend_at_most}")
    })
}

impl Registration {
    /// What the directory, which knows `system` or knows none, contradicts. What it does not say contradicts nothing.
    fn drifts(&self, system: Option<&DirectorySystem>, groups: &[GroupDefinition], now: UnixTime) -> Vec<Drift> {
        let Some(system) = system else { return vec![self.drift(DriftKind::AsidGone, self.asid().as_str(), None)] };
        let mut drifts = Vec::new();
        let ods_code = match self {
            Self::Consumer(consumer, _) => &consumer.organisation.ods_code,
            Self::Provider(provider) => &provider.ods_code,
        };
        if let Some(owner) = &system.ods_code
            && owner != ods_code
            && !system.client_ods_codes.contains(ods_code)
        {
            drifts.push(self.drift(DriftKind::OdsCodeChanged, ods_code.as_str(), Some(owner.to_string())));
        }
        for group in self.groups_without_interaction(system, groups) {
            let drift = self.drift(DriftKind::InteractionWithdrawn, group.as_str(), None);
            drifts.push(Drift { group: Some(group), suspended: false, ..drift });
        }
        let known: BTreeSet<String> =
            system.endpoints.iter().filter_map(|known| known.fqdn.as_ref()).map(ToString::to_string).collect();
        if !known.is_empty() && system.has_all_endpoints {
            let said = known.iter().cloned().collect::<Vec<_>>().join(" or ");
            let others = self.host_names(now).into_iter().filter(|name| !known.contains(name));
            drifts.extend(others.map(|name| self.drift(DriftKind::FqdnDiffers, &name, Some(said.clone()))));
        }
        drifts
    }

    /// A consumer asks: its system has the interaction. A provider is asked: its endpoint may have it instead.
    fn groups_without_interaction(&self, system: &DirectorySystem, groups: &[GroupDefinition]) -> Vec<Group> {
        let (wanted, endpoints): (Vec<&Group>, &[_]) = match self {
            Self::Consumer(_, held) => (held.iter().collect(), &[]),
            Self::Provider(_) if !system.has_all_endpoints => return Vec::new(),
            Self::Provider(provider) => (provider.honoured().collect(), &system.endpoints),
        };
        let lacks = |definition: &GroupDefinition| {
            let mut interactions = definition.interactions.iter();
            !definition.interactions.is_empty()
                && !interactions.any(|wanted| {
                    system.interactions.contains(wanted) || endpoints.iter().any(|known| known.interaction == *wanted)
                })
        };
        let of = |group: &&Group| groups.iter().find(|known| known.group == **group).is_some_and(lacks);
        wanted.into_iter().filter(of).cloned().collect()
    }

    /// What its certificate shows: of a consumer the names that it is recognised by, of a provider its service root's host.
    fn host_names(&self, now: UnixTime) -> BTreeSet<String> {
        match self {
            Self::Consumer(consumer, _) => {
                let names = consumer.certificates_at(now).filter_map(|(_, certificate)| match &certificate.identity {
                    CertificateIdentity::SanDns(name) => Some(name.to_string()),
                    _ => None,
                });
                names.collect()
            }
            Self::Provider(provider) => BTreeSet::from([provider.service_root.host().to_owned()]),
        }
    }

    fn asid(&self) -> &Asid {
        match self {
            Self::Consumer(consumer, _) => &consumer.asid,
            Self::Provider(provider) => &provider.asid,
        }
    }

    fn drift(&self, kind: DriftKind, registered: &str, directory: Option<String>) -> Drift {
        let (subject, identifier, name, is_active) = match self {
            Self::Consumer(one, _) => (ConsumerSystem::KIND, one.identifier(), &one.name, one.status.is_active()),
            Self::Provider(one) => (ProviderSystem::KIND, one.identifier(), &one.name, one.status.is_active()),
        };
        let (registered, name) = (registered.to_owned(), name.to_string());
        let (asid, group) = (self.asid().clone(), None);
        Drift { kind, subject, identifier, name, asid, group, registered, directory, suspended: !is_active }
    }
}

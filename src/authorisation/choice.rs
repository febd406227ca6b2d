//! Which groups a consumer gets at a provider, step by step, and at which step there are none left.

use std::collections::BTreeSet;

use careconnect_verifier::Group;

use super::{AccessDenied, Cap, Rules};
use crate::{
    clock::UnixTime,
    domain::{Assured, ConsumerSystem, GroupDefinition, HonouredGroup, ProviderSystem, RequestedAccess, SubjectKind},
};

/// The two sides of a decision.
pub(super) struct Choice<'a> {
    consumer: &'a ConsumerSystem,
    provider: &'a ProviderSystem,
    rules: &'a Rules<'a>,
    cap: Option<&'a Cap>,
    held: BTreeSet<Group>,
}

impl<'a> Choice<'a> {
    pub(super) fn of(
        consumer: &'a ConsumerSystem,
        provider: &'a ProviderSystem,
        rules: &'a Rules<'a>,
        cap: Option<&'a Cap>,
    ) -> Self {
        Self { consumer, provider, rules, cap, held: rules.assured.groups_at(rules.now) }
    }

    pub(super) fn granted(&self, access: &RequestedAccess) -> Result<BTreeSet<Group>, AccessDenied> {
        let RequestedAccess::Only(names) = access else { return self.everything() };
        let mut granted = BTreeSet::new();
        for name in names {
            granted.extend(self.named(name)?);
        }
        Ok(granted)
    }

    fn everything(&self) -> Result<BTreeSet<Group>, AccessDenied> {
        if self.held.is_empty() {
            return Err(holds_nothing(self.rules.assured, self.rules.now));
        }
        let in_use: BTreeSet<Group> =
            self.held.iter().filter(|group| self.suspension(group).is_none()).cloned().collect();
        if in_use.is_empty() {
            return Err(self.suspended(&joined(self.held.iter()), self.held.iter()));
        }
        let permitted = permitted(&in_use, self.cap)?;
        let honoured: BTreeSet<Group> =
            permitted.iter().filter(|group| self.honoured(group).is_some()).cloned().collect();
        if honoured.is_empty() {
            return Err(AccessDenied::NothingInCommon { held: joined(permitted.iter()) });
        }
        let admitted: BTreeSet<Group> = honoured.iter().filter(|group| self.is_admitted(group)).cloned().collect();
        match honoured.first() {
            Some(first) if admitted.is_empty() => Err(self.not_admitted(&joined(honoured.iter()), first)),
            _ => Ok(admitted),
        }
    }

    /// The groups that one name in the request stands for, and that the consumer gets; at least one.
    fn named(&self, name: &str) -> Result<Vec<Group>, AccessDenied> {
        let asked_for = || name.to_owned();
        let meant = groups_meant_by(name, self.rules.groups);
        if meant.is_empty() {
            return Err(AccessDenied::ScopeUnknown(asked_for()));
        }
        let held: Vec<&Group> = meant.iter().copied().filter(|group| self.held.contains(*group)).collect();
        if held.is_empty() {
            let (assured, now) = (self.rules.assured, self.rules.now);
            let in_part: Vec<&Group> =
                meant.into_iter().filter(|group| assured.recorded().any(|known| known == *group)).collect();
            return Err(if in_part.is_empty() {
                AccessDenied::GroupNotHeld { asked_for: asked_for(), held: joined(self.held.iter()) }
            } else {
                AccessDenied::GroupNotAssured { asked_for: asked_for(), lapses: lapses(assured, &in_part, now) }
            });
        }
        let in_use: Vec<&Group> = held.iter().copied().filter(|group| self.suspension(group).is_none()).collect();
        if in_use.is_empty() {
            return Err(self.suspended(name, held.into_iter()));
        }
        let is_permitted = |group: &&Group| self.cap.is_none_or(|cap| cap.allowed.contains(*group));
        let permitted: Vec<&Group> = in_use.into_iter().filter(is_permitted).collect();
        if let (true, Some(Cap { allowed, policies })) = (permitted.is_empty(), self.cap) {
            let (allowed, policies) = (joined(allowed.iter()), policies.clone());
            return Err(AccessDenied::GroupNotPermitted { asked_for: asked_for(), allowed, policies });
        }
        let honoured: Vec<&Group> = permitted.into_iter().filter(|group| self.honoured(group).is_some()).collect();
        let Some(first) = honoured.first() else {
            let honoured = joined(self.provider.honoured());
            return Err(AccessDenied::GroupNotHonoured { asked_for: asked_for(), honoured });
        };
        let admitted: Vec<Group> = honoured.iter().filter(|group| self.is_admitted(group)).copied().cloned().collect();
        if admitted.is_empty() { Err(self.not_admitted(name, first)) } else { Ok(admitted) }
    }

    fn suspension(&self, group: &Group) -> Option<UnixTime> {
        self.rules.groups.iter().find(|known| known.group == *group)?.suspended_at
    }

    fn honoured(&self, group: &Group) -> Option<&HonouredGroup> {
        self.provider.groups.get(group).filter(|honoured| honoured.suspended_at.is_none())
    }

    fn is_admitted(&self, group: &Group) -> bool {
        self.honoured(group).is_some_and(|honoured| honoured.admits(self.consumer))
    }

    fn suspended<'g>(&self, asked_for: &str, mut groups: impl Iterator<Item = &'g Group>) -> AccessDenied {
        let since = groups.find_map(|group| self.suspension(group)).map(|at| at.to_string()).unwrap_or_default();
        AccessDenied::GroupSuspended { asked_for: asked_for.to_owned(), since }
    }

    fn not_admitted(&self, asked_for: &str, group: &Group) -> AccessDenied {
        let organisation = &self.consumer.organisation;
        AccessDenied::RequesterNotAdmitted {
            asked_for: asked_for.to_owned(),
            admits: self.honoured(group).map(ToString::to_string).unwrap_or_default(),
            requester: format!("{}, {}, {}", organisation.organisation_type, organisation.ods_code, self.consumer.asid),
        }
    }
}

/// What a certificate may obtain of `held`.
pub(super) fn permitted(held: &BTreeSet<Group>, cap: Option<&Cap>) -> Result<BTreeSet<Group>, AccessDenied> {
    let Some(Cap { allowed, policies }) = cap else { return Ok(held.clone()) };
    let permitted: BTreeSet<Group> = held.intersection(allowed).cloned().collect();
    if permitted.is_empty() {
        let (held, allowed) = (joined(held.iter()), joined(allowed.iter()));
        return Err(AccessDenied::NothingPermitted { held, allowed, policies: policies.clone() });
    }
    Ok(permitted)
}

/// Why a consumer holds no group.
pub(super) fn holds_nothing(assured: &Assured, now: UnixTime) -> AccessDenied {
    let in_part: Vec<&Group> = assured.recorded().collect();
    if in_part.is_empty() {
        return AccessDenied::HoldsNothing;
    }
    let asked_for = joined(in_part.iter().copied());
    AccessDenied::GroupNotAssured { asked_for, lapses: lapses(assured, &in_part, now) }
}

/// Which of the four do not stand, and why; said once where several groups have it in common.
fn lapses(assured: &Assured, groups: &[&Group], now: UnixTime) -> String {
    let mut said: Vec<String> = Vec::new();
    for group in groups {
        for (kind, lapse) in assured.lapses(group, now) {
            let sentence = match kind {
                SubjectKind::Service => format!("the service is {lapse}"),
                kind => format!("its {} is {lapse}", kind.name()),
            };
            if !said.contains(&sentence) {
                said.push(sentence);
            }
        }
    }
    said.join(", ")
}

/// A name in `scope` is a group, or an interaction, or a SMART-style scope, in that order; the latter two may stand for
/// several groups.
fn groups_meant_by<'a>(name: &str, known: &'a [GroupDefinition]) -> Vec<&'a Group> {
    let matching = |matches: &dyn Fn(&GroupDefinition) -> bool| -> Vec<&'a Group> {
        known.iter().filter(|definition| matches(definition)).map(|definition| &definition.group).collect()
    };
    let group = matching(&|definition| definition.group.as_str() == name);
    if !group.is_empty() {
        return group;
    }
    matching(&|definition| {
        definition.scope.as_str() == name
            || definition.interactions.iter().any(|interaction| interaction.as_str() == name)
    })
}

fn joined<'g>(groups: impl Iterator<Item = &'g Group>) -> String {
    let all = groups.map(Group::as_str).collect::<Vec<_>>();
    if all.is_empty() { "none".to_owned() } else { all.join(" ") }
}

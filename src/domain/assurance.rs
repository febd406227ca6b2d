//! Assurances: what a service, its organisation, its system and its supplier may each be trusted to do, and until when.
//!
//! A service holds a group while all four assurances for it stand (UEC-AUTH-2019: membership means that the service, the
//! organisation that delivers it, the system in use and the system's supplier have all been assured).

use std::{collections::BTreeSet, fmt, sync::Arc};

use careconnect_verifier::{Asid, ClientId, Group, OdsCode};
use uuid::Uuid;

use crate::clock::UnixTime;

/// What is assured.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AssuredSubject {
    /// A registered consumer.
    Service(ClientId),
    /// An organisation that delivers services.
    Organisation(OdsCode),
    /// An accredited system.
    System(Asid),
    /// A supplier of systems.
    Supplier(OdsCode),
}

/// Which of the four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "see AssuredSubject")]
pub enum SubjectKind {
    Service,
    Organisation,
    System,
    Supplier,
}

impl SubjectKind {
    /// All four, in the order in which people name them.
    pub const ALL: [Self; 4] = [Self::Service, Self::Organisation, Self::System, Self::Supplier];

    /// In one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Organisation => "organisation",
            Self::System => "system",
            Self::Supplier => "supplier",
        }
    }

    /// The subject of that kind and identifier.
    pub fn subject(self, identifier: &str) -> Result<AssuredSubject, String> {
        let read = |error: careconnect_verifier::InvalidIdentifier| error.to_string();
        Ok(match self {
            Self::Service => AssuredSubject::Service(ClientId::parse(identifier).map_err(read)?),
            Self::Organisation => AssuredSubject::Organisation(OdsCode::parse(identifier).map_err(read)?),
            Self::System => AssuredSubject::System(Asid::parse(identifier).map_err(read)?),
            Self::Supplier => AssuredSubject::Supplier(OdsCode::parse(identifier).map_err(read)?),
        })
    }
}

impl std::str::FromStr for SubjectKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| format!("{text:?} is not assured: expected service, organisation, system or supplier"))
    }
}

impl AssuredSubject {
    /// Which of the four it is.
    pub const fn kind(&self) -> SubjectKind {
        match self {
            Self::Service(_) => SubjectKind::Service,
            Self::Organisation(_) => SubjectKind::Organisation,
            Self::System(_) => SubjectKind::System,
            Self::Supplier(_) => SubjectKind::Supplier,
        }
    }

    /// Its client id, ODS code or ASID.
    pub fn identifier(&self) -> &str {
        match self {
            Self::Service(client_id) => client_id.as_str(),
            Self::Organisation(code) | Self::Supplier(code) => code.as_str(),
            Self::System(asid) => asid.as_str(),
        }
    }
}

impl fmt::Display for AssuredSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind().name(), self.identifier())
    }
}

/// When an assurance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// From when on.
    pub starts_at: UnixTime,
    /// Until when, if that is known.
    pub ends_at: Option<UnixTime>,
    /// Since when not, for the time being.
    pub suspended_at: Option<UnixTime>,
}

impl Period {
    /// Does it stand at `now`? The start is included, the end is not.
    pub fn stands_at(&self, now: UnixTime) -> bool {
        self.lapse_at(now).is_none()
    }

    /// Why it does not stand at `now`, if so.
    pub fn lapse_at(&self, now: UnixTime) -> Option<Lapse> {
        match (self.suspended_at, self.ends_at) {
            (Some(since), _) => Some(Lapse::Suspended(since)),
            _ if now < self.starts_at => Some(Lapse::NotYet(self.starts_at)),
            (_, Some(end)) if end <= now => Some(Lapse::Ended(end)),
            _ => None,
        }
    }
}

/// Why an assurance does not stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lapse {
    /// None was recorded.
    Missing,
    /// It begins then.
    NotYet(UnixTime),
    /// It ended then.
    Ended(UnixTime),
    /// It is suspended since then.
    Suspended(UnixTime),
}

impl fmt::Display for Lapse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("not assured"),
            Self::NotYet(start) => write!(f, "assured from {start} on"),
            Self::Ended(end) => write!(f, "assured until {end}"),
            Self::Suspended(since) => write!(f, "suspended since {since}"),
        }
    }
}

/// One of the four facts behind a membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assurance {
    /// What is assured.
    pub subject: AssuredSubject,
    /// For what.
    pub group: Group,
    /// On what grounds: a reference that an auditor can follow.
    pub evidence: String,
    /// When.
    pub period: Period,
    /// Who recorded it.
    pub recorded_by: String,
    /// When it was recorded.
    pub recorded_at: UnixTime,
    /// Who confirmed it, where two are needed.
    pub confirmed_by: Option<String>,
}

/// An assurance that somebody else must confirm before it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Its identity.
    pub id: Uuid,
    /// What it would be.
    pub assurance: Assurance,
    /// Why it is wanted.
    pub reason: String,
    /// What became of it, by whom, and when.
    pub decision: Option<(Decision, String, UnixTime)>,
}

/// What becomes of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is an assurance now.
    Confirmed,
    /// It never will be.
    Rejected,
    /// What was proposed or decided later for the same took its place.
    Superseded,
}

impl Decision {
    /// In one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
            Self::Superseded => "superseded",
        }
    }
}

impl std::str::FromStr for Decision {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Confirmed, Self::Rejected, Self::Superseded];
        all.into_iter().find(|decision| decision.name() == text).ok_or_else(|| format!("{text:?} is no decision"))
    }
}

/// The periods of one subject, by group.
pub type Periods = Arc<[(Group, Period)]>;

/// What is recorded of the four that stand behind one service.
#[derive(Debug, Clone, Default)]
pub struct Assured([Periods; 4]);

impl Assured {
    /// Of a service, its organisation, its system and its supplier.
    pub const fn of(service: Periods, organisation: Periods, system: Periods, supplier: Periods) -> Self {
        Self([service, organisation, system, supplier])
    }

    /// The groups for which all four stand at `now`.
    pub fn groups_at(&self, now: UnixTime) -> BTreeSet<Group> {
        let [service, others @ ..] = &self.0;
        let stands = |periods: &Periods, group: &Group| period_of(periods, group).is_some_and(|it| it.stands_at(now));
        let held = service
            .iter()
            .filter(|(group, period)| period.stands_at(now) && others.iter().all(|periods| stands(periods, group)));
        held.map(|(group, _)| group.clone()).collect()
    }

    /// Every group for which there is an assurance of the service itself, whether it stands or not.
    pub fn recorded(&self) -> impl Iterator<Item = &Group> {
        self.0[0].iter().map(|(group, _)| group)
    }

    /// The period of one of the four for `group`.
    pub fn period(&self, kind: SubjectKind, group: &Group) -> Option<&Period> {
        let at = SubjectKind::ALL.iter().position(|known| *known == kind)?;
        period_of(&self.0[at], group)
    }

    /// Which of the four do not stand for `group` at `now`, and why.
    pub fn lapses(&self, group: &Group, now: UnixTime) -> Vec<(SubjectKind, Lapse)> {
        let lapse = |periods| period_of(periods, group).map_or(Some(Lapse::Missing), |period| period.lapse_at(now));
        let all = SubjectKind::ALL.into_iter().zip(&self.0);
        all.filter_map(|(kind, periods)| lapse(periods).map(|lapse| (kind, lapse))).collect()
    }
}

fn period_of<'a>(periods: &'a Periods, group: &Group) -> Option<&'a Period> {
    periods.iter().find(|(known, _)| known == group).map(|(_, period)| period)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_000);
    const STANDS: Period = Period { starts_at: UnixTime(1_000), ends_at: Some(UnixTime(1_001)), suspended_at: None };

    fn of(period: Period) -> Periods {
        [(Group::READ_SLOT, period)].into()
    }

    #[test]
    fn a_group_is_held_while_all_four_stand() {
        let all = Assured::of(of(STANDS), of(STANDS), of(STANDS), of(STANDS));
        assert_eq!(all.groups_at(NOW), [Group::READ_SLOT].into());
        for (now, lapse) in [(UnixTime(999), Lapse::NotYet(NOW)), (UnixTime(1_001), Lapse::Ended(UnixTime(1_001)))] {
            assert_eq!(all.groups_at(now), [].into());
            assert_eq!(all.lapses(&Group::READ_SLOT, now), SubjectKind::ALL.map(|kind| (kind, lapse)));
        }
        let suspended = Period { suspended_at: Some(NOW), ..STANDS };
        for (lacking, lapse) in [(of(suspended), Lapse::Suspended(NOW)), (Periods::default(), Lapse::Missing)] {
            for (place, kind) in SubjectKind::ALL.into_iter().enumerate() {
                let mut four = [of(STANDS), of(STANDS), of(STANDS), of(STANDS)];
                four[place] = lacking.clone();
                let assured = Assured(four);
                assert_eq!(assured.groups_at(NOW), [].into());
                assert_eq!(assured.lapses(&Group::READ_SLOT, NOW), [(kind, lapse)]);
            }
        }
    }
}

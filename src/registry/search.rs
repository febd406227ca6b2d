//! Which of what is registered is wanted: one rule for the admin API and for the command line.

use std::{fmt, str::FromStr};

use careconnect_verifier::{Asid, Group, OdsCode};

use crate::{
    clock::UnixTime,
    domain::{
        Assurance, Assured, AssuredSubject, ConsumerSystem, Lapse, Period, ProviderSystem, RegistrationStatus,
        SubjectKind,
    },
};

/// Which consumers are wanted: those that meet everything that is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsumerFilter {
    /// Their accredited system.
    pub asid: Option<Asid>,
    /// The organisation that delivers them.
    pub ods_code: Option<OdsCode>,
    /// Who supplies their system.
    pub supplier: Option<OdsCode>,
    /// A group that they hold now.
    pub group: Option<Group>,
    /// Their status.
    pub status: Option<StatusName>,
    /// A part of their name, in upper or lower case.
    pub name: Option<String>,
    /// A credential that has not ended, or an assurance behind them that has not, ends before then.
    pub expires_before: Option<UnixTime>,
}

impl ConsumerFilter {
    /// Is a consumer wanted, with what is recorded of the four behind it?
    pub fn matches(&self, consumer: &ConsumerSystem, assured: &Assured, now: UnixTime) -> bool {
        is(&self.asid, &consumer.asid)
            && is(&self.ods_code, &consumer.organisation.ods_code)
            && is(&self.supplier, &consumer.supplier)
            && is(&self.status, &StatusName::of(consumer.status))
            && contains(&self.name, consumer.name.as_str())
            && self.group.as_ref().is_none_or(|group| assured.lapses(group, now).is_empty())
            && self.expires_before.is_none_or(|limit| expires_before(limit, consumer, assured, now))
    }
}

/// Which providers are wanted: those that meet everything that is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProviderFilter {
    /// Their accredited system.
    pub asid: Option<Asid>,
    /// The organisation that publishes.
    pub ods_code: Option<OdsCode>,
    /// A group that they honour, and have not suspended.
    pub group: Option<Group>,
    /// Their status.
    pub status: Option<StatusName>,
    /// A part of their name, in upper or lower case.
    pub name: Option<String>,
}

impl ProviderFilter {
    /// Is a provider wanted?
    pub fn matches(&self, provider: &ProviderSystem) -> bool {
        is(&self.asid, &provider.asid)
            && is(&self.ods_code, &provider.ods_code)
            && is(&self.status, &StatusName::of(provider.status))
            && contains(&self.name, provider.name.as_str())
            && self.group.as_ref().is_none_or(|group| provider.honoured().any(|honoured| honoured == group))
    }
}

/// Which assurances are wanted: those that meet everything that is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AssuranceFilter {
    /// What is assured.
    pub subject: Option<AssuredSubject>,
    /// Of which kind that is.
    pub kind: Option<SubjectKind>,
    /// For what.
    pub group: Option<Group>,
    /// Whether they stand.
    pub status: Option<AssuranceStatus>,
    /// They end, or ended, before then.
    pub ends_before: Option<UnixTime>,
}

impl AssuranceFilter {
    /// Is an assurance wanted?
    pub fn matches(&self, assurance: &Assurance, now: UnixTime) -> bool {
        let ends_before = |limit| assurance.period.ends_at.is_some_and(|end| end < limit);
        is(&self.subject, &assurance.subject)
            && is(&self.kind, &assurance.subject.kind())
            && is(&self.group, &assurance.group)
            && is(&self.status, &AssuranceStatus::of(&assurance.period, now))
            && self.ends_before.is_none_or(ends_before)
    }
}

/// A registration's status without its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "see RegistrationStatus")]
pub enum StatusName {
    Active,
    Suspended,
    Retired,
}

impl StatusName {
    /// That of a status.
    pub const fn of(status: RegistrationStatus) -> Self {
        match status {
            RegistrationStatus::Active => Self::Active,
            RegistrationStatus::Suspended { .. } => Self::Suspended,
            RegistrationStatus::Retired { .. } => Self::Retired,
        }
    }
}

impl FromStr for StatusName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "active" => Ok(Self::Active),
            "suspended" => Ok(Self::Suspended),
            "retired" => Ok(Self::Retired),
            _ => Err(format!("{text:?} is no status: expected active, suspended or retired")),
        }
    }
}

/// Whether an assurance stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssuranceStatus {
    /// It stands.
    Standing,
    /// It has ended.
    Lapsed,
    /// Somebody has suspended it.
    Suspended,
    /// It begins later.
    Future,
}

impl AssuranceStatus {
    /// That of a period at `now`.
    pub fn of(period: &Period, now: UnixTime) -> Self {
        match period.lapse_at(now) {
            None | Some(Lapse::Missing) => Self::Standing,
            Some(Lapse::NotYet(_)) => Self::Future,
            Some(Lapse::Ended(_)) => Self::Lapsed,
            Some(Lapse::Suspended(_)) => Self::Suspended,
        }
    }

    /// In one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standing => "standing",
            Self::Lapsed => "lapsed",
            Self::Suspended => "suspended",
            Self::Future => "future",
        }
    }
}

impl fmt::Display for AssuranceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for AssuranceStatus {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Standing, Self::Lapsed, Self::Suspended, Self::Future];
        let found = all.into_iter().find(|status| status.name() == text);
        found.ok_or_else(|| format!("{text:?} is no status: expected standing, lapsed, suspended or future"))
    }
}

fn is<T: PartialEq>(wanted: &Option<T>, value: &T) -> bool {
    wanted.as_ref().is_none_or(|wanted| wanted == value)
}

fn contains(part: &Option<String>, name: &str) -> bool {
    part.as_ref().is_none_or(|part| name.to_lowercase().contains(&part.to_lowercase()))
}

/// What has ended already ends no more.
fn expires_before(limit: UnixTime, consumer: &ConsumerSystem, assured: &Assured, now: UnixTime) -> bool {
    let is_due = |end: UnixTime| now < end && end < limit;
    let credentials = consumer.credentials.iter().filter_map(|credential| credential.ends_at);
    let periods = assured
        .recorded()
        .flat_map(|group| SubjectKind::ALL.into_iter().filter_map(move |kind| assured.period(kind, group)))
        .filter_map(|period| period.ends_at);
    credentials.chain(periods).any(is_due)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Periods;

    const NOW: UnixTime = UnixTime(1_000);

    fn of(ends_at: Option<i64>) -> Periods {
        let period = Period { starts_at: UnixTime(0), ends_at: ends_at.map(UnixTime), suspended_at: None };
        [(Group::READ_SLOT, period)].into()
    }

    #[test]
    fn a_consumer_is_found_by_everything_that_is_known_of_it_and_by_nothing_else() {
        let consumer = ConsumerSystem::example();
        let assured = Assured::of(of(None), of(None), of(None), of(Some(2_000)));
        let all = ConsumerFilter::default();
        let rows = [
            (all.clone(), true),
            (ConsumerFilter { asid: Some(consumer.asid.clone()), ..all.clone() }, true),
            (ConsumerFilter { asid: Some("000000000001".parse().unwrap()), ..all.clone() }, false),
            (ConsumerFilter { ods_code: Some("A1001".parse().unwrap()), ..all.clone() }, true),
            (ConsumerFilter { ods_code: Some("A1002".parse().unwrap()), ..all.clone() }, false),
            (ConsumerFilter { supplier: Some("A1002".parse().unwrap()), ..all.clone() }, false),
            (ConsumerFilter { status: Some(StatusName::Active), ..all.clone() }, true),
            (ConsumerFilter { status: Some(StatusName::Retired), ..all.clone() }, false),
            (ConsumerFilter { name: Some("EXAMPLE".to_owned()), ..all.clone() }, true),
            (ConsumerFilter { name: Some("sample".to_owned()), ..all.clone() }, false),
            (ConsumerFilter { group: Some(Group::READ_SLOT), ..all.clone() }, true),
            (ConsumerFilter { group: Some(Group::READ_APPOINTMENT), ..all.clone() }, false),
            (ConsumerFilter { expires_before: Some(UnixTime(2_001)), ..all.clone() }, true),
            (ConsumerFilter { expires_before: Some(UnixTime(2_000)), ..all }, false),
        ];
        for (filter, expected) in rows {
            assert_eq!(filter.matches(&consumer, &assured, NOW), expected, "{filter:?}");
        }
        let held = ConsumerFilter { group: Some(Group::READ_SLOT), ..ConsumerFilter::default() };
        assert!(!held.matches(&consumer, &assured, UnixTime(2_000)), "the supplier's assurance has ended");
    }

    #[test]
    fn an_assurance_stands_or_has_lapsed_or_is_suspended_or_is_to_come() {
        let period = Period { starts_at: UnixTime(10), ends_at: Some(UnixTime(20)), suspended_at: None };
        let suspended = Period { suspended_at: Some(UnixTime(5)), ..period };
        for (period, now, expected) in [
            (period, 9, AssuranceStatus::Future),
            (period, 10, AssuranceStatus::Standing),
            (period, 20, AssuranceStatus::Lapsed),
            (suspended, 15, AssuranceStatus::Suspended),
        ] {
            assert_eq!(AssuranceStatus::of(&period, UnixTime(now)), expected);
            assert_eq!(expected.name().parse(), Ok(expected));
        }
    }
}

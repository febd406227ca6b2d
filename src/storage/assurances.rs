//! Assurances: rows ↔ [`Assurance`].

use careconnect_verifier::Group;

use super::{
    Database, StorageError,
    change::{Change, in_change, in_writing},
    connection::LONG,
    many_rows::insert,
};
use crate::{
    clock::UnixTime,
    domain::{Assurance, Assured, AssuredSubject, ConsumerSystem, Period, Periods, SubjectKind},
};

/// The query for the assurances that satisfy `$condition`.
macro_rules! assurances_where {
    ($condition:literal) => {
        concat!(
            "SELECT subject, identifier, urn, evidence, starts_at, ends_at, suspended_at, recorded_by, recorded_at, \
             confirmed_by FROM assurances WHERE ",
            $condition,
            " ORDER BY subject, identifier, urn"
        )
    };
}

const ALL: &str = assurances_where!("revision > $1");
/// Of all kinds of subjects, so that the primary key serves.
const OF_IDENTIFIER: &str =
    assurances_where!("subject IN ('service', 'organisation', 'system', 'supplier') AND identifier = $1");
/// No more than decisions need.
pub(super) const PERIODS: &str = "SELECT subject, identifier, urn, starts_at, ends_at, suspended_at FROM assurances \
    WHERE revision > $1 ORDER BY subject, identifier, urn";

/// When an assurance stands, for the register in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssurancePeriod {
    /// What is assured.
    pub subject: AssuredSubject,
    /// For what.
    pub group: Group,
    /// When.
    pub period: Period,
}

/// Reads the periods that changed after a revision.
macro_rules! read_periods {
    ($connection:expr, $revision:expr) => {{
        let mut read = Vec::new();
        for_each_row!($connection, crate::storage::assurances::PERIODS, $revision, |row| {
            crate::storage::assurances::period(row).map(|period| read.push(period))
        });
        read
    }};
}
pub(super) use read_periods;

/// Reads assurances.
macro_rules! read_assurances {
    ($connection:expr, $query:expr, $parameter:expr) => {{
        let mut read: Vec<Assurance> = Vec::new();
        for_each_row!($connection, $query, $parameter, |row| assurance(row).map(|assurance| read.push(assurance)));
        read
    }};
}

pub(super) const INSERT: &str = "INSERT INTO assurances (subject, identifier, urn, evidence, starts_at, ends_at, \
    suspended_at, recorded_by, recorded_at, confirmed_by, revision)";
pub(super) const OR_UPDATE: &str = " ON CONFLICT (subject, identifier, urn) DO UPDATE SET evidence = excluded.evidence, \
    starts_at = excluded.starts_at, ends_at = excluded.ends_at, suspended_at = excluded.suspended_at, \
    recorded_by = excluded.recorded_by, recorded_at = excluded.recorded_at, confirmed_by = excluded.confirmed_by, \
    revision = excluded.revision";
pub(super) const COLUMNS: usize = 11;

/// Binds an assurance's columns, in the order of [`INSERT`].
macro_rules! bind_assurance {
    ($query:expr, $assurance:expr, $revision:expr) => {
        $query
            .bind($assurance.subject.kind().name())
            .bind($assurance.subject.identifier())
            .bind($assurance.group.as_str())
            .bind(&$assurance.evidence)
            .bind($assurance.period.starts_at.0)
            .bind($assurance.period.ends_at.map(|end| end.0))
            .bind($assurance.period.suspended_at.map(|at| at.0))
            .bind(&$assurance.recorded_by)
            .bind($assurance.recorded_at.0)
            .bind(&$assurance.confirmed_by)
            .bind($revision)
    };
}
pub(super) use bind_assurance;

impl Change {
    /// All assurances, by subject and group.
    pub async fn assurances(&mut self) -> Result<Vec<Assurance>, StorageError> {
        if let Some(held) = &self.held {
            return Ok(held.assurances.values().flat_map(|of_subject| of_subject.values().cloned()).collect());
        }
        in_change!(self, LONG, |connection| Ok(read_assurances!(connection, ALL, 0_i64)))
    }

    /// All assurances of a subject, by group.
    pub async fn assurances_of(&mut self, subject: &AssuredSubject) -> Result<Vec<Assurance>, StorageError> {
        if let Some(held) = &self.held {
            return Ok(held.assurances.get(subject).into_iter().flat_map(|known| known.values().cloned()).collect());
        }
        let mut read =
            in_change!(self, |connection| Ok(read_assurances!(connection, OF_IDENTIFIER, subject.identifier())))?;
        read.retain(|assurance: &Assurance| assurance.subject == *subject);
        Ok(read)
    }

    /// Keeps a new assurance, or what became of `before`; [`StorageError::UnknownReference`] for a group that is not
    /// registered.
    pub async fn put_assurance(&mut self, before: Option<&Assurance>, after: &Assurance) -> Result<(), StorageError> {
        if let Some(held) = self.held.as_mut() {
            held.put_assurance(after)?;
        } else {
            self.write_assurance(after).await?;
        }
        self.note(before, after);
        Ok(())
    }

    async fn write_assurance(&mut self, after: &Assurance) -> Result<(), StorageError> {
        let (revision, group) = (self.revision, &after.group);
        in_writing!(self, |connection| {
            let query = sqlx::query(insert(INSERT, 1, COLUMNS, OR_UPDATE));
            let written = bind_assurance!(query, after, revision).execute(connection).await;
            let failed = |error| StorageError::of_insert(error, ("assurance", group), ("group", group));
            written.map(|_| ()).map_err(failed)
        })
    }
}

impl Database {
    /// All assurances, by subject and group.
    pub async fn list_assurances(&self) -> Result<Vec<Assurance>, StorageError> {
        in_snapshot!(self, |transaction| read_assurances!(transaction, ALL, 0_i64))
    }

    /// What is recorded of the four behind a consumer.
    pub async fn assured(&self, consumer: &ConsumerSystem) -> Result<Assured, StorageError> {
        let mut four: [Periods; 4] = Default::default();
        for (periods, subject) in four.iter_mut().zip(consumer.assured_subjects()) {
            let recorded = self.list_assurances_of(&subject).await?;
            *periods = recorded.into_iter().map(|assurance| (assurance.group, assurance.period)).collect();
        }
        let [service, organisation, system, supplier] = four;
        Ok(Assured::of(service, organisation, system, supplier))
    }

    /// All assurances of a subject, by group.
    pub async fn list_assurances_of(&self, subject: &AssuredSubject) -> Result<Vec<Assurance>, StorageError> {
        let read: Result<Vec<Assurance>, StorageError> =
            in_snapshot!(self, |transaction| read_assurances!(transaction, OF_IDENTIFIER, subject.identifier()));
        let mut read = read?;
        read.retain(|assurance| assurance.subject == *subject);
        Ok(read)
    }
}

/// Subject, identifier, URN, evidence, start, end, suspension, who, when, confirmed by whom.
type AssuranceRow = (String, String, String, String, i64, Option<i64>, Option<i64>, String, i64, Option<String>);

fn assurance(row: AssuranceRow) -> Result<Assurance, StorageError> {
    let (kind, identifier, urn, evidence, starts, ends, suspended, recorded_by, recorded_at, confirmed_by) = row;
    let AssurancePeriod { subject, group, period } = period((kind, identifier, urn, starts, ends, suspended))?;
    let recorded_at = UnixTime(recorded_at);
    Ok(Assurance { subject, group, evidence, period, recorded_by, recorded_at, confirmed_by })
}

pub(super) fn period(
    row: (String, String, String, i64, Option<i64>, Option<i64>),
) -> Result<AssurancePeriod, StorageError> {
    let (kind, identifier, urn, starts_at, ends_at, suspended_at) = row;
    let (starts_at, ends_at, suspended_at) = (UnixTime(starts_at), ends_at.map(UnixTime), suspended_at.map(UnixTime));
    let subject = subject(&kind, &identifier)?;
    let group = Group::parse(&urn).map_err(|error| StorageError::corrupt("assurance", &subject, error))?;
    Ok(AssurancePeriod { subject, group, period: Period { starts_at, ends_at, suspended_at } })
}

pub(super) fn subject(kind: &str, identifier: &str) -> Result<AssuredSubject, StorageError> {
    let read = kind.parse().and_then(|kind: SubjectKind| kind.subject(identifier));
    read.map_err(|error| StorageError::corrupt("assurance", format!("{kind} {identifier}"), error))
}

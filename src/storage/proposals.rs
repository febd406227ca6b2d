//! Proposals: rows ↔ [`Proposal`].

use careconnect_verifier::Group;
use uuid::Uuid;

use super::{
    Database, StorageError,
    assurances::subject,
    change::{Change, in_change, in_writing},
};
use crate::{
    clock::UnixTime,
    domain::{Assurance, AssuredSubject, Period, Proposal},
};

/// The newest come first. `$1` is whether the decided ones are wanted, too.
const ALL: &str = "SELECT id, subject, identifier, urn, evidence, starts_at, ends_at, reason, proposed_by, proposed_at, \
    decision, decided_by, decided_at FROM proposals WHERE $1 OR decision IS NULL ORDER BY proposed_at DESC, id";

/// Reads proposals.
macro_rules! read_proposals {
    ($connection:expr, $decided:expr) => {{
        let mut read: Vec<Proposal> = Vec::new();
        for_each_row!($connection, ALL, $decided, |row| proposal(row).map(|proposal| read.push(proposal)));
        read
    }};
}

impl Change {
    /// All proposals that are not decided, the newest first.
    pub async fn open_proposals(&mut self) -> Result<Vec<Proposal>, StorageError> {
        if let Some(held) = &self.held {
            return Ok(held.open_proposals.values().cloned().collect());
        }
        in_change!(self, |connection| Ok(read_proposals!(connection, false)))
    }

    /// Those of one subject and group.
    pub async fn open_proposals_of(
        &mut self,
        subject: &AssuredSubject,
        group: &Group,
    ) -> Result<Vec<Proposal>, StorageError> {
        if let Some(held) = &self.held {
            return Ok(held.proposals_of(subject, group));
        }
        let mut open = self.open_proposals().await?;
        open.retain(|proposal| proposal.assurance.subject == *subject && proposal.assurance.group == *group);
        Ok(open)
    }

    /// Keeps a new proposal, or what became of `before`; [`StorageError::UnknownReference`] for a group that is not
    /// registered.
    pub async fn put_proposal(&mut self, before: Option<&Proposal>, after: &Proposal) -> Result<(), StorageError> {
        const UPSERT: &str = "INSERT INTO proposals (id, subject, identifier, urn, evidence, starts_at, ends_at, reason, \
            proposed_by, proposed_at, decision, decided_by, decided_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (id) DO UPDATE SET \
            decision = excluded.decision, decided_by = excluded.decided_by, decided_at = excluded.decided_at";
        self.held.as_mut().map_or(Ok(()), |held| held.put_proposal(after))?;
        let (wanted, decided) = (&after.assurance, after.decision.as_ref());
        in_writing!(self, |connection| {
            let written = sqlx::query(UPSERT)
                .bind(after.id)
                .bind(wanted.subject.kind().name())
                .bind(wanted.subject.identifier())
                .bind(wanted.group.as_str())
                .bind(&wanted.evidence)
                .bind(wanted.period.starts_at.0)
                .bind(wanted.period.ends_at.map(|end| end.0))
                .bind(&after.reason)
                .bind(&wanted.recorded_by)
                .bind(wanted.recorded_at.0)
                .bind(decided.map(|(decision, ..)| decision.name()))
                .bind(decided.map(|(_, by, _)| by))
                .bind(decided.map(|(.., at)| at.0))
                .execute(connection)
                .await;
            let failed = |error| StorageError::of_insert(error, ("proposal", &after.id), ("group", &wanted.group));
            written.map(|_| ()).map_err(failed)
        })?;
        self.note(before, after);
        Ok(())
    }
}

impl Database {
    /// Proposals, the newest first: those that are open, or all.
    pub async fn list_proposals(&self, decided_too: bool) -> Result<Vec<Proposal>, StorageError> {
        in_snapshot!(self, |transaction| read_proposals!(transaction, decided_too))
    }
}

/// Id, subject, identifier, URN, evidence, start, end, reason, by whom, when, decision, by whom, when.
type ProposalRow = (
    Uuid,
    String,
    String,
    String,
    String,
    i64,
    Option<i64>,
    String,
    String,
    i64,
    Option<String>,
    Option<String>,
    Option<i64>,
);

fn proposal(row: ProposalRow) -> Result<Proposal, StorageError> {
    let (id, kind, identifier, urn, evidence, starts, ends, reason, by, at, decision, decided_by, decided_at) = row;
    let corrupt = |error: &dyn std::fmt::Display| StorageError::corrupt("proposal", id, error);
    let assurance = Assurance {
        subject: subject(&kind, &identifier)?,
        group: Group::parse(&urn).map_err(|error| corrupt(&error))?,
        evidence,
        period: Period { starts_at: UnixTime(starts), ends_at: ends.map(UnixTime), suspended_at: None },
        recorded_by: by,
        recorded_at: UnixTime(at),
        confirmed_by: None,
    };
    let decision = match (decision, decided_by, decided_at) {
        (None, None, None) => None,
        (Some(decision), Some(by), Some(at)) => {
            Some((decision.parse().map_err(|error: String| corrupt(&error))?, by, UnixTime(at)))
        }
        _ => return Err(corrupt(&"a decision in part")),
    };
    Ok(Proposal { id, assurance, reason, decision })
}

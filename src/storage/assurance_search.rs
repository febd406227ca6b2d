//! Assurances by what is known of them, a page at a time.

use careconnect_verifier::Group;

use super::{
    Database, StorageError,
    assurances::{AssuranceRow, assurance},
    connection::SHORT,
};
use crate::{
    clock::UnixTime,
    domain::{Assurance, SubjectKind},
};

/// Which assurances are wanted; what is none does not matter.
#[derive(Debug, Clone, Default)]
pub struct AssuranceQuery {
    /// Those behind this subject's kind, identifier and group, in their order.
    pub after: Option<(SubjectKind, String, Group)>,
    /// Of this kind of subject.
    pub kind: Option<SubjectKind>,
    /// Of this one.
    pub identifier: Option<String>,
    /// For this.
    pub group: Option<Group>,
    /// `standing`, `lapsed`, `suspended` or `future`.
    pub status: Option<&'static str>,
    /// Those that end, or ended, before then.
    pub ends_before: Option<UnixTime>,
}

impl Database {
    /// The first `limit` wanted assurances, by subject, identifier and group, with their status as of `now`.
    pub async fn find_assurances(
        &self,
        query: &AssuranceQuery,
        limit: i64,
        now: UnixTime,
    ) -> Result<Vec<Assurance>, StorageError> {
        const FIND: &str = "SELECT subject, identifier, urn, evidence, starts_at, ends_at, suspended_at, recorded_by, \
            recorded_at, confirmed_by FROM assurances \
            WHERE (subject, identifier, urn) > ($1, $2, $3) \
            AND ($4 = '' OR subject = $4) AND ($5 = '' OR identifier = $5) AND ($6 = '' OR urn = $6) \
            AND ($7 = '' OR $7 = CASE WHEN suspended_at IS NOT NULL THEN 'suspended' WHEN starts_at > $8 THEN 'future' \
            WHEN ends_at <= $8 THEN 'lapsed' ELSE 'standing' END) \
            AND (CAST($9 AS BIGINT) IS NULL OR ends_at < $9) ORDER BY subject, identifier, urn LIMIT $10";
        let kind = |kind: &SubjectKind| kind.name();
        let after = query.after.as_ref();
        on_connection!(self, reader, SHORT, |connection, _pools| {
            let rows: Vec<AssuranceRow> = sqlx::query_as(FIND)
                .bind(after.map(|(subject, ..)| subject.name()).unwrap_or_default())
                .bind(after.map(|(_, identifier, _)| identifier.as_str()).unwrap_or_default())
                .bind(after.map(|(.., group)| group.as_str()).unwrap_or_default())
                .bind(query.kind.as_ref().map(kind).unwrap_or_default())
                .bind(query.identifier.as_deref().unwrap_or_default())
                .bind(query.group.as_ref().map(Group::as_str).unwrap_or_default())
                .bind(query.status.unwrap_or_default())
                .bind(now.0)
                .bind(query.ends_before.map(|limit| limit.0))
                .bind(limit)
                .fetch_all(connection)
                .await?;
            rows.into_iter().map(assurance).collect()
        })
    }
}

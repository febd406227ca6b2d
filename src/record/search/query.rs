//! What entries are looked for.

use uuid::Uuid;

use super::{
    super::{entry::Outcome, files::day_of},
    Found, Position,
};
use crate::clock::UnixTime;

const DAY: i64 = 24 * 60 * 60;

/// What entries are looked for; what is not said does not matter.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// The consumer: the client id that it claimed.
    pub client_id: Option<String>,
    /// The consumer's accredited system; of tokens alone.
    pub asid: Option<String>,
    /// The consumer's organisation; of tokens alone.
    pub ods_code: Option<String>,
    /// The provider, as the line has it.
    pub audience: Option<String>,
    /// `issued` or `refused`.
    pub outcome: Option<String>,
    /// The reason of a refusal, or the check that failed.
    pub reason: Option<String>,
    /// The number of the request.
    pub trace_id: Option<Uuid>,
    /// The `jti` of the token.
    pub token_id: Option<Uuid>,
    /// From then on.
    pub from: Option<UnixTime>,
    /// Before then.
    pub until: Option<UnixTime>,
    /// Before this one, in the order of all.
    pub before: Option<Position>,
}

impl Query {
    /// What stands in every line that matches: a look at the bytes saves the reading of most lines.
    pub(super) fn needles(&self) -> Vec<String> {
        let texts = [&self.client_id, &self.asid, &self.ods_code, &self.audience, &self.outcome, &self.reason];
        let ids = [self.trace_id, self.token_id].into_iter().flatten().map(|id| id.to_string());
        let texts = texts.into_iter().flatten().cloned().chain(ids);
        texts.filter_map(|text| serde_json::to_string(&text).ok()).collect()
    }

    pub(super) fn matches(&self, found: &Found) -> bool {
        let entry = &found.entry;
        let (mut asid_of, mut ods_code_of, mut token_id_of, mut reasons, mut outcome_of) =
            (None, None, None, [None, None], "refused");
        match &entry.outcome {
            Outcome::Issued { asid, ods_code, token_id, .. } => {
                (asid_of, ods_code_of, token_id_of, outcome_of) =
                    (Some(asid), Some(ods_code), Some(*token_id), "issued");
            }
            Outcome::Refused { reason, check, .. } => {
                reasons = [Some(reason), check.as_ref().map(|failed| &failed.check)];
            }
        }
        let is = |wanted: &Option<String>, text: Option<&String>| wanted.is_none() || wanted.as_ref() == text;
        is(&self.client_id, entry.client_id.as_ref())
            && is(&self.audience, entry.audience.as_ref())
            && is(&self.asid, asid_of)
            && is(&self.ods_code, ods_code_of)
            && reasons.into_iter().any(|reason| is(&self.reason, reason))
            && self.outcome.as_ref().is_none_or(|outcome| outcome == outcome_of)
            && self.trace_id.is_none_or(|trace_id| trace_id == entry.trace_id)
            && self.token_id.is_none_or(|token_id| Some(token_id) == token_id_of)
            && self.from.is_none_or(|from| entry.time >= from)
            && self.until.is_none_or(|until| entry.time < until)
            && self.before.as_ref().is_none_or(|before| found.position() < *before)
    }

    /// May a file of `day` have entries of that time? Those of a request around midnight are in the file of the day after.
    pub(super) fn may_be_in_file_of(&self, day: &str) -> bool {
        let is_not_behind = |time: UnixTime| day <= day_of(time.plus(DAY)).as_str();
        self.from.is_none_or(|from| day >= day_of(from).as_str())
            && self.until.is_none_or(is_not_behind)
            && self.before.as_ref().is_none_or(|before| is_not_behind(before.time))
    }
}

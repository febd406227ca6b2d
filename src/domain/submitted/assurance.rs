//! Assurances as they are submitted.

use careconnect_verifier::Group;
use serde_json::Value;

use super::{Editable, picked, suspension, suspension_name};
use crate::{
    clock::UnixTime,
    domain::{
        Assurance, AssuredSubject, Fields, Period, Registered, SubjectKind,
        fields::{parsed, sentence, text, time},
    },
};

/// What is wanted of one assurance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmittedAssurance {
    /// What is assured.
    pub subject: AssuredSubject,
    /// For what.
    pub group: Group,
    /// On what grounds: a reference that an auditor can follow.
    pub evidence: String,
    /// When, and since when not.
    pub period: Period,
}

impl Editable for Assurance {
    fn editable(&self) -> Value {
        let mut editable = picked(&self.document(), &["evidence", "starts_at", "ends_at"]);
        editable["status"] = suspension_name(self.period.suspended_at).into();
        editable
    }
}

/// Of what an assurance is, and for which group: its identity.
pub fn assured(fields: &mut Fields<'_>) -> Option<(AssuredSubject, Group)> {
    let kind = fields.required("subject", parsed::<SubjectKind>);
    let subject = fields.required("identifier", |value| {
        let identifier = text(value)?;
        kind.map(|kind| kind.subject(identifier)).transpose()
    });
    let group = fields.required("group", parsed);
    Some((subject??, group?))
}

/// What is wanted of an assurance; none without its identity. It starts with `before`, or else now, unless said otherwise.
pub fn assurance(
    fields: &mut Fields<'_>,
    before: Option<&Assurance>,
    assured: Option<(AssuredSubject, Group)>,
    now: UnixTime,
) -> Option<SubmittedAssurance> {
    let evidence = fields.required("evidence", sentence);
    let starts_at = fields.optional("starts_at", time);
    let ends_at = fields.optional("ends_at", time);
    let suspended_at = suspension(fields, before.and_then(|before| before.period.suspended_at), now);
    let starts_at = starts_at.unwrap_or_else(|| before.map_or(now, |before| before.period.starts_at));
    if let Some(end) = ends_at.filter(|end| *end <= starts_at) {
        fields.fault("ends_at", format!("it would end at {end}, before it starts at {starts_at}"));
    }
    let (subject, group) = assured?;
    let period = Period { starts_at, ends_at, suspended_at };
    Some(SubmittedAssurance { subject, group, evidence: evidence?, period })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: UnixTime = UnixTime(1_800_000_000);

    #[test]
    fn what_may_be_changed_of_an_assurance_reads_as_the_same_assurance() {
        let before = Assurance {
            subject: SubjectKind::Supplier.subject("A1001").unwrap(),
            group: Group::READ_SLOT,
            evidence: "CSR-7".to_owned(),
            period: Period {
                starts_at: UnixTime(1_700_000_000),
                ends_at: Some(NOW),
                suspended_at: Some(UnixTime(1_700_000_001)),
            },
            recorded_by: "alice".to_owned(),
            recorded_at: UnixTime(1_700_000_000),
            confirmed_by: None,
        };
        let (value, identity) = (before.editable(), (before.subject.clone(), before.group.clone()));
        let read = Fields::of(&value).read(|fields| assurance(fields, Some(&before), Some(identity), NOW)).unwrap();
        assert_eq!((read.subject, read.group), (before.subject, before.group));
        assert_eq!((read.evidence, read.period), (before.evidence, before.period));
    }

    #[test]
    fn all_that_is_wrong_with_an_assurance_is_said_at_once() {
        let read = |value: &Value| {
            let read = Fields::of(value).read(|fields| {
                let assured = assured(fields);
                assurance(fields, None, assured, NOW)
            });
            read.map_err(|faults| faults.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>())
        };
        let value = json!({
            "subject": "system", "identifier": "12", "group": "slots", "evidence": "", "starts_at": "2028-01-01T00:00:00Z",
            "ends_at": "2027-01-01T00:00:00Z", "status": "retired", "recorded_by": "me",
        });
        let expected =
            ["/identifier", "/group", "/evidence", "/status", "/ends_at", "/recorded_by"].map(str::to_owned).to_vec();
        assert_eq!(read(&value), Err(expected));
        let value = json!({"subject": "person", "group": Group::READ_SLOT, "evidence": "x"});
        assert_eq!(read(&value), Err(vec!["/subject".to_owned(), "/identifier".to_owned()]));
    }
}

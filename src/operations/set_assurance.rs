//! Gives one assurance, or changes it, on the state that its author has seen. It counts everywhere within a second.

use careconnect_verifier::Group;

use super::{
    change_refused::ChangeRefused,
    give_assurance::{Given, recorded},
    settle_assurance::settle_assurance,
};
use crate::{
    domain::{Act, Assurance, AssuredSubject, EntityTag, Precondition, Registered, submitted::SubmittedAssurance},
    storage::{Change, Database, StorageError},
};

/// Makes of what is assured of a subject for `group` what `edit` makes of it: gives it where it is expected to be absent,
/// and else changes it, which needs it to be there ([`StorageError::NotFound`]).
pub async fn set_assurance(
    database: &Database,
    (subject, group): (&AssuredSubject, &Group),
    expected: &Precondition,
    edit: impl FnOnce(Option<&Assurance>) -> Result<SubmittedAssurance, ChangeRefused> + Send,
    act: Act,
) -> Result<Given, ChangeRefused> {
    let mut change = database.begin(act).await?;
    let outcome = set(&mut change, (subject, group), expected, edit).await;
    let given = change.finish(outcome).await?;
    tracing::warn!(%subject, %group, is_proposed = matches!(given, Given::Proposed(_)), "assurance given or changed");
    Ok(given)
}

async fn set(
    change: &mut Change,
    (subject, group): (&AssuredSubject, &Group),
    expected: &Precondition,
    edit: impl FnOnce(Option<&Assurance>) -> Result<SubmittedAssurance, ChangeRefused> + Send,
) -> Result<Given, ChangeRefused> {
    let before = recorded(change, subject, group).await?;
    if before.is_none() && *expected != Precondition::Absent {
        return Err(StorageError::not_found("assurance", format!("{subject} for {group}")).into());
    }
    expected.check(before.as_ref().map(|before| EntityTag::of(&before.document())).as_ref())?;
    let wanted = edit(before.as_ref())?;
    if let Some(given) = settle_assurance(change, wanted.clone()).await? {
        return Ok(given);
    }
    let waits = |proposed: &Assurance| proposed.evidence == wanted.evidence && proposed.period == wanted.period;
    let open = change.open_proposals_of(subject, group).await?.into_iter().find(|open| waits(&open.assurance));
    let is_so_already = before.filter(|before| before.evidence == wanted.evidence && before.period == wanted.period);
    match (is_so_already, open) {
        (Some(before), _) => Ok(Given::Recorded(before)),
        (None, Some(open)) => Ok(Given::Proposed(open)),
        (None, None) => Err(ChangeRefused::Conflict("it is neither recorded nor proposed".to_owned())),
    }
}

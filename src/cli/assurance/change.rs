//! `careconnect-auth assurance suspend`, `restore` and `end`.

use std::process::ExitCode;

use anyhow::Context;

use super::{Which, effect::Watch};
use crate::{
    cli::session::{Attempt, Session},
    clock::UnixTime,
    domain::Precondition,
    operations::change_assurance::{AssuranceChange, change_assurances},
};

pub(super) fn change(
    action: &'static str,
    Which { whom, group }: Which,
    to: impl Fn(UnixTime) -> AssuranceChange,
    session: &Session,
) -> anyhow::Result<ExitCode> {
    let subject = whom.required()?;
    session.changing(Attempt::new(action, &subject), async |database, act| {
        let (to, at) = (to(act.at), act.at);
        let watch = Watch::begin(&database, vec![subject.clone()], at).await?;
        let given = change_assurances(&database, &subject, group.as_ref(), &Precondition::Any, to, act).await?;
        let effect = watch.finish(given).await;
        effect.print(session).context("the assurances are changed, but cannot be shown")
    })
}

//! Applies an estate file, or says what that would change: the same steps, made or rehearsed.

use super::{EstateFile, reconcile::reconcile, register::Register, wanted};
use crate::{
    domain::{Act, AuditRecord, Fault, key_set_address::Permitted},
    operations::change_refused::ChangeRefused,
    storage::{Change, Database},
};

/// How a file is applied.
#[derive(Debug, Clone, Copy)]
pub struct EstateOptions {
    /// Whether what is not in the file comes to its end.
    pub prune: bool,
    /// From where key sets may be fetched.
    pub permitted: Permitted,
}

/// Makes the register what the file says, in one transaction, and gives the records of what was done, in their order.
/// `progress` hears how many entries are done.
///
/// [`ChangeRefused::Invalid`] with all faults of the file, form and rules alike, each with its pointer; then nothing is
/// changed.
pub async fn apply_estate(
    database: &Database,
    file: &EstateFile,
    options: EstateOptions,
    act: Act,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Vec<AuditRecord>, ChangeRefused> {
    if act.reason.as_ref().is_none_or(|reason| reason.trim().is_empty()) {
        return Err(ChangeRefused::at("/reason", "it is missing: whoever changes the whole register says why"));
    }
    // What is malformed is found before anybody has to wait.
    let (_, malformed) = wanted::read(&file.value, &Register::default(), options.permitted, act.at);
    let mut change = match malformed.is_empty() {
        true => database.begin(act).await?,
        false => database.rehearse(act).await?,
    };
    let outcome = run(&mut change, file, options, progress).await;
    let records = change.finish(outcome).await?;
    tracing::warn!(changes = records.len(), prune = options.prune, "estate applied");
    Ok(records)
}

/// What [`apply_estate`] would do now. Nobody has to wait for it.
pub async fn plan_estate(
    database: &Database,
    file: &EstateFile,
    options: EstateOptions,
    act: Act,
) -> Result<Vec<AuditRecord>, ChangeRefused> {
    let act = Act { reason: act.reason.or_else(|| Some("a plan".to_owned())), ..act };
    let mut change = database.rehearse(act).await?;
    let outcome = run(&mut change, file, options, &|_| {}).await;
    change.finish(outcome).await
}

async fn run(
    change: &mut Change,
    file: &EstateFile,
    options: EstateOptions,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Vec<AuditRecord>, ChangeRefused> {
    change.hold_register().await?;
    let register = Register::read(change).await?;
    let (wanted, malformed) = wanted::read(&file.value, &register, options.permitted, change.act().at);
    let prune = options.prune && malformed.is_empty(); // else what is malformed would count as left out
    let faults = reconcile(change, &register, (&file.value, wanted, malformed), prune, progress).await?;
    if faults.is_empty() { Ok(change.records().to_vec()) } else { Err(ChangeRefused::Invalid(in_order(faults))) }
}

/// As they stand in the file: by section, then by number.
fn in_order(mut faults: Vec<Fault>) -> Vec<Fault> {
    let place = |fault: &Fault| {
        let mut parts = fault.pointer.split('/').skip(1);
        let section = parts.next().unwrap_or_default().to_owned();
        (section, parts.next().and_then(|index| index.parse::<usize>().ok()))
    };
    faults.sort_by_cached_key(place);
    faults
}

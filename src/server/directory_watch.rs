//! Holds the register against the Spine Directory Service, time and again. No token request waits for it.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    config::OnDrift,
    directory::Directory,
    domain::{Act, Actor, DirectoryComparison, DriftKind, Via},
    operations::{compare_with_directory::compare_with_directory, suspend_drifted::suspend_drifted},
    telemetry::legible,
};

/// A directory that gave no answer is asked again after this time at most.
const AGAIN_AFTER: Duration = Duration::from_secs(300);
/// Lines in the log for one comparison; the metric counts them all.
const MOST_LINES: usize = 50;

/// Compares at once, and then every `directory.check_every_seconds`, until `stop`; never, if the directory is not to be asked.
pub(super) async fn watch_directory(app: Arc<App>, stop: CancellationToken) {
    let every = app.directory.check_every_seconds.duration();
    if app.directory.url.is_none() || every.is_zero() {
        return;
    }
    loop {
        let Some(outcome) = stop.run_until_cancelled(compare(&app)).await else { return };
        let pause = match outcome {
            Ok(name) => {
                metrics::counter!("careconnect_directory_comparisons_total", "outcome" => name).increment(1);
                every
            }
            Err(error) => {
                metrics::counter!("careconnect_directory_comparisons_total", "outcome" => "failed").increment(1);
                tracing::warn!(
                    event = "directory_not_compared",
                    error = legible(&format!("{error:#}")),
                    "the register could not be held against the directory: nothing follows from that"
                );
                every.min(AGAIN_AFTER)
            }
        };
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}

async fn compare(app: &Arc<App>) -> anyhow::Result<&'static str> {
    let (directory, now) = (Directory::open(&app.directory)?, app.clock.now());
    let most = app.directory.suspend_at_most.get();
    let mut comparison = compare_with_directory(&app.registry, &directory, most, now).await?;
    let suspended = match app.directory.on_drift {
        OnDrift::Report => Ok(()),
        OnDrift::Suspend => {
            let actor = Actor { name: "directory".to_owned(), via: Via::Server };
            let act = Act { actor, at: now, reason: None, trace_id: None, four_eyes: false, repeatable: None };
            suspend_drifted(app.registry.database(), &mut comparison, &act).await
        }
    };
    report(&comparison);
    let outcome = if comparison.doubt.is_some() { "doubtful" } else { "believed" };
    app.compared.store(Some(Arc::new(comparison)));
    suspended?;
    Ok(outcome)
}

fn report(comparison: &DirectoryComparison) {
    for kind in DriftKind::ALL {
        let count = comparison.drifts.iter().filter(|drift| drift.kind == kind).count();
        let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        metrics::gauge!("careconnect_directory_drift", "kind" => kind.name()).set(count);
    }
    let at = u32::try_from(comparison.compared_at.0).unwrap_or_default();
    metrics::gauge!("careconnect_directory_compared_timestamp_seconds").set(f64::from(at));
    for drift in comparison.drifts.iter().take(MOST_LINES) {
        let (kind, subject, identifier, suspended) =
            (drift.kind.name(), drift.subject, &drift.identifier, drift.suspended);
        let detail = legible(&drift.to_string());
        tracing::warn!(event = "directory_drift", kind, subject, identifier, suspended, "{detail}");
    }
    let (systems, drifts) = (comparison.systems, comparison.drifts.len());
    match &comparison.doubt {
        None => {
            tracing::info!(event = "directory_compared", systems, drifts, "the register is held against the directory")
        }
        Some(doubt) => {
            tracing::error!(event = "directory_doubtful", systems, drifts, "the directory is not believed: {doubt}");
        }
    }
}

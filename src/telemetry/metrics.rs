//! What Prometheus sees.

mod catalogue;

use std::sync::{Mutex, PoisonError};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::TelemetryError;
use catalogue::BUILD_INFO;
pub use catalogue::{Kind, Metric, all};

/// The process's metrics.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Installs the recorder of this process at the first call, and describes every metric; later calls give the same.
    pub fn install() -> Result<Self, TelemetryError> {
        static INSTALLED: Mutex<Option<Metrics>> = Mutex::new(None);
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = &*installed {
            return Ok(metrics.clone());
        }
        let metrics = Self(builder()?.install_recorder()?);
        describe();
        Ok(installed.insert(metrics).clone())
    }

    /// The Prometheus text exposition, version 0.0.4.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Moves recorded samples into their buckets; without it they would pile up between two scrapes. Due every few seconds.
    pub fn run_upkeep(&self) {
        super::background::record_dropped_lines();
        self.0.run_upkeep();
    }
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in all() {
        if let Kind::Histogram(buckets) = metric.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)?;
        }
    }
    Ok(builder)
}

fn describe() {
    for &Metric { name, kind, unit, help, .. } in all() {
        match kind {
            Kind::Counter => metrics::describe_counter!(name, unit, help),
            Kind::Gauge => metrics::describe_gauge!(name, unit, help),
            Kind::Histogram(_) => metrics::describe_histogram!(name, unit, help),
        }
    }
    metrics::gauge!(BUILD_INFO.name, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

#[cfg(test)]
mod tests;

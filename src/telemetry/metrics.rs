//! What Prometheus sees: the metrics of the table, and the text that is served.

use std::sync::{Mutex, PoisonError};

use metrics::Unit;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::TelemetryError;

mod table;

pub use table::ALL;
use table::BUILD_INFO;

/// One metric: its name, and what its values mean.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// The name, as code and dashboards spell it.
    pub name: &'static str,
    /// How its values behave.
    pub kind: Kind,
    /// What its values count.
    pub unit: Unit,
    /// The labels that tell its series apart.
    pub labels: &'static [&'static str],
    /// One sentence for operators.
    pub help: &'static str,
}

/// How the values of a metric behave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Is counted in buckets; these are their upper ends.
    Histogram(&'static [f64]),
}

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
    for metric in ALL {
        if let Kind::Histogram(buckets) = metric.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)?;
        }
    }
    Ok(builder)
}

fn describe() {
    for &Metric { name, kind, unit, help, .. } in ALL {
        match kind {
            Kind::Counter => metrics::describe_counter!(name, unit, help),
            Kind::Gauge => metrics::describe_gauge!(name, unit, help),
            Kind::Histogram(_) => metrics::describe_histogram!(name, unit, help),
        }
    }
    metrics::gauge!(BUILD_INFO.name, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(record: impl FnOnce()) -> String {
        let recorder = builder().unwrap().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            describe();
            record();
        });
        recorder.handle().render()
    }

    #[test]
    fn a_counted_metric_is_rendered_with_its_help_and_labels() {
        let text =
            rendered(|| metrics::counter!("careconnect_tokens_refused_total", "reason" => "expired").increment(2));
        assert!(text.contains("# HELP careconnect_tokens_refused_total Token requests refused, by reason."), "{text}");
        assert!(text.contains("# TYPE careconnect_tokens_refused_total counter"), "{text}");
        assert!(text.contains("careconnect_tokens_refused_total{reason=\"expired\"} 2"), "{text}");
        assert!(text.contains("careconnect_build_info{version="), "{text}");
    }

    #[test]
    fn latencies_are_counted_in_buckets() {
        let text = rendered(|| metrics::histogram!("careconnect_token_request_duration_seconds").record(0.002));
        assert!(text.contains("careconnect_token_request_duration_seconds_bucket{le=\"0.001\"} 0"), "{text}");
        assert!(text.contains("careconnect_token_request_duration_seconds_bucket{le=\"0.0025\"} 1"), "{text}");
    }

    #[test]
    fn names_follow_the_conventions_and_are_unique() {
        for (index, metric) in ALL.iter().enumerate() {
            assert!(metric.name.starts_with("careconnect_") && metric.help.ends_with('.'), "{}", metric.name);
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
            assert!(ALL.iter().skip(index + 1).all(|other| other.name != metric.name), "{} twice", metric.name);
        }
    }

    #[test]
    fn the_recorder_of_a_process_is_installed_once() {
        Metrics::install().unwrap();
        Metrics::install().unwrap().run_upkeep();
        assert!(Metrics::install().unwrap().render().contains("careconnect_build_info"));
    }
}

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
    let text = rendered(|| metrics::counter!("careconnect_tokens_refused_total", "reason" => "expired").increment(2));
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
    let all: Vec<_> = all().collect();
    for (index, metric) in all.iter().enumerate() {
        assert!(metric.name.starts_with("careconnect_") && metric.help.ends_with('.'), "{}", metric.name);
        assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
        assert!(all.iter().skip(index + 1).all(|other| other.name != metric.name), "{} twice", metric.name);
    }
}

#[test]
fn the_recorder_of_a_process_is_installed_once() {
    Metrics::install().unwrap();
    Metrics::install().unwrap().run_upkeep();
    assert!(Metrics::install().unwrap().render().contains("careconnect_build_info"));
}

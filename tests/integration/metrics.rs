//! What the code counts and what operators are told of it are the same.

use std::{
    fs,
    path::{Path, PathBuf},
};

use careconnect_auth::telemetry::metrics::{Kind, all};

/// One use of a metric in the source: macro, name, and the text up to the end of the macro call.
struct Use {
    file: PathBuf,
    kind: &'static str,
    name: String,
    arguments: String,
}

#[test]
fn every_metric_that_the_source_records_is_described_with_its_kind_and_labels() {
    for used in uses(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))) {
        let place = used.file.display();
        let Some(metric) = all().find(|metric| metric.name == used.name) else {
            panic!("{place}: {} is not in src/telemetry/metrics/catalogue.rs", used.name)
        };
        let kind = match metric.kind {
            Kind::Counter => "counter!(",
            Kind::Gauge => "gauge!(",
            Kind::Histogram(_) => "histogram!(",
        };
        assert_eq!(kind, used.kind, "{place}: {}", used.name);
        assert_eq!(labels(&used.arguments), metric.labels, "{place}: {}", used.name);
    }
}

#[test]
fn every_metric_that_is_described_is_recorded() {
    let recorded = uses(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")));
    for metric in all().filter(|metric| metric.name != "careconnect_build_info") {
        assert!(recorded.iter().any(|used| used.name == metric.name), "{}", metric.name);
    }
}

fn uses(directory: &Path) -> Vec<Use> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let file = entry.unwrap().path();
        if file.is_dir() {
            found.extend(uses(&file));
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for kind in ["counter!(", "gauge!(", "histogram!("] {
            for (start, _) in text.match_indices(kind).filter(|(start, _)| !text[..*start].ends_with('_')) {
                let call = text[start + kind.len()..].split(';').next().unwrap().trim_start();
                let Some((name, arguments)) = call.strip_prefix('"').and_then(|call| call.split_once('"')) else {
                    continue;
                };
                found.push(Use { file: file.clone(), kind, name: name.into(), arguments: arguments.into() });
            }
        }
    }
    found
}

/// The words in quotes before each `=>`.
fn labels(arguments: &str) -> Vec<&str> {
    let before_arrows = arguments.split("=>").collect::<Vec<_>>();
    let (_, before) = before_arrows.split_last().unwrap();
    before.iter().filter_map(|text| text.trim_end().strip_suffix('"')?.rsplit('"').next()).collect()
}

//! One file after the other, each with the whole register.

use std::path::Path;

use careconnect_auth::domain::merge_patch;
use serde_json::{Value, json};

use super::{END, EVIDENCE, FIRST, SECOND, Step, Way, by_api::all_four, service, system};
use crate::support::command::run;

pub(super) struct ByFile<'a> {
    directory: &'a Path,
    consumer: Value,
    assurances: Vec<Value>,
}

impl<'a> ByFile<'a> {
    pub(super) fn new(directory: &'a Path) -> Self {
        Self { directory, consumer: merge_patch(service(), &system()), assurances: Vec::new() }
    }

    fn set_supplier(&mut self, status: &str) {
        let of_supplier = |assurance: &&mut Value| assurance["subject"] == "supplier";
        self.assurances.iter_mut().filter(of_supplier).for_each(|assurance| assurance["status"] = status.into());
    }
}

impl Way for ByFile<'_> {
    async fn take(&mut self, step: Step) {
        match step {
            Step::Register => self.consumer["credentials"] = json!([{ "kind": "san_dns", "value": FIRST }]),
            Step::AssureAllFour => {
                let given = |(subject, identifier, group)| json!({ "subject": subject, "identifier": identifier, "group": group, "evidence": EVIDENCE });
                self.assurances = all_four().map(given).collect();
            }
            Step::AddSecondCertificate => {
                let second = json!({ "kind": "san_dns", "value": SECOND, "label": "renewed" });
                self.consumer["credentials"].as_array_mut().unwrap().push(second);
            }
            Step::EndFirstCertificate => self.consumer["credentials"][0]["ends_at"] = END.into(),
            Step::SuspendSupplier => self.set_supplier("suspended"),
            Step::RestoreSupplier => self.set_supplier("active"),
            Step::Retire => {
                self.consumer["status"] = "retired".into();
            }
        }
        let file = json!({ "consumers": [self.consumer], "assurances": self.assurances });
        std::fs::write(self.directory.join("estate.json"), file.to_string()).unwrap();
        run(self.directory, &["estate", "apply", "estate.json", "--reason", &step.reason()]).success();
    }
}

//! Commands beside the running server.

use std::path::Path;

use serde_json::Value;

use super::{END, EVIDENCE, FIRST, GROUPS, SECOND, SERVICE, SUPPLIER, Step, Way, service};
use crate::support::command::{Run, run};

pub(super) struct ByCommand<'a>(pub(super) &'a Path);

impl Way for ByCommand<'_> {
    async fn take(&mut self, step: Step) {
        let reason = step.reason();
        let change = |arguments: &[&str]| run(self.0, &[arguments, &["--reason", &reason]].concat()).success();
        match step {
            Step::Register => self.register(&reason),
            Step::AssureAllFour => {
                let groups = ["--group", GROUPS[0], "--group", GROUPS[1]];
                change(&[&["assurance", "give", "--all-of", SERVICE, "--evidence", EVIDENCE][..], &groups].concat())
            }
            Step::AddSecondCertificate => {
                let certificate = ["--certificate-dns", SECOND, "--label", "renewed"];
                change(&[&["consumer", "credential", "add", SERVICE][..], &certificate].concat())
            }
            Step::EndFirstCertificate => {
                let shown = run(self.0, &["consumer", "show", SERVICE, "--json"]).success().json();
                let of_first = |held: &&Value| held.to_string().contains(&format!("\"{FIRST}\""));
                let first = shown["credentials"].as_array().unwrap().iter().find(of_first).unwrap();
                change(&["consumer", "credential", "end", SERVICE, first["id"].as_str().unwrap(), "--at", END])
            }
            Step::SuspendSupplier => change(&["assurance", "suspend", "--supplier", SUPPLIER]),
            Step::RestoreSupplier => change(&["assurance", "restore", "--supplier", SUPPLIER]),
            Step::Retire => change(&["consumer", "retire", SERVICE]),
        };
    }
}

impl ByCommand<'_> {
    /// With each member of the service in the option of that name, and with what the directory knows of the system.
    fn register(&self, reason: &str) -> Run {
        let service = service();
        let mut arguments = vec!["consumer".to_owned(), "register".to_owned()];
        for (name, value) in service.as_object().unwrap() {
            let option = if name == "asid" { "from-directory".to_owned() } else { name.replace('_', "-") };
            arguments.extend([format!("--{option}"), value.as_str().unwrap().to_owned()]);
        }
        arguments.extend(["--certificate-dns", FIRST, "--reason", reason].map(str::to_owned));
        run(self.0, &arguments.iter().map(String::as_str).collect::<Vec<_>>()).success()
    }
}

//! Requests to the admin listener.

use serde_json::{Value, json};

use super::{END, EVIDENCE, FIRST, FOUR, GROUPS, SECOND, SERVICE, SUPPLIER, Step, Way, service};
use crate::support::{admin::Admin, requests::Answer};

pub(super) struct ByApi(pub(super) Admin);

impl Way for ByApi {
    async fn take(&mut self, step: Step) {
        let (admin, reason) = (&self.0, step.reason());
        let (consumer, supplier) = (format!("/consumers/{SERVICE}"), format!("/assurances/supplier/{SUPPLIER}"));
        let credentials = format!("{consumer}/credentials");
        match step {
            Step::Register => {
                let mut body = service();
                body["from_directory"] = true.into();
                body["credentials"] = json!([{ "kind": "san_dns", "value": FIRST }]);
                body["reason"] = reason.into();
                done(&admin.post("/consumers", &body).await);
            }
            Step::AssureAllFour => {
                for (kind, identifier, group) in all_four() {
                    let body = json!({ "evidence": EVIDENCE, "reason": reason });
                    let give = |request: reqwest::RequestBuilder| request.header("if-none-match", "*").json(&body);
                    let path = format!("/assurances/{kind}/{identifier}/{group}");
                    done(&admin.send(reqwest::Method::PUT, &path, give).await);
                }
            }
            Step::AddSecondCertificate => {
                let body = json!({ "kind": "san_dns", "value": SECOND, "label": "renewed", "reason": reason });
                done(&admin.post(&credentials, &body).await);
            }
            Step::EndFirstCertificate => {
                let all = admin.get(&credentials).await.json();
                let first = all["items"].as_array().unwrap().iter().find(|held| held["value"] == FIRST).unwrap();
                let path = format!("{credentials}/{}", first["id"].as_str().unwrap());
                self.patch(&path, json!({ "ends_at": END, "reason": reason })).await;
            }
            Step::SuspendSupplier => self.patch(&supplier, json!({ "status": "suspended", "reason": reason })).await,
            Step::RestoreSupplier => self.patch(&supplier, json!({ "status": "active", "reason": reason })).await,
            Step::Retire => self.patch(&consumer, json!({ "status": "retired", "reason": reason })).await,
        }
    }
}

impl ByApi {
    /// A patch of what is there now.
    async fn patch(&self, path: &str, patch: Value) {
        let found = self.0.get(path).await;
        done(&self.0.patch(path, found.header("etag"), &patch).await);
    }
}

/// Each of the four, for each group.
pub(super) fn all_four() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    GROUPS.into_iter().flat_map(|group| FOUR.into_iter().map(move |(kind, identifier)| (kind, identifier, group)))
}

#[track_caller]
fn done(answer: &Answer) {
    assert!(answer.status.is_success(), "{}", answer.text());
}

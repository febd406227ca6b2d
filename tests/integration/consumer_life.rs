//! The whole life of a consumer by API, by command line and by file: three ways, one audit.

mod by_api;
mod by_command;
mod by_file;

use reqwest::Method;
use serde_json::{Value, json};

use self::{by_api::ByApi, by_command::ByCommand, by_file::ByFile};
use crate::support::{
    command::run,
    process::{Scene, Serve},
    requests::send,
    slapd::Slapd,
    soon::until,
    test_server::ROOT,
};

const SERVICE: &str = "hub";
/// As the directory has them.
const SYSTEM: &str = "200000100001";
const SUPPLIER: &str = "TESTSUP1";
/// The name in the certificate that it is registered with, and in the one that it gets later.
const FIRST: &str = "hub.trust.nhs.uk";
const SECOND: &str = "hub-2.trust.nhs.uk";
/// When the first certificate ceases to count.
const END: &str = "2048-01-01T00:00:00Z";
const EVIDENCE: &str = "CSR-2027-14";
const GROUPS: [&str; 2] = [
    "urn:nhs:names:services:careconnect:fhir:rest:create:appointment",
    "urn:nhs:names:services:careconnect:fhir:rest:read:slot",
];
/// Of whom all four are.
const FOUR: [(&str, &str); 4] =
    [("service", SERVICE), ("organisation", "Z9X8W"), ("system", SYSTEM), ("supplier", SUPPLIER)];

/// What happens to it, one after the other.
#[derive(Debug, Clone, Copy)]
enum Step {
    Register,
    AssureAllFour,
    AddSecondCertificate,
    EndFirstCertificate,
    SuspendSupplier,
    RestoreSupplier,
    Retire,
}

impl Step {
    /// In the administrator's words.
    fn reason(self) -> String {
        format!("change 4711: {self:?}")
    }
}

/// How an administrator goes about it.
trait Way {
    async fn take(&mut self, step: Step);
}

/// What its administrator knows of the service.
fn service() -> Value {
    json!({
        "client_id": SERVICE, "name": "Urgent care hub", "asid": SYSTEM, "organisation_type": "urgent-care",
    })
}

/// What the directory knows of its system. A file says it, for what it says must not depend on who is asked.
fn system() -> Value {
    json!({
        "ods_code": "Z9X8W", "supplier_ods_code": SUPPLIER, "product": "Example 111 Consumer", "product_version": "1.0",
        "party_key": "Z9X8W-850001",
    })
}

#[tokio::test]
async fn a_consumers_life_leaves_the_same_audit_by_api_by_command_line_and_by_file() {
    // R3, R4, R51
    let (scenes, slapd) =
        ([Scene::migrated().await, Scene::migrated().await, Scene::migrated().await], Slapd::start("").await);
    let directory = format!("directory.url = \"{}\"\ndirectory.timeout_seconds = 20\n", slapd.url());
    scenes.iter().for_each(|scene| scene.configure(&directory));
    let [api, command, file] = &scenes;
    let by_api = live(api, ByApi(api.admin())).await;
    let actions: Vec<&str> = by_api.iter().map(|record| record["action"].as_str().unwrap()).collect();
    let expected = [
        &["consumer.registered"][..],
        &["assurance.given"; 8],
        &["consumer.credential_added", "consumer.credential_ended"],
        &["assurance.suspended"; 2],
        &["assurance.restored"; 2],
        &["consumer.retired"],
    ];
    assert_eq!(actions, expected.concat());
    same(&live(command, ByCommand(command.path())).await, &by_api);
    same(&live(file, ByFile::new(file.path())).await, &by_api);
}

fn same(records: &[Value], by_api: &[Value]) {
    for (record, expected) in records.iter().zip(by_api) {
        assert_eq!(format!("{record:#}"), format!("{expected:#}"));
    }
    assert_eq!(records.len(), by_api.len());
}

/// Lives it, and gives what the audit has of it.
async fn live(scene: &Scene, mut way: impl Way) -> Vec<Value> {
    let provider = ["provider", "register", "--asid", "200000000359", "--ods-code", "A20047", "--name", "Practice"];
    run(scene.path(), &[&provider[..], &["--service-root", ROOT]].concat()).success();
    let _served = Serve::start(scene.path());
    let (begun, _) = scene.database.handle().audit_head().await.unwrap();

    way.take(Step::Register).await;
    is_told(scene, FIRST, "group_not_held").await;
    way.take(Step::AssureAllFour).await;
    is_told(scene, FIRST, "organization/slot.read").await;
    way.take(Step::AddSecondCertificate).await;
    is_told(scene, SECOND, "organization/slot.read").await;
    way.take(Step::EndFirstCertificate).await;
    is_told(scene, FIRST, "organization/slot.read").await;
    way.take(Step::SuspendSupplier).await;
    is_told(scene, SECOND, "group_not_assured").await;
    way.take(Step::RestoreSupplier).await;
    is_told(scene, SECOND, "organization/slot.read").await;
    way.take(Step::Retire).await;
    is_told(scene, SECOND, "client_authentication_failed").await;

    run(scene.path(), &["audit", "verify"]).success();
    let records = scene.database.handle().read_audit(begun, 1_000).await.unwrap();
    records.iter().map(|record| comparable(serde_json::from_str(&record.record).unwrap())).collect()
}

/// Waits until whoever shows a certificate with this name is told so: the scope of a token, or the reason of a refusal.
async fn is_told(scene: &Scene, name: &str, expected: &str) {
    let client = scene.client_with(Some(&scene.client_authority.client(name)));
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", SERVICE),
        ("resource", ROOT),
        ("scope", "organization/slot.read"),
    ];
    let path = "/careconnect/oauth2/token";
    until(expected, async || {
        let request = client.post(format!("https://localhost:{}{path}", scene.public)).form(&form);
        let body = send(Method::POST, path, request).await.json();
        body.get("reason").unwrap_or(&body["scope"]) == expected
    })
    .await;
}

/// Without what must differ: who, when, by which request, and ids that were made.
fn comparable(mut record: Value) -> Value {
    for name in ["sequence", "time", "actor", "trace_id"] {
        record.as_object_mut().unwrap().remove(name);
    }
    for state in ["before", "after"] {
        if let Some(document) = record.get_mut(state) {
            forget(document);
        }
    }
    record
}

fn forget(document: &mut Value) {
    for name in ["id", "recorded_by", "recorded_at", "created_at", "starts_at", "suspended_at", "retired_at"] {
        if let Some(value) = document.get_mut(name).filter(|value| !value.is_null()) {
            *value = format!("<{name}>").into();
        }
    }
    if let Some(credentials) = document.get_mut("credentials").and_then(Value::as_array_mut) {
        credentials.iter_mut().for_each(forget);
        credentials.sort_by_key(|held| held["value"].to_string()); // those of one second are in the order of their ids
    }
}

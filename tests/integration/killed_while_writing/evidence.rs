//! What the database has of all that was written.

use std::collections::{BTreeMap, BTreeSet};

use careconnect_auth::{domain::Registered, operations::verify_audit::verify_audit, storage::StorageError};
use careconnect_verifier::KeySet;
use serde_json::Value;

use super::write::Done;
use crate::support::{changes::act, databases::TestDatabase, registrations::REGISTERED_AT};

/// Of everything by its kind and identifier.
type Documents = BTreeMap<(String, String), Value>;

/// The register is what its audit says, thing by thing, and each record goes on from the one before. No server runs.
pub(super) async fn nothing_is_half_there(database: &TestDatabase) {
    let handle = database.handle();
    let open = handle.begin(act(REGISTERED_AT)).await.unwrap(); // what the dead server has begun is over now
    let report = verify_audit(handle, &KeySet::default(), &[]).await.unwrap();
    assert_eq!(report.broken, None);
    let mut said = Documents::new();
    for record in Evidence::of(database).await.0 {
        let of = (text(&record, "subject").to_owned(), text(&record, "identifier").to_owned());
        assert_eq!(said.get(&of), record.get("before"), "{record}");
        said.insert(of, record["after"].clone());
    }
    let mut registered = Documents::new();
    place(&mut registered, &handle.list_consumers().await.unwrap());
    place(&mut registered, &handle.list_assurances().await.unwrap());
    place(&mut registered, &handle.list_blocked_certificates().await.unwrap());
    place(&mut registered, &handle.list_signing_keys().await.unwrap());
    assert_eq!(registered, said);
    open.finish(Ok::<_, StorageError>(())).await.unwrap();
}

fn place<T: Registered>(documents: &mut Documents, all: &[T]) {
    documents.extend(all.iter().map(|one| ((T::KIND.to_owned(), one.identifier()), one.document())));
}

/// The audit.
pub(super) struct Evidence(Vec<Value>);

impl Evidence {
    pub(super) async fn of(database: &TestDatabase) -> Self {
        let records = database.handle().read_audit(0, 10_000).await.unwrap();
        Self(records.iter().map(|record| serde_json::from_str(&record.record).unwrap()).collect())
    }

    /// How many requests have done something.
    pub(super) fn requests(&self) -> usize {
        self.0.iter().filter_map(|record| record["trace_id"].as_str()).collect::<BTreeSet<_>>().len()
    }

    /// It was done by one request, the one that was answered, and its records say what was before and after.
    #[track_caller]
    pub(super) fn has_once(&self, done: &Done) {
        let records: Vec<&Value> = self.0.iter().filter(|record| record["reason"] == *done.name).collect();
        let member =
            |name: &str| -> Vec<Value> { records.iter().filter_map(|record| record.get(name)).cloned().collect() };
        assert_eq!((member("before"), member("after")), (done.before.clone(), done.after.clone()), "{}", done.name);
        assert_eq!(text(records[0], "action"), done.action, "{}", done.name);
        let by: BTreeSet<&str> = records.iter().map(|record| text(record, "trace_id")).collect();
        assert_eq!(by.len(), 1, "{} was done more than once", done.name);
        if let Some(trace_id) = &done.trace_id {
            assert!(by.contains(trace_id.as_str()), "{} was done by another request", done.name);
        }
    }
}

fn text<'a>(record: &'a Value, member: &str) -> &'a str {
    record[member].as_str().unwrap()
}

//! Changes come in the order of their numbers, and readers miss none.

use std::{collections::BTreeSet, pin::pin, time::Duration};

use careconnect_auth::{
    domain::{GroupDefinition, RegistrationStatus},
    storage::RegistryContents,
};
use careconnect_verifier::{ClientId, Group};
use tokio::task::JoinSet;

use crate::support::{
    changes::Changes,
    databases::TestDatabase,
    registrations::{REGISTERED_AT, consumer, provider},
};

#[tokio::test]
async fn what_changed_after_a_revision_is_given_whole_and_nothing_else() {
    let database = TestDatabase::fresh().await;
    let (old, mut changed) = (consumer(), consumer());
    database.handle().insert_consumer(&old).await.unwrap();
    database.handle().insert_consumer(&changed).await.unwrap();
    let seen = database.handle().revision().await.unwrap();

    changed.status = RegistrationStatus::Suspended { at: REGISTERED_AT };
    database.handle().set_consumer_status(&changed.client_id, changed.status).await.unwrap();
    let (provider, group) = (provider("200000000001"), Group::parse("urn:nhs:names:services:other").unwrap());
    database.handle().insert_provider(&provider).await.unwrap();
    let definition = GroupDefinition {
        group,
        scope: "other".parse().unwrap(),
        interactions: [].into(),
        entra_object_id: None,
        suspended_at: None,
    };
    database.handle().insert_group(&definition).await.unwrap();

    let expected = RegistryContents {
        revision: seen + 3,
        consumers: vec![changed],
        providers: vec![provider],
        groups: vec![definition],
        ..RegistryContents::default()
    };
    assert_eq!(database.handle().changes_since(seen).await.unwrap(), expected);
    assert_eq!(database.handle().load_all().await.unwrap().consumers.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_follows_revisions_misses_none_of_twenty_writers() {
    let database = TestDatabase::fresh().await;
    let start = database.handle().revision().await.unwrap();
    let mut writers = JoinSet::new();
    for _ in 0..20 {
        let handle = database.another_handle().await;
        writers.spawn(async move {
            for _ in 0..5 {
                handle.insert_consumer(&consumer()).await.unwrap();
            }
        });
    }
    let (mut seen, mut ids): (i64, BTreeSet<ClientId>) = (start, BTreeSet::new());
    let mut written = pin!(writers.join_all());
    let mut all_is_written = false;
    while !all_is_written {
        all_is_written = tokio::time::timeout(Duration::from_millis(5), &mut written).await.is_ok();
        let changes = database.handle().changes_since(seen).await.unwrap();
        assert_eq!(i64::try_from(changes.consumers.len()).unwrap(), changes.revision - seen);
        seen = changes.revision;
        ids.extend(changes.consumers.into_iter().map(|consumer| consumer.client_id));
    }
    assert_eq!((seen, ids.len()), (start + 100, 100));
}

//! The lists that the first migration fills and administrators extend.

use careconnect_auth::{
    domain::{GroupDefinition, OrganisationTypeDefinition},
    storage::StorageError,
};
use careconnect_verifier::{Group, InteractionId, KNOWN_GROUPS, OrganisationType};
use uuid::Uuid;

use crate::support::{
    changes::Changes,
    databases::TestDatabase,
    registrations::{REGISTERED_AT, consumer},
};

#[tokio::test]
async fn the_first_migration_knows_the_groups_that_the_verifier_knows() {
    let database = TestDatabase::fresh().await;
    let object_id = |group: &Group| match group.as_str().rsplit_once("rest:").unwrap().1 {
        "read:slot" => Some("ab412fe9-3f68-4368-9810-9dc24d1659b1"),
        "create:appointment" => Some("dacb82c5-aea8-4509-887f-281324062dfd"),
        _ => None,
    };
    let mut known: Vec<GroupDefinition> = KNOWN_GROUPS
        .iter()
        .map(|known| GroupDefinition {
            group: known.group.clone(),
            scope: known.scope.parse().unwrap(),
            interactions: known.interactions.iter().cloned().collect(),
            entra_object_id: object_id(&known.group).map(|id| Uuid::parse_str(id).unwrap()),
            suspended_at: None,
        })
        .collect();
    known.sort_by(|one, other| one.group.cmp(&other.group));
    assert_eq!(database.handle().list_groups().await.unwrap(), known);
}

#[tokio::test]
async fn the_first_migration_knows_two_organisation_types() {
    let database = TestDatabase::fresh().await;
    let types = database.handle().list_organisation_types().await.unwrap();
    let types: Vec<_> = types.iter().map(|known| (known.code.as_str(), known.display.as_str())).collect();
    assert_eq!(types, [("gp-practice", "GP Practice"), ("urgent-care", "Urgent Care")]);
}

#[tokio::test]
async fn a_group_and_an_organisation_type_can_be_added_and_used_but_not_twice() {
    let database = TestDatabase::fresh().await;
    let definition = GroupDefinition {
        group: Group::parse("urn:nhs:names:services:other").unwrap(),
        scope: "patient/other.read".parse().unwrap(),
        interactions: [InteractionId::READ_METADATA].into(),
        entra_object_id: None,
        suspended_at: None,
    };
    let oncology = OrganisationTypeDefinition {
        code: OrganisationType::parse("oncology").unwrap(),
        display: "Oncology".to_owned(),
    };
    database.handle().insert_group(&definition).await.unwrap();
    database.handle().insert_organisation_type(&oncology).await.unwrap();

    let mut member = consumer();
    member.organisation.organisation_type = oncology.code.clone();
    database.handle().insert_consumer(&member).await.unwrap();
    database.handle().assure(&member, std::slice::from_ref(&definition.group)).await.unwrap();
    let assured = database.handle().assured(&member).await.unwrap();
    assert_eq!(assured.groups_at(REGISTERED_AT), [definition.group.clone()].into());

    assert!(database.handle().list_groups().await.unwrap().contains(&definition));
    assert!(database.handle().list_organisation_types().await.unwrap().contains(&oncology));
    let twice = database.handle().insert_group(&definition).await.unwrap_err();
    assert!(matches!(twice, StorageError::AlreadyExists { what: "group", .. }), "{twice}");
    let twice = database.handle().insert_organisation_type(&oncology).await.unwrap_err();
    assert!(matches!(twice, StorageError::AlreadyExists { what: "organisation type", .. }), "{twice}");
}

#[tokio::test]
async fn one_entra_object_id_stands_for_one_group() {
    let database = TestDatabase::fresh().await;
    let mut definition = database.handle().list_groups().await.unwrap();
    definition.retain(|known| known.group == Group::READ_SLOT);
    let other = GroupDefinition { group: Group::parse("urn:nhs:other").unwrap(), ..definition.remove(0) };
    let refusal = database.handle().insert_group(&other).await.unwrap_err();
    let said = "group with Entra object id \"ab412fe9-3f68-4368-9810-9dc24d1659b1\" is already registered";
    assert_eq!(refusal.to_string(), said);
}

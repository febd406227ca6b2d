//! The switches of groups and providers, and whom a provider admits.

use serde_json::json;

use super::{SLOT, operator, scene, told};

#[tokio::test]
async fn a_suspended_group_is_in_no_token_and_a_resumed_one_is() {
    let (server, hub, desk) = scene().await;
    let listed = operator(&server, "group suspend read:slot").success().stdout;
    assert!(listed.contains("suspended since"), "{listed}");
    for consumer in [&hub, &desk] {
        assert_eq!(told(&server, consumer).await, "group_suspended");
    }
    let everything = server.token_by_secret(&hub).send().await.json();
    assert!(!everything["scope"].as_str().unwrap().contains("slot.read"), "{everything}");
    operator(&server, "group resume read:slot").success();
    assert_eq!(told(&server, &hub).await, "organization/slot.read");
}

#[tokio::test]
async fn a_provider_admits_whom_it_names_in_every_list_and_everybody_again() {
    // R5
    let (server, hub, desk) = scene().await;
    let admit = "provider admit 200000000359 --group read:slot";
    let narrowed = operator(&server, &format!("{admit} --organisation-type gp-practice")).success().stdout;
    assert!(narrowed.contains("organisation type gp-practice"), "{narrowed}");
    assert_eq!(told(&server, &hub).await, "requester_not_admitted");
    let lists = "--organisation-type urgent-care --ods-code A1001 --ods-code A1002 --asid 200000000205 --json";
    let shown = operator(&server, &format!("{admit} {lists}")).success().json();
    let slot = shown["groups"].as_array().unwrap().iter().find(|group| group["group"] == SLOT).unwrap().clone();
    assert_eq!((&slot["ods_codes"], &slot["asids"]), (&json!(["A1001", "A1002"]), &json!(["200000000205"])));
    assert_eq!(told(&server, &hub).await, "organization/slot.read");
    assert_eq!(told(&server, &desk).await, "requester_not_admitted", "another system");
    operator(&server, &format!("{admit} --everybody")).success();
    assert_eq!(told(&server, &desk).await, "organization/slot.read");

    for (arguments, code, expected) in [
        ("", 2, "required"),
        ("--everybody --ods-code A1001", 2, "cannot be used with"),
        ("--organisation-type gp-practise", 1, "organisation-type list"),
        ("--ods-code A1 --group urn:nhs:names:unknown", 1, "does not honour urn:nhs:names:unknown"),
    ] {
        let refused = operator(&server, &format!("{admit} {arguments}"));
        assert_eq!(refused.code, code, "{arguments}: {refused:?}");
        assert!(refused.stderr.contains(expected), "{arguments}: {refused:?}");
    }
    assert_eq!(told(&server, &desk).await, "organization/slot.read");
}

#[tokio::test]
async fn a_provider_has_a_switch_of_its_own_and_one_for_each_group() {
    let (server, hub, _) = scene().await;
    for (off, on, expected) in [
        ("suspend 200000000359 --group read:slot", "resume 200000000359 --group read:slot", "group_not_honoured"),
        ("decline 200000000359 --group read:slot", "honour 200000000359 --group read:slot", "group_not_honoured"),
        ("suspend 200000000359", "resume 200000000359", "audience_suspended"),
    ] {
        operator(&server, &format!("provider {off}")).success();
        assert_eq!(told(&server, &hub).await, expected, "{off}");
        operator(&server, &format!("provider {on}")).success();
        assert_eq!(told(&server, &hub).await, "organization/slot.read", "{on}");
    }
    operator(&server, "provider suspend 200000000359 --group read:slot").success();
    let shown = operator(&server, "provider show 200000000359").success().stdout;
    assert!(shown.contains("read:slot           suspended since"), "{shown}");
    let honours = operator(&server, "provider list --group read:slot --json").success().json();
    assert_eq!(honours, json!([]));
}

#[tokio::test]
async fn everything_that_is_registered_of_a_provider_can_be_changed() {
    let (server, hub, _) = scene().await;
    let change = "provider change 200000000359 --name Surgery --ods-code A20048 --token-lifetime 60 --certificate-bound true \
                  --claims-profile entra --signing-algorithm ES384 --service-root https://new.thirdparty.nhs.uk/STU3 --json";
    let shown = operator(&server, change);
    let refused = shown.code == 2 && shown.stderr.contains("ES384 signing key");
    let change = if refused { change.replace(" --signing-algorithm ES384", "") } else { change.to_owned() };
    let changed = operator(&server, &change).success().json();
    for (member, expected) in [
        ("name", json!("Surgery")),
        ("ods_code", json!("A20048")),
        ("token_lifetime_seconds", json!(60)),
        ("certificate_bound", json!(true)),
        ("claims_profile", json!("entra")),
        ("service_root", json!("https://new.thirdparty.nhs.uk/STU3")),
    ] {
        assert_eq!(changed[member], expected, "{member}");
    }
    assert_eq!(told(&server, &hub).await, "audience_unregistered", "its service root is another");
    for (filter, expected) in [("--name SURG", 1), ("--ods-code A20047", 0), ("--status active --asid 200000000359", 1)]
    {
        let listed = operator(&server, &format!("provider list --json {filter}")).success().json();
        assert_eq!(listed.as_array().unwrap().len(), expected, "{filter}");
    }
    let nothing = operator(&server, "provider change 200000000359");
    assert!(nothing.code == 2 && nothing.stderr.contains("nothing to change"), "{nothing:?}");
}

#[tokio::test]
async fn a_group_and_an_organisation_type_are_changed_and_what_is_not_named_stays() {
    let (server, hub, _) = scene().await;
    let id = "0b9a3c1e-0000-4000-8000-000000000001";
    let of_slot = |listed: serde_json::Value| {
        listed.as_array().unwrap().iter().find(|group| group["group"] == SLOT).unwrap().clone()
    };
    let before = of_slot(operator(&server, "group list --json").success().json());
    let change = format!("group change read:slot --scope organization/slot.search --entra-object-id {id} --json");
    let after = of_slot(operator(&server, &change).success().json());
    assert_eq!((&after["scope"], &after["entra_object_id"]), (&json!("organization/slot.search"), &json!(id)));
    assert_eq!(after["interactions"], before["interactions"]);
    let cleared = of_slot(operator(&server, "group change read:slot --entra-object-id none --json").success().json());
    assert_eq!(cleared["entra_object_id"], json!(null));
    assert_eq!(told(&server, &hub).await, "scope_unknown");

    let renamed = operator(&server, "organisation-type rename urgent-care --display UEC --json").success().json();
    assert!(renamed.to_string().contains(r#"{"code":"urgent-care","display":"UEC"}"#), "{renamed}");
    for absent in ["organisation-type rename nowhere --display X", "group suspend urn:nhs:names:unknown"] {
        assert_eq!(operator(&server, absent).code, 1, "{absent}");
    }
}

//! The Spine Directory Service, played by OpenLDAP with its schema.

mod command;
mod comparison;
mod entries;
mod hostile;
mod quirks;
mod reach;
mod registration;
mod watch;

use careconnect_auth::directory::{Directory, DirectorySystem};
use careconnect_verifier::{Asid, InteractionId, OdsCode};

use crate::support::{slapd::Slapd, soon::soon};

const CONSUMER: &str = "200000100001";
const PROVIDER: &str = "200000100002";
const UNKNOWN: &str = "299999999999";

fn asid(text: &str) -> Asid {
    Asid::parse(text).unwrap()
}

/// What is found of `text`, of which there must be something.
async fn found(slapd: &Slapd, text: &str) -> DirectorySystem {
    let directory = Directory::open(&slapd.settings()).unwrap();
    let found = soon("an answer", directory.find_system(&asid(text))).await;
    found.unwrap().unwrap_or_else(|| panic!("no {text}"))
}

#[tokio::test]
async fn a_consumer_is_found_with_its_owner_product_and_interactions() {
    let slapd = Slapd::start("").await;
    let system = found(&slapd, CONSUMER).await;
    assert_eq!(system.asid.as_str(), CONSUMER);
    assert_eq!(system.ods_code, Some(OdsCode::parse("Z9X8W").unwrap()));
    assert_eq!(system.party_key.as_deref(), Some("Z9X8W-850001"));
    assert_eq!(system.manufacturer, Some(OdsCode::parse("TESTSUP1").unwrap()));
    assert_eq!(system.client_ods_codes, [OdsCode::parse("Z9X8W").unwrap()].into());
    assert_eq!(system.interactions, [InteractionId::SEARCH_SLOT, InteractionId::CREATE_APPOINTMENT].into());
    let product = [&system.product, &system.product_key, &system.version].map(Option::as_deref);
    assert_eq!(product, [Some("Example 111 Consumer"), Some("90001"), Some("1.0")]);
    assert_eq!((system.endpoints, system.problems), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn a_provider_is_found_with_its_endpoint_and_host() {
    let slapd = Slapd::start("").await;
    let system = found(&slapd, PROVIDER).await;
    let [endpoint] = system.endpoints.as_slice() else { panic!("{system:?}") };
    assert_eq!(endpoint.interaction, InteractionId::SEARCH_SLOT);
    let address = "https://provider.thirdparty.nhs.uk/T99999/STU3/1/careconnect/appointment";
    assert_eq!(endpoint.address.as_deref(), Some(address));
    assert_eq!(endpoint.fqdn.as_ref().unwrap().to_string(), "provider.thirdparty.nhs.uk");
    assert_eq!(system.problems, Vec::<String>::new());
}

#[tokio::test]
async fn of_many_asked_for_those_are_found_that_are_there() {
    let slapd = Slapd::start("").await;
    let directory = Directory::open(&slapd.settings()).unwrap();
    soon("the check", directory.check()).await.unwrap();
    assert_eq!(directory.find_system(&asid(UNKNOWN)).await.unwrap(), None);
    assert!(directory.find_systems(&[]).await.unwrap().is_empty());
    let many: Vec<_> = (0..120).map(|number| asid(&format!("200000100{number:03}"))).collect();
    let found = soon("all answers", directory.find_systems(&many)).await.unwrap();
    assert_eq!(found.keys().map(Asid::as_str).collect::<Vec<_>>(), [CONSUMER, PROVIDER]);
    assert_eq!(found[&asid(PROVIDER)].endpoints.len(), 1);
}

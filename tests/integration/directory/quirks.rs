//! What is odd in the real directory: it is told, and the rest is of use.

use careconnect_auth::directory::{Directory, DirectorySystem};
use careconnect_verifier::InteractionId;

use super::{
    PROVIDER, asid,
    entries::{CREATE, READ, endpoint, plain_endpoint, system},
    found,
};
use crate::support::{slapd::Slapd, soon::soon};

const ODD: &str = "200000100010";
const OTHER: &str = "200000100011";
#[track_caller]
fn assert_tells(system: &DirectorySystem, problem: &str) {
    assert!(system.problems.iter().any(|told| told.contains(problem)), "{problem}: {system:#?}");
}

#[tokio::test]
async fn endpoints_with_contradictions_urls_for_names_and_slashes_are_of_use() {
    let more = format!(
        "nhsMhsSvcIA: {READ}\nnhsMHsSN: urn:nhs:names:services:careconnect\nnhsMHsIN: fhir:rest:create:appointment\n\
         nhsMHSEndPoint: https://T11111.nhs.uk/STU3/1/\nnhsMHSEndPoint: not a URL\n\
         nhsMhsFQDN: https://T11111.nhs.uk/STU3/1/\n"
    );
    let odd = [
        system(ODD, "  t11111-1 ", &format!("nhsIDCode: T11111\nnhsAsSvcIA: {READ}\n")),
        endpoint("S1", "T11111-1", &more),
        endpoint(
            "S2",
            "T11111-1",
            &more.replace(READ, "no interaction").replace("nhsMHSEndPoint: n", "nhsMHSActor: n"),
        ),
    ];
    let slapd = Slapd::start(&odd.concat()).await;
    let system = found(&slapd, ODD).await;
    let [endpoint] = system.endpoints.as_slice() else { panic!("{system:#?}") };
    assert_eq!(endpoint.interaction, InteractionId::READ_SLOT);
    assert_eq!(endpoint.address.as_deref(), Some("https://t11111.nhs.uk/STU3/1"));
    assert_eq!(endpoint.fqdn.as_ref().unwrap().to_string(), "t11111.nhs.uk");
    assert_tells(&system, &format!("say {CREATE}, nhsMhsSvcIA says {READ}, which counts"));
    assert_tells(&system, "expected a host name: the URL's counts");
    assert_tells(&system, "nhsMHSEndPoint is \"not a URL\"; expected an http or https URL");
    assert_tells(&system, "uniqueIdentifier=S2,ou=Services,o=nhs has no interaction (nhsMhsSvcIA): it is left out");
}

#[tokio::test]
async fn a_system_may_have_hundreds_of_interactions_and_some_that_are_none() {
    let urns: String = (0..600).map(|number| format!("nhsAsSvcIA: urn:nhs:names:services:many:{number}\n")).collect();
    let more =
        format!("nhsIDCode: not-a-code\n{urns}nhsAsSvcIA: a blank\nnhsAsClient: (everybody)\nnhsProductName:: IA==\n");
    let slapd = Slapd::start(&system(ODD, "T11111-1", &more)).await;
    let system = found(&slapd, ODD).await;
    assert_eq!((system.interactions.len(), &system.ods_code, &system.product), (600, &None, &None));
    assert!(system.client_ods_codes.is_empty());
    for problem in ["\"not-a-code\" is not an ODS code", "\"a blank\" is not an interaction", "\"(everybody)\""] {
        assert_tells(&system, problem);
    }
}

#[tokio::test]
async fn two_entries_that_disagree_about_an_owner_leave_it_open() {
    let of = |ods_code: &str| format!("nhsIDCode: {ods_code}\nnhsAsSvcIA: {READ}\n");
    let twice = |number: &str, ods_code: &str, asid: &str| {
        system(number, "T11111-1", &format!("uniqueIdentifier: {asid}\n{}", of(ods_code)))
    };
    let entries = [
        system(ODD, "T11111-1", &of("T11111")),
        twice("1", "T22222", ODD),
        system(OTHER, "T11111-1", &of("T11111")),
        twice("2", "t11111", OTHER),
    ];
    let slapd = Slapd::start(&entries.concat()).await;
    let disputed = found(&slapd, ODD).await;
    assert_eq!(disputed.ods_code, None);
    assert_tells(&disputed, "contradict each other about who owns it: T11111, T22222");
    let repeated = found(&slapd, OTHER).await;
    assert_eq!(repeated.ods_code.as_ref().unwrap().as_str(), "T11111");
    assert_tells(&repeated, "2 entries have this ASID");
}

#[tokio::test]
async fn what_the_directory_says_is_no_filter() {
    let more = format!("nhsIDCode: T11111\nnhsAsSvcIA: {READ}\n");
    let entries = [system(ODD, "*", &more), system(OTHER, "x)(nhsMhsSvcIA=*", &more)];
    let slapd = Slapd::start(&entries.concat()).await;
    assert_eq!(found(&slapd, ODD).await.endpoints, Vec::new());
    assert_eq!(found(&slapd, OTHER).await.endpoints, Vec::new());
    assert_eq!(found(&slapd, PROVIDER).await.endpoints.len(), 1);
}

/// OpenLDAP gives 500 entries at once, unless told otherwise.
#[tokio::test]
async fn more_endpoints_than_come_at_once_are_asked_for_in_parts() {
    let more = format!("nhsIDCode: T11111\nnhsAsSvcIA: {READ}\n");
    let endpoints = |party: &str, number: u16| -> String {
        (0..number).map(|number| plain_endpoint(&format!("S-{party}-{number}"), &format!("T11111-{party}"))).collect()
    };
    let systems = ["10", "11", "12"].map(|end| system(&format!("2000001000{end}"), &format!("T11111-{end}"), &more));
    let entries = [systems.concat(), endpoints("10", 300), endpoints("11", 300), endpoints("12", 501)];
    let slapd = Slapd::start(&entries.concat()).await;
    let directory = Directory::open(&slapd.settings()).unwrap();
    let asids = ["10", "11", "12"].map(|end| asid(&format!("2000001000{end}")));
    let found = soon("all answers", directory.find_systems(&asids)).await.unwrap();
    let counts: Vec<_> = found.values().map(|system| (system.endpoints.len(), system.problems.len())).collect();
    assert_eq!(counts, [(300, 0), (300, 0), (500, 1)]);
    assert_tells(&found[&asids[2]], "its party has more endpoints than the directory gives at once");
}

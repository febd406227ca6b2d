//! What a guard does with what consumers and back-ends still do in their old ways.

use base64::{Engine, engine::general_purpose::STANDARD};
use careconnect_verifier::{
    Admitted, Caller, HeaderCheck, InteractionId, InteractionTable, ProviderGuard, ProviderGuardBuilder,
    SearchFilterMode, UnsignedTokens,
};
use http::{Request, header, request::Parts};
use serde_json::{Value, json};

use crate::issuer::{AUDIENCE, Issuer, NOW, encode};

const TYPE: &str = "https://fhir.nhs.uk/STU3/CodeSystem/GPConnect-OrganisationType-1";
const ODS: &str = "https://fhir.nhs.uk/Id/ods-organization-code";

fn guard(issuer: &Issuer) -> ProviderGuardBuilder {
    ProviderGuard::new(issuer.verifier().build().unwrap())
}

fn request(line: &str, token: &str) -> Parts {
    let (method, uri) = line.split_once(' ').unwrap();
    let request = Request::builder().method(method).uri(uri).header(header::AUTHORIZATION, format!("Bearer {token}"));
    request.body(()).unwrap().into_parts().0
}

async fn reason(guard: &ProviderGuard, request: &Parts) -> &'static str {
    guard.check(request).await.map_or_else(|refused| refused.rejection.reason(), |_| "admitted")
}

/// The query with which an admitted request goes on.
async fn query(guard: &ProviderGuard, mut request: Parts) -> Option<String> {
    guard.check(&request).await.unwrap().enter(&mut request);
    request.uri.query().map(str::to_owned)
}

#[tokio::test]
async fn a_search_filter_that_claims_another_is_ignored_reported_or_refused() {
    let issuer = Issuer::new("k1"); // urgent-care, A1001
    let honest =
        request(&format!("GET /Slot?searchFilter={TYPE}%7Curgent-care&searchFilter={ODS}|A1001"), &issuer.token());
    for claim in [format!("{TYPE}%7Cgp-practice"), format!("{ODS}%7CA1002")] {
        let lying = request(&format!("GET /Slot?status=free&searchFilter={claim}"), &issuer.token());
        for mode in [SearchFilterMode::Ignore, SearchFilterMode::Report, SearchFilterMode::Replace] {
            assert_eq!(reason(&guard(&issuer).search_filter(mode).build().unwrap(), &lying).await, "admitted");
        }
        let refusing = guard(&issuer).search_filter(SearchFilterMode::Refuse).build().unwrap();
        assert_eq!(reason(&refusing, &lying).await, "search_filter_mismatch");
        assert_eq!(reason(&refusing, &honest).await, "admitted");
    }
}

#[tokio::test]
async fn a_back_end_that_reads_search_filter_reads_what_the_token_proves() {
    let issuer = Issuer::new("k1");
    let guard = guard(&issuer).search_filter(SearchFilterMode::Replace).build().unwrap();
    let proven = format!("searchFilter={TYPE}%7Curgent-care&searchFilter={ODS}%7CA1001");
    let lying = format!(
        "GET /Slot?status=free&searchFilter={TYPE}%7Cgp-practice&searchFilter={ODS}%7CA1002&start=ge2026-11-22"
    );
    let replaced = query(&guard, request(&lying, &issuer.token())).await;
    assert_eq!(replaced.unwrap(), format!("status=free&start=ge2026-11-22&{proven}"));
    assert_eq!(query(&guard, request("GET /Slot", &issuer.token())).await.unwrap(), proven);
    let odd = "GET /Slot?searchFilter=https://fhir.nhs.uk/Id/od%C5%BF-organization-code%7CZ9&a=b";
    assert_eq!(query(&guard, request(odd, &issuer.token())).await.unwrap(), format!("a=b&{proven}"));
    let elsewhere = request(&format!("GET /metadata?searchFilter={ODS}%7CA1002"), &issuer.token());
    assert_eq!(query(&guard, elsewhere).await.as_deref().unwrap_or_default(), "");
    assert_eq!(query(&guard, request("GET /metadata?_format=xml", &issuer.token())).await.unwrap(), "_format=xml");
}

#[tokio::test]
async fn where_nothing_is_proven_a_back_end_reads_no_search_filter() {
    let issuer = Issuer::new("k1");
    let table = InteractionTable::parse("GET /health open\nGET /Slot urn:example:find:slots needs read:slot").unwrap();
    let guard = guard(&issuer).interactions(table).search_filter(SearchFilterMode::Replace).build().unwrap();
    let open = request(&format!("GET /health?a=b&searchFilter={ODS}%7CZ9"), "none");
    assert_eq!(query(&guard, open).await.unwrap(), "a=b");
    let own_name = query(&guard, request("GET /Slot?a=b", &issuer.token())).await.unwrap();
    assert!(own_name.starts_with("a=b&searchFilter="), "{own_name}");
}

#[tokio::test]
async fn the_end_user_organisation_is_that_of_the_token() {
    let issuer = Issuer::new("k1");
    let organisation = |code: &str| {
        let resource = json!({ "resourceType": "Organization", "identifier": [{ "system": ODS, "value": code }] });
        STANDARD.encode(resource.to_string())
    };
    for (check, missing, other) in [
        (HeaderCheck::Required, "bad_request", "organisation_mismatch"),
        (HeaderCheck::WhenSent, "admitted", "organisation_mismatch"),
        (HeaderCheck::Reported, "admitted", "admitted"),
        (HeaderCheck::Off, "admitted", "admitted"),
    ] {
        let guard = guard(&issuer).end_user_organisation(check).build().unwrap();
        let with = |value: &str| {
            let mut asked = request("GET /Slot", &issuer.token());
            asked.headers.insert("nhsd-end-user-organisation", value.parse().unwrap());
            asked
        };
        assert_eq!(reason(&guard, &with(&organisation("A1001"))).await, "admitted");
        assert_eq!(reason(&guard, &with(&organisation("A1002"))).await, other);
        assert_eq!(reason(&guard, &with("e30=")).await, other);
        assert_eq!(reason(&guard, &request("GET /Slot", &issuer.token())).await, missing);
    }
}

/// As consumers of GP Connect make them for themselves.
fn unsigned(change: impl FnOnce(&mut Value)) -> String {
    let mut claims = json!({
        "iss": "https://consumer.example.nhs.uk", "sub": "1", "aud": AUDIENCE, "iat": NOW, "exp": NOW + 300,
        "reason_for_request": "directcare", "requested_scope": "organization/slot.read",
        "requesting_device": { "resourceType": "Device" }, "requesting_practitioner": { "id": "1" },
        "requesting_organization": { "resourceType": "Organization", "identifier": [{ "system": ODS, "value": "A1001" }] }
    });
    change(&mut claims);
    format!("{}.{}.", encode(br#"{"alg":"none","typ":"JWT"}"#), encode(claims.to_string().as_bytes()))
}

#[tokio::test]
async fn an_unsigned_token_is_refused_unless_it_is_let_through_for_this_interaction_and_issuer() {
    // R30
    let issuer = Issuer::new("k1");
    let strict = guard(&issuer).build().unwrap();
    let searches = UnsignedTokens::for_interactions([InteractionId::SEARCH_SLOT]);
    let lenient = guard(&issuer).dangerously_admit_unsigned(searches.clone()).build().unwrap();
    let known = searches.of_issuers(["https://consumer.example.nhs.uk".to_owned()]);
    let picky = guard(&issuer).dangerously_admit_unsigned(known).build().unwrap();
    let (plain, other) = (unsigned(|_| {}), unsigned(|claims| claims["iss"] = json!("https://other.example")));
    for (guard, line, token, expected) in [
        (&strict, "GET /Slot", &plain, "unsupported_alg"),
        (&lenient, "GET /Slot", &plain, "admitted"),
        (&lenient, "GET /Slot", &other, "admitted"),
        (&lenient, "POST /Appointment", &plain, "unsupported_alg"),
        (&lenient, "GET /elsewhere", &plain, "unsupported_alg"),
        (&picky, "GET /Slot", &plain, "admitted"),
        (&picky, "GET /Slot", &other, "unsupported_alg"),
    ] {
        assert_eq!(reason(guard, &request(line, token)).await, expected, "{line}");
    }
    let Admitted { caller, .. } = lenient.check(&request("GET /Slot", &plain)).await.unwrap();
    assert!(matches!(caller, Caller::Unsigned(token) if token.claimed_ods_code() == Some("A1001")));
}

#[tokio::test]
async fn a_signed_token_without_its_signature_is_no_unsigned_one() {
    // R30
    let issuer = Issuer::new("k1");
    let searches = UnsignedTokens::for_interactions([InteractionId::SEARCH_SLOT]);
    let guard = guard(&issuer).dangerously_admit_unsigned(searches).build().unwrap();
    let stripped = format!("{}.", issuer.token().rsplit_once('.').unwrap().0);
    assert_eq!(reason(&guard, &request("GET /Slot", &stripped)).await, "bad_signature");
}

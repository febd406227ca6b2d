use super::*;
use crate::sample_token::token_of;

const TYPE: &str = "https://fhir.nhs.uk/STU3/CodeSystem/GPConnect-OrganisationType-1";
const OLD_TYPE: &str = "https://fhir.nhs.uk/STU3/ValueSet/GPConnect-OrganisationType-1";
const ODS: &str = "https://fhir.nhs.uk/Id/ods-organization-code";
const OLD_ODS: &str = "http://fhir.nhs.net/Id/ods-organization-code";
const PROVEN: &str = "searchFilter=https://fhir.nhs.uk/STU3/CodeSystem/GPConnect-OrganisationType-1%7Curgent-care\
                      &searchFilter=https://fhir.nhs.uk/Id/ods-organization-code%7CA1001";

fn token() -> VerifiedToken {
    token_of("A1001", "urgent-care")
}

fn disagreement(query: &str) -> Disagreement {
    compare(Some(query), &token()).unwrap_err()
}

#[test]
fn what_the_token_proves_may_be_typed_in_every_documented_spelling() {
    assert_eq!(compare(None, &token()), Ok(()));
    for value in [
        format!("{TYPE}|urgent-care"),
        format!("{TYPE}%7Curgent-care"),
        format!("{OLD_TYPE}|Urgent%20Care"),
        format!("{OLD_TYPE}|Urgent+Care"),
        format!("{TYPE}%7CUrgent%2520Care"),
        format!("{ODS}|A1001"),
        format!("{OLD_ODS}%7ca1001"),
        format!("{ODS}|A1001,{TYPE}|urgent-care"),
        "https%3A%2F%2Ffhir.nhs.uk%2FId%2Fods-organization-code%7CA1001".to_owned(),
        "https://directoryofservices.nhs.uk/Id/serviceId|124459850".to_owned(),
    ] {
        let query = format!("status=free&searchFilter={value}&start=ge2019-03-29T12:00:00+00:00");
        assert_eq!(compare(Some(&query), &token()), Ok(()), "{query}");
    }
}

#[test]
fn another_type_or_organisation_disagrees_with_expected_and_received() {
    let found = disagreement(&format!("searchFilter={ODS}|A1001&searchFilter={OLD_TYPE}%7CGP%20Practice"));
    assert_eq!(
        found.to_string(),
        r#"expected searchFilter to claim the organisation type urgent-care, received "GP Practice""#
    );
    let found = disagreement(&format!("searchFilter={ODS}|A1001,{ODS}|B82617"));
    assert_eq!((found.claimed, found.expected.as_str(), found.received.as_str()), ("ODS code", "A1001", "B82617"));
    let found = disagreement("searchFilter=A1001");
    assert_eq!(found.expected, "A1001 of type urgent-care");
}

#[test]
fn what_came_is_escaped_and_cut_short_for_the_log() {
    let found = disagreement(&format!("searchFilter={ODS}|a%0A%1B%22{}", "x".repeat(5000)));
    assert!(found.received.starts_with(r#"a\n\u{1b}\"x"#), "{found}");
    assert!(found.received.len() < 100 && !found.to_string().contains('\n'));
}

#[test]
fn replacing_keeps_everything_else_byte_for_byte_and_in_order() {
    let dos = "searchFilter=https://directoryofservices.nhs.uk/Id/serviceId|124459850";
    let query = format!(
        "start=ge2019-03-29T12:00:00+00:00&searchFilter={TYPE}%7Cgp-practice&&{dos}&_include=Slot:schedule;a=%7c%zz;\
         searchFilter={ODS}|B82617&_include:recurse=Schedule:actor:Practitioner&flag&name=Zo%C3%AB&"
    );
    let expected = format!(
        "start=ge2019-03-29T12:00:00+00:00&&{dos}&_include=Slot:schedule;a=%7c%zz\
         &_include:recurse=Schedule:actor:Practitioner&flag&name=Zo%C3%AB&&{PROVEN}"
    );
    assert_eq!(replace(Some(&query), &token()), expected);
    assert_eq!(replace(None, &token()), PROVEN);
}

#[test]
fn a_list_that_mixes_a_claim_with_an_unknown_system_goes_whole() {
    let query = format!("searchFilter=https://example.com/a|b,{TYPE}|gp-practice&x=1");
    assert_eq!(replace(Some(&query), &token()), format!("x=1&{PROVEN}"));
}

/// Ways to write a parameter's name that somebody's back-end takes for `searchFilter`.
fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "searchFilter",
        "SearchFilter",
        "SEARCHFILTER",
        "searchfilter",
        "search%46ilter",
        "%73earchFilter",
        "search%2546ilter",
        "search%252546ilter",
        "searchFilter:exact",
        "searchFilter:",
        "searchFilter[]",
        "searchFilter%5B%5D",
        "searchFilter[0]",
        "+searchFilter",
        "%20searchFilter",
        "searchFilter+",
        "searchFilter%00",
        "%EF%BB%BFsearchFilter",
        "searchF%C4%B1lter",
        "%C5%BFearchFilter",
        "search%u0046ilter",
        "search_Filter",
        "search-filter",
        "Slot.searchFilter",
        "x%26searchFilter",
        "x=1%3BsearchFilter",
        "x%3D1%26searchFilter",
    ]
    .map(str::to_owned)
    .into();
    names.push("searchFilter".bytes().map(|byte| format!("%{byte:02x}")).collect());
    names
}

/// Values that somebody's back-end takes for a type or a code.
fn values() -> Vec<String> {
    let mut values: Vec<String> = [
        "gp-practice",
        "GP Practice",
        "GP%20Practice",
        "%7Cgp-practice",
        "|B82617",
        "",
        "B82617",
        "x|B82617",
        "a\\|b|c",
    ]
    .map(str::to_owned)
    .into();
    for system in
        [TYPE, OLD_TYPE, ODS, OLD_ODS, "http://fhir.nhs.uk/Id/ods-organization-code", "//fhir.nhs.uk/Id/ods-site-code"]
    {
        for code in ["GP+Practice", "B82617", ""] {
            for value in [
                format!("{system}|{code}"),
                format!("{system}%7C{code}"),
                format!("{system}%257c{code}"),
                format!("{}|{code}", system.to_uppercase()),
                format!("{system}/|{code}"),
                format!("+{system}+|+{code}"),
                format!("{system}/{code}"),
                format!("{code}|{system}"),
                format!("https://dos.example/x|1,{system}|{code}"),
                format!("https://dos.example/x|1\\,{system}|{code}"),
                format!("https://dos.example/x|{system}|{code}"),
                format!("https://dos.example/x|1%26{system}|{code}"),
            ] {
                values.push(value);
            }
        }
    }
    values
}

/// A back-end that takes whatever it can get: every parameter whose name has the letters of `searchFilter`, every value
/// in a list, with or without a system; whatever is not of the one system that it knows as harmless is taken for a claim.
fn seen_by_a_lenient_back_end(query: &str) -> Vec<String> {
    let mut decoded = query.replace('+', " ");
    for _ in 0..5 {
        decoded = percent_encoding::percent_decode_str(&decoded).decode_utf8_lossy().replace("%u0046", "F");
    }
    let folded = |text: &str| -> String { text.to_uppercase().chars().filter(char::is_ascii_alphanumeric).collect() };
    let mut seen = Vec::new();
    for parameter in decoded.split(['&', ';']) {
        let (name, value) = parameter.rsplit_once('=').unwrap_or((parameter, ""));
        if folded(name).ends_with("SEARCHFILTER") || folded(name).starts_with("SEARCHFILTER") {
            seen.extend(value.split(',').map(|one| one.trim().to_owned()));
        }
    }
    seen.retain(|one| !one.starts_with("https://dos.example/"));
    seen
}

#[test]
fn after_replacing_a_lenient_back_end_sees_what_the_token_proves_and_nothing_else() {
    let proven = [token().organisation_type().uri(), token().ods_code().uri()];
    for name in names() {
        for value in values() {
            let spelled = format!("{name}={value}");
            for query in [
                spelled.clone(),
                format!("status=free&{spelled}"),
                format!("{spelled};status=free"),
                format!("status=free;{spelled}&{spelled}"),
                format!("searchFilter=https://dos.example/x|1&{spelled}&status=free"),
            ] {
                let replaced = replace(Some(&query), &token());
                assert_eq!(seen_by_a_lenient_back_end(&replaced), proven, "{query} became {replaced}");
                assert_eq!(replace(Some(&replaced), &token()), replaced, "{query}");
                assert_eq!(replaced.matches("status=free").count(), query.matches("status=free").count(), "{replaced}");
                assert_eq!(compare(Some(&replaced), &token()), Ok(()), "{replaced}");
                assert!(compare(Some(&query), &token()).is_err(), "{query}");
            }
        }
    }
}

#[test]
fn hostile_queries_take_bounded_time_and_stay_replaceable() {
    let often = format!("search%{}46ilter=x", "25".repeat(20_000));
    assert_eq!(replace(Some(&often), &token()), PROVEN);
    let many = "&;=%".repeat(16_000);
    assert!(replace(Some(&many), &token()).ends_with(PROVEN));
    for query in ["a#b", "a b", "a\r\nb", "searchFilter"] {
        assert_eq!(replace(Some(query), &token()), PROVEN, "{query:?}");
    }
}

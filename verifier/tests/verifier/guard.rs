//! What a guard admits, and what it refuses, by everything that comes with a token.

use careconnect_verifier::{
    Caller, CertificateThumbprint, Group, HeaderCheck, InteractionId, InteractionTable, InvalidGuard, PeerAddress,
    ProviderGuard, ProviderGuardBuilder, Refused, Requester, ResponseProfile, SspRules,
};
use http::{Request, header, request::Parts};
use serde_json::json;

use crate::issuer::Issuer;

const ASID: &str = "200000000205";
const PROVIDER: &str = "200000000359";
const TRACE_ID: &str = "09a01679-2564-4fb4-8129-aecc81ea2706";
const SEARCH: &str = "urn:nhs:names:services:careconnect:fhir:rest:search:slot";
const BOOK: &str = "urn:nhs:names:services:careconnect:fhir:rest:create:appointment";

fn guard(issuer: &Issuer) -> ProviderGuardBuilder {
    ProviderGuard::new(issuer.verifier().build().unwrap()).asids([PROVIDER.parse().unwrap()])
}

/// A request with `token` and the headers.
fn request(line: &str, token: &str, headers: &[(&str, &str)]) -> Parts {
    let (method, uri) = line.split_once(' ').unwrap();
    let request = Request::builder().method(method).uri(uri).header(header::AUTHORIZATION, format!("Bearer {token}"));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(()).unwrap().into_parts().0
}

async fn requester(guard: &ProviderGuard, request: Parts) -> Result<Requester, Refused> {
    match guard.check(&request).await?.caller {
        Caller::Verified(requester) => Ok(requester),
        other => panic!("{other:?}"),
    }
}

async fn reason(guard: &ProviderGuard, request: Parts) -> &'static str {
    requester(guard, request).await.map_or_else(|refused| refused.rejection.reason(), |_| "admitted")
}

fn with_groups(issuer: &Issuer, groups: &[Group]) -> String {
    issuer.token_with(|claims| claims["groups"] = json!(groups))
}

#[tokio::test]
async fn a_requester_is_known_by_its_token_and_by_what_it_does() {
    let issuer = Issuer::new("k1");
    let guard = guard(&issuer).build().unwrap();
    let headers = [("ssp-from", ASID), ("ssp-to", PROVIDER), ("ssp-interactionid", SEARCH), ("ssp-traceid", TRACE_ID)];
    let requester = requester(&guard, request("GET /Slot?status=free", &issuer.token(), &headers)).await.unwrap();
    assert_eq!((requester.asid().as_str(), requester.ods_code().as_str()), (ASID, "A1001"));
    assert_eq!((requester.interaction(), requester.trace_id()), (&InteractionId::SEARCH_SLOT, Some(TRACE_ID)));
}

#[tokio::test]
async fn one_group_opens_one_interaction() {
    let issuer = Issuer::new("k1");
    let guard = guard(&issuer).build().unwrap();
    for (groups, line, expected) in [
        (vec![Group::READ_SLOT], "GET /Slot", "admitted"),
        (vec![Group::READ_SLOT], "POST /Appointment", "group_missing"),
        (vec![Group::CREATE_APPOINTMENT], "POST /Appointment", "admitted"), // not both for every call
        (vec![Group::CREATE_APPOINTMENT], "GET /Slot", "group_missing"),
        (vec![Group::UPDATE_APPOINTMENT], "PUT /Appointment/7", "admitted"),
        (vec![Group::SEARCH_APPOINTMENT], "GET /metadata", "admitted"),
        (vec![], "GET /metadata", "group_missing"),
        (vec![Group::READ_SLOT], "DELETE /Appointment/7", "unknown_interaction"),
        (vec![Group::READ_SLOT], "GET /slot", "unknown_interaction"),
        (vec![Group::READ_SLOT], "GET /Slot/", "unknown_interaction"),
    ] {
        assert_eq!(reason(&guard, request(line, &with_groups(&issuer, &groups), &[])).await, expected, "{line}");
    }
}

#[tokio::test]
async fn the_header_cannot_make_a_booking_a_search() {
    let issuer = Issuer::new("k1");
    let guard = guard(&issuer).build().unwrap();
    let viewer = with_groups(&issuer, &[Group::READ_SLOT]);
    let booker = with_groups(&issuer, &[Group::READ_SLOT, Group::CREATE_APPOINTMENT]);
    let named = |name| [("ssp-interactionid", name)];
    assert_eq!(reason(&guard, request("POST /Appointment", &viewer, &named(SEARCH))).await, "interaction_mismatch");
    assert_eq!(reason(&guard, request("POST /Appointment", &viewer, &named(BOOK))).await, "group_missing");
    assert_eq!(reason(&guard, request("POST /Appointment", &booker, &named(BOOK))).await, "admitted");
    for alias in [SEARCH, Group::READ_SLOT.as_str(), "urn:nhs:names:services:a2si:fhir:rest:search:slot"] {
        assert_eq!(reason(&guard, request("GET /Slot", &viewer, &named(alias))).await, "admitted", "{alias}");
    }
}

#[tokio::test]
async fn where_the_table_leaves_a_choice_the_header_makes_it_or_all_are_needed() {
    let issuer = Issuer::new("k1");
    let table = "POST /Both create:appointment | update:appointment";
    let guard = guard(&issuer).interactions(InteractionTable::parse(table).unwrap()).build().unwrap();
    let booker = with_groups(&issuer, &[Group::CREATE_APPOINTMENT]);
    let both = with_groups(&issuer, &[Group::CREATE_APPOINTMENT, Group::UPDATE_APPOINTMENT]);
    assert_eq!(reason(&guard, request("POST /Both", &booker, &[("ssp-interactionid", BOOK)])).await, "admitted");
    assert_eq!(reason(&guard, request("POST /Both", &booker, &[])).await, "group_missing");
    assert_eq!(reason(&guard, request("POST /Both", &both, &[])).await, "admitted");
}

#[tokio::test]
async fn the_ssp_must_speak_of_this_token_this_provider_and_this_request() {
    let issuer = Issuer::new("k1");
    let [lenient, strict, reporting, off] =
        [HeaderCheck::WhenSent, HeaderCheck::Required, HeaderCheck::Reported, HeaderCheck::Off]
            .map(|check| guard(&issuer).ssp(SspRules::all(check)).build().unwrap());
    let good = [("ssp-from", ASID), ("ssp-to", PROVIDER), ("ssp-interactionid", SEARCH), ("ssp-traceid", TRACE_ID)];
    for (header, wrong, expected) in [
        (0, "200000000206", "asid_mismatch"),
        (1, "200000000206", "ssp_to_mismatch"),
        (2, BOOK, "interaction_mismatch"),
        (3, "1", "ssp_header"),
    ] {
        let mut headers = good;
        headers[header].1 = wrong;
        let asked = || request("GET /Slot", &issuer.token(), &headers);
        assert_eq!(reason(&lenient, asked()).await, expected);
        assert_eq!(reason(&strict, asked()).await, expected);
        assert_eq!(reason(&reporting, asked()).await, "admitted");
        assert_eq!(reason(&off, asked()).await, "admitted");
        let without: Vec<_> = good.into_iter().filter(|(name, _)| *name != headers[header].0).collect();
        let asked = || request("GET /Slot", &issuer.token(), &without);
        assert_eq!(reason(&lenient, asked()).await, "admitted");
        assert_eq!(reason(&strict, asked()).await, "ssp_header");
    }
    let twice = request("GET /Slot", &issuer.token(), &[("ssp-from", ASID), ("ssp-from", "200000000206")]);
    assert_eq!(reason(&lenient, twice).await, "bad_request");
}

#[tokio::test]
async fn strangers_do_not_learn_what_there_is() {
    let issuer = Issuer::new("k1");
    let guard = guard(&issuer).build().unwrap();
    for line in ["GET /Slot", "GET /nowhere"] {
        assert_eq!(reason(&guard, request(line, "x.y.z", &[])).await, "malformed");
        let mut without = request(line, "", &[]);
        without.headers.clear();
        assert_eq!(reason(&guard, without).await, "no_token");
    }
}

#[tokio::test]
async fn a_request_that_can_be_read_in_two_ways_is_refused() {
    let issuer = Issuer::new("k1");
    let guard = guard(&issuer).build().unwrap();
    let bearer = format!("Bearer {}", issuer.token());
    let twice = request("GET /Slot", &issuer.token(), &[("authorization", bearer.as_str())]);
    assert_eq!(reason(&guard, twice).await, "bad_request");
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        assert_eq!(reason(&guard, request("GET /Slot", &issuer.token(), &[(name, "POST")])).await, "bad_request");
    }
    let spelled = [
        "x_http_method_override",
        "x-http_method.override",
        "ssp_from",
        "ssp_interactionid",
        "nhsd_end-user-organisation",
        "client_cert",
        "authorization_",
    ];
    for name in &spelled[..6] {
        assert_eq!(
            reason(&guard, request("GET /Slot", &issuer.token(), &[(name, "x")])).await,
            "bad_request",
            "{name}"
        );
    }
    assert_eq!(reason(&guard, request("GET /Slot", &issuer.token(), &[(spelled[6], "x")])).await, "admitted");
    for credentials in ["Bearer: x", "bearerx", "Bearer", "Basic dTpw", ""] {
        let mut asked = request("GET /Slot", "", &[]);
        asked.headers.insert(header::AUTHORIZATION, credentials.parse().unwrap());
        assert_eq!(reason(&guard, asked).await, "no_token", "{credentials}");
    }
}

#[tokio::test]
async fn a_bound_token_needs_its_certificate_from_the_connection_or_from_a_trusted_proxy() {
    // R38
    let issuer = Issuer::new("k1");
    let (holder, proxy) = (CertificateThumbprint::of_der(b"holder"), CertificateThumbprint::of_der(b"proxy"));
    let token = issuer.token_with(|claims| claims["cnf"] = json!({ "x5t#S256": holder.to_string() }));
    let forwarded = [("client-cert", ":aG9sZGVy:")]; // "holder"
    let direct = guard(&issuer).build().unwrap();
    let proxied = guard(&issuer).trusted_proxies([proxy.to_string().parse().unwrap(), "10.1.0.0/16".parse().unwrap()]);
    let proxied = proxied.build().unwrap();
    let from = |peer: Option<CertificateThumbprint>, address: &str, headers: &[(&str, &str)]| {
        let mut asked = request("GET /Slot", &token, headers);
        asked.extensions.insert(PeerAddress(address.parse().unwrap()));
        if let Some(peer) = peer {
            asked.extensions.insert(peer);
        }
        asked
    };
    assert_eq!(reason(&direct, from(Some(holder), "10.1.0.1", &[])).await, "admitted");
    assert_eq!(reason(&direct, from(None, "10.1.0.1", &forwarded)).await, "cnf_mismatch");
    assert_eq!(reason(&direct, from(Some(proxy), "10.1.0.1", &forwarded)).await, "cnf_mismatch");
    assert_eq!(reason(&proxied, from(None, "10.1.0.1", &forwarded)).await, "admitted");
    assert_eq!(reason(&proxied, from(None, "::ffff:10.1.0.1", &forwarded)).await, "admitted");
    assert_eq!(reason(&proxied, from(Some(proxy), "10.2.0.1", &forwarded)).await, "admitted");
    assert_eq!(reason(&proxied, from(None, "10.2.0.1", &forwarded)).await, "cnf_mismatch");
    assert_eq!(reason(&proxied, from(Some(holder), "10.1.0.1", &[])).await, "cnf_mismatch");
    assert_eq!(reason(&proxied, from(None, "10.1.0.1", &[("client-cert", "holder")])).await, "bad_request");
    let twice = [("client-cert", ":aG9sZGVy:"), ("client-cert", ":aG9sZGVy:")];
    assert_eq!(reason(&proxied, from(None, "10.1.0.1", &twice)).await, "bad_request");
}

#[tokio::test]
async fn the_path_of_the_service_root_belongs_to_every_request() {
    let issuer = Issuer::new("k1");
    let guard = guard(&issuer).base_path("/A20047/STU3/1").build().unwrap();
    for (line, expected) in [
        ("GET /A20047/STU3/1/Slot", "admitted"),
        ("GET /Slot", "unknown_interaction"),
        ("GET /A20047/STU3/1-evil/Slot", "unknown_interaction"),
        ("GET /a20047/STU3/1/Slot", "unknown_interaction"),
        ("GET /A20047/STU3/1Slot", "unknown_interaction"),
    ] {
        assert_eq!(reason(&guard, request(line, &issuer.token(), &[])).await, expected, "{line}");
    }
}

#[tokio::test]
async fn the_answer_is_in_the_words_of_the_profile_and_the_format_of_the_caller() {
    let issuer = Issuer::new("k1");
    let guard = guard(&issuer).response_profile(ResponseProfile::GpConnect).build().unwrap();
    let asked = request("POST /Appointment", &issuer.token(), &[("accept", "application/fhir+xml")]);
    let refused = guard.check(&asked).await.unwrap_err();
    assert!(refused.answer.body.starts_with("<OperationOutcome") && refused.answer.body.contains(&refused.reference));
    let response = refused.into_response::<String>();
    assert_eq!(
        (response.status(), &response.headers()[header::CACHE_CONTROL]),
        (http::StatusCode::FORBIDDEN, &"no-store".parse().unwrap())
    );
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/fhir+xml;charset=utf-8");
}

#[test]
fn a_guard_that_would_be_useless_is_not_made() {
    let issuer = Issuer::new("k1");
    for path in ["A20047", "/A20047/", "/"] {
        assert_eq!(guard(&issuer).base_path(path).build().unwrap_err(), InvalidGuard::BasePath(path.to_owned()));
    }
    let empty = guard(&issuer).interactions(InteractionTable::default()).build();
    assert_eq!(empty.unwrap_err(), InvalidGuard::NoInteractions);
    let nobody = guard(&issuer).asids([]).ssp(SspRules::required()).build();
    assert_eq!(nobody.unwrap_err(), InvalidGuard::NoAsid);
}

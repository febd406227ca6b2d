//! Which provider, and how much.

use careconnect_verifier::Group;

use crate::support::test_server::{ROOT, TestServer, consumer, honoured};

#[tokio::test]
async fn a_provider_can_be_named_in_three_ways() {
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let named = [
        ("resource", format!("{ROOT}/")),
        ("resource", ROOT.replace("https://provider", "HTTPS://Provider").replace(".uk/", ".uk:443/")),
        ("resource", "https://fhir.nhs.uk/Id/accredited-system|200000000359".to_owned()),
        ("scope", format!("{ROOT}/.default")),
        ("scope", format!("{ROOT}//.default")),
    ];
    for (name, value) in named {
        let answer = server.token_by_secret(&registered).without("resource").field(name, &value).send().await;
        let verified = server.verify(ROOT, &answer.token()).await;
        assert_eq!(verified.groups().len(), 5, "{name}={value}");
    }
}

#[tokio::test]
async fn one_token_is_for_one_provider_whatever_it_is_called() {
    // R5
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let named_three_times = server
        .token_by_secret(&registered)
        .field("resource", "https://fhir.nhs.uk/Id/accredited-system|200000000359")
        .field("resource", &format!("{ROOT}/"))
        .field("scope", &format!("{ROOT}/.default"));

    assert_eq!(server.verify(ROOT, &named_three_times.send().await.token()).await.groups().len(), 5);
}

#[tokio::test]
async fn a_consumer_may_ask_for_less_and_learns_what_it_got() {
    // R4
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    for scope in
        ["organization/slot.read", Group::READ_SLOT.as_str(), "urn:nhs:names:services:a2si:fhir:rest:search:slot"]
    {
        let answer = server.token_by_secret(&registered).field("scope", scope).send().await;
        assert_eq!(answer.json()["scope"], "organization/slot.read");
        assert_eq!(server.verify(ROOT, &answer.token()).await.groups(), [Group::READ_SLOT]);
    }
}

#[tokio::test]
async fn a_group_that_the_consumer_lacks_is_refused_by_name() {
    // R4
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let viewer = careconnect_auth::operations::register_consumer::ConsumerRegistration {
        groups: [Group::READ_SLOT].into(),
        ..consumer()
    };
    let viewer = server.register(viewer).await;

    let answer = server.token_by_secret(&viewer).field("scope", Group::CREATE_APPOINTMENT.as_str()).send().await;

    assert_eq!(answer.refused(400), ("invalid_scope".into(), "group_not_held".into()));
    assert!(answer.text().contains(Group::CREATE_APPOINTMENT.as_str()));
}

#[tokio::test]
async fn a_provider_gives_only_what_it_honours() {
    // R4
    let server = TestServer::start().await;
    server.register_provider(|provider| provider.groups = honoured([Group::READ_SLOT])).await;
    let registered = server.register(consumer()).await;

    let all = server.token_by_secret(&registered).send().await;
    let booking = server.token_by_secret(&registered).field("scope", Group::CREATE_APPOINTMENT.as_str()).send().await;

    assert_eq!(server.verify(ROOT, &all.token()).await.groups(), [Group::READ_SLOT]);
    assert_eq!(booking.refused(400), ("invalid_scope".into(), "group_not_honoured".into()));
}

#[tokio::test]
async fn nothing_in_a_request_changes_who_the_token_says_it_is_for() {
    // R3
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let viewer = careconnect_auth::operations::register_consumer::ConsumerRegistration {
        groups: [Group::READ_SLOT].into(),
        ..consumer()
    };
    let registered = server.register(viewer).await;
    let mut call = server.token_by_secret(&registered);
    for (name, value) in [
        ("ods_code", "RR8"),
        ("asid", "999999999999"),
        ("sub", "someone"),
        ("iss", "https://evil.example"),
        ("exp", "9999999999"),
        ("groups", Group::CREATE_APPOINTMENT.as_str()),
        ("org_type", "gp-practice"),
        ("organisation_type", "gp-practice"),
        ("audience", "https://evil.example"),
        ("request", "eyJ"),
    ] {
        call = call.field(name, value);
    }
    for (name, value) in [("host", "evil.example"), ("x-forwarded-host", "evil.example"), ("ssp-from", "999999999999")]
    {
        call = call.header(name, value);
    }
    let answer = call.send().await;

    let claims = server.verify(ROOT, &answer.token()).await.claims().clone();
    assert_eq!((claims.iss.as_str(), claims.aud.as_str()), (server.issuer(), ROOT));
    assert_eq!((claims.asid.as_str(), claims.ods_code.as_str()), ("200000000205", "A1001"));
    assert_eq!((claims.org_type.as_str(), claims.groups.as_slice()), ("urgent-care", &[Group::READ_SLOT][..]));
    assert_eq!(claims.exp - claims.iat, 300);
}

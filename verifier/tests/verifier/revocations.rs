//! What the issuer has withdrawn is refused, and nobody but the issuer withdraws anything.

use careconnect_verifier::{
    FixedRevocations, InvalidOptions, Rejection, Revocations, RevocationsUnavailable, TokenVerifier, Withdrawn,
};
use serde_json::{Value, json};

use crate::issuer::{AUDIENCE, ISSUER, Issuer, NOW, claims, encode};

const TYPE: &str = "careconnect-revocations+jwt";

/// A list in which `change` has been made to the claims.
pub(crate) fn list(issuer: &Issuer, change: impl FnOnce(&mut Value)) -> String {
    let mut claims =
        json!({ "iss": ISSUER, "iat": NOW - 5, "exp": NOW + 295, "tokens": [], "clients": [], "keys": [] });
    change(&mut claims);
    issuer.sign(&header(issuer), &claims)
}

fn header(issuer: &Issuer) -> Value {
    let mut header = issuer.header();
    header["typ"] = TYPE.into();
    header
}

/// A list on which the ordinary token is.
pub(crate) fn list_with_token(issuer: &Issuer) -> String {
    list(issuer, |list| list["tokens"] = json!([claims()["jti"]]))
}

pub(crate) fn verdict(verified: Result<impl Sized, Rejection>) -> &'static str {
    verified.map_or_else(|rejection| rejection.reason(), |_| "accepted")
}

fn verifier(issuer: &Issuer, revocations: impl Into<Revocations>) -> TokenVerifier {
    issuer.verifier().revocations(revocations).build().unwrap()
}

/// A verifier that has looked at `document`.
async fn after(issuer: &Issuer, document: String) -> (TokenVerifier, Result<(), RevocationsUnavailable>) {
    let verifier = verifier(issuer, FixedRevocations::new(document));
    let outcome = verifier.refresh_revocations().await;
    (verifier, outcome)
}

#[tokio::test]
async fn a_token_is_refused_when_it_or_its_consumer_is_withdrawn() {
    let issuer = Issuer::new("k1");
    let client_id = claims()["client_id"].as_str().unwrap().to_owned();
    let issued_at = claims()["iat"].as_i64().unwrap();
    let client = |issued_up_to: Option<i64>| Withdrawn::Client { client_id: client_id.clone(), issued_up_to };
    let token = Withdrawn::Token { token_id: claims()["jti"].as_str().unwrap().to_owned() };
    for (member, value, expected) in [
        ("tokens", json!(["another", claims()["jti"]]), Some(token)),
        ("tokens", json!(["another"]), None),
        ("clients", json!([{ "client_id": client_id }]), Some(client(None))),
        ("clients", json!([{ "client_id": client_id, "issued_up_to": issued_at }]), Some(client(Some(issued_at)))),
        ("clients", json!([{ "client_id": client_id, "issued_up_to": issued_at - 1 }]), None),
        ("clients", json!([{ "client_id": "another" }]), None),
        ("keys", json!(["another"]), None),
    ] {
        let told = value.to_string();
        let (verifier, outcome) = after(&issuer, list(&issuer, |list| list[member] = value)).await;
        outcome.unwrap();
        match (verifier.verify_offline(&issuer.token()), expected) {
            (Ok(_), None) => {}
            (Err(rejection), Some(withdrawn)) => {
                assert_eq!(rejection, Rejection::Revoked { withdrawn });
                assert_eq!((rejection.status(), rejection.error()), (401, Some("invalid_token")));
            }
            (verdict, expected) => panic!("{told}: expected {expected:?}, received {verdict:?}"),
        }
    }
}

#[tokio::test]
async fn what_a_withdrawn_key_signed_is_refused_tokens_and_lists() {
    let (compromised, other) = (Issuer::new("k1"), Issuer::new("k2"));
    let keys = json!({ "keys": [compromised.jwk(), other.jwk()] }).to_string(); // still cached, or still published
    let source = FixedRevocations::new(list(&other, |list| list["keys"] = json!(["k1"])));
    let verifier = crate::issuer::verifier(&keys).revocations(source.clone()).build().unwrap();
    assert_eq!(verdict(verifier.verify(&compromised.token()).await), "revoked");
    assert_eq!(verdict(verifier.verify(&other.token()).await), "accepted");
    source.replace(list(&compromised, |list| list["iat"] = json!(NOW)));
    let refusal = verifier.refresh_revocations().await.unwrap_err().to_string();
    assert!(refusal.ends_with("signed with the withdrawn key \"k1\""), "{refusal}");
    assert_eq!(verdict(verifier.verify(&compromised.token()).await), "revoked");
}

#[tokio::test]
async fn a_list_that_is_not_the_issuers_or_not_of_now_is_none() {
    let (issuer, forger, unknown) = (Issuer::new("k1"), Issuer::new("k1"), Issuer::new("k2"));
    let empty = |change: fn(&mut Value)| list(&issuer, change);
    let typed = |typ: Value| {
        let mut header = issuer.header();
        header["typ"] = typ;
        issuer.sign(
            &header,
            &json!({ "iss": ISSUER, "iat": NOW, "exp": NOW + 300, "tokens": [], "clients": [], "keys": [] }),
        )
    };
    let text = |claims: &str| issuer.sign_text(&header(&issuer).to_string(), claims);
    let forgeries = [
        ("a token", issuer.token()),
        ("a token's type", typed("at+jwt".into())),
        ("a longer type", typed(format!("application/{TYPE}").into())),
        ("no type", typed(Value::Null)),
        ("another key of that id", list(&forger, |_| {})),
        ("an unknown key", list(&unknown, |_| {})),
        ("another issuer", empty(|list| list["iss"] = AUDIENCE.into())),
        ("ended", empty(|list| list["exp"] = json!(NOW - 5))),
        ("made in the future", empty(|list| list["iat"] = json!(NOW + 6))),
        ("no signature", list(&issuer, |_| {}).rsplit_once('.').unwrap().0.to_owned() + "."),
        ("without tokens", empty(|list| drop(list.as_object_mut().unwrap().remove("tokens")))),
        ("without clients", empty(|list| drop(list.as_object_mut().unwrap().remove("clients")))),
        ("without keys", empty(|list| drop(list.as_object_mut().unwrap().remove("keys")))),
        ("without end", empty(|list| drop(list.as_object_mut().unwrap().remove("exp")))),
        ("without beginning", empty(|list| drop(list.as_object_mut().unwrap().remove("iat")))),
        ("numbers for tokens", empty(|list| list["tokens"] = json!([1]))),
        ("a text for keys", empty(|list| list["keys"] = "k1".into())),
        ("a text for a client", empty(|list| list["clients"] = json!(["c"]))),
        ("a client without id", empty(|list| list["clients"] = json!([{ "issued_up_to": 1 }]))),
        ("a text for a time", empty(|list| list["clients"] = json!([{ "client_id": "c", "issued_up_to": "now" }]))),
        ("a member twice", text(r#"{"iss":"i","iat":1,"exp":2,"tokens":["a"],"tokens":[],"clients":[],"keys":[]}"#)),
        ("no JSON", text("{")),
        ("no list", "no list".to_owned()),
        ("nothing", String::new()),
        ("too much", format!("{}.{}.{}", encode(b"{}"), "A".repeat(1024 * 1024), "AA")),
    ];
    let good = list(&issuer, |list| {
        list["iat"] = json!(NOW - 10);
        list["tokens"] = json!([claims()["jti"]]);
    });
    for (what, forgery) in forgeries {
        let source = FixedRevocations::new(forgery.clone());
        let without = verifier(&issuer, source.clone());
        assert_eq!(verdict(without.verify(&issuer.token()).await), "revocations_unavailable", "{what}");
        source.replace(good.clone());
        without.refresh_revocations().await.unwrap();
        source.replace(forgery);
        without.refresh_revocations().await.unwrap_err();
        assert_eq!(verdict(without.verify(&issuer.token()).await), "revoked", "{what}: the list before stays");
        assert!(without.revocation_state().unwrap().failure.is_some(), "{what}");
    }
}

#[tokio::test]
async fn an_older_list_never_replaces_a_newer_one() {
    let issuer = Issuer::new("k1");
    let source = FixedRevocations::new(list_with_token(&issuer));
    let verifier = verifier(&issuer, source.clone());
    assert_eq!(verdict(verifier.verify(&issuer.token()).await), "revoked");
    source.replace(list(&issuer, |list| list["iat"] = json!(NOW - 6)));
    verifier.refresh_revocations().await.unwrap();
    assert_eq!(verdict(verifier.verify(&issuer.token()).await), "revoked");
    assert_eq!(verifier.revocation_state().unwrap().issued_at, Some(NOW - 5));
    source.replace(list(&issuer, |list| list["iat"] = json!(NOW - 4)));
    verifier.refresh_revocations().await.unwrap();
    assert_eq!(verdict(verifier.verify(&issuer.token()).await), "accepted", "a newer one does");
}

#[tokio::test]
async fn a_list_may_say_more_than_we_know() {
    let issuer = Issuer::new("k1");
    let document = list(&issuer, |list| {
        list["later"] = json!({ "a": [1, null] });
        list["clients"] = json!([{ "client_id": "c", "issued_up_to": 5.5, "reason": "contract ended" }]);
        list["tokens"] = json!(["a", "b", "a"]);
    });
    let (verifier, outcome) = after(&issuer, document).await;
    outcome.unwrap();
    let state = verifier.revocation_state().unwrap();
    assert_eq!((state.tokens, state.clients, state.keys), (2, 1, 0));
    assert_eq!((state.is_stale, state.failure), (false, None));
    assert_eq!((state.issued_at, state.ends_at), (Some(NOW - 5), Some(NOW + 295)));
}

#[tokio::test]
async fn a_stranger_learns_nothing_of_what_is_withdrawn() {
    let (issuer, forger) = (Issuer::new("k1"), Issuer::new("k1"));
    let (verifier, outcome) = after(&issuer, list_with_token(&issuer)).await;
    outcome.unwrap();
    assert_eq!(verdict(verifier.verify(&forger.token()).await), "bad_signature");
    let elsewhere = issuer.token_with(|claims| claims["aud"] = ISSUER.into());
    assert_eq!(verdict(verifier.verify(&elsewhere).await), "wrong_audience");
    let bound = issuer.token_with(|claims| claims["cnf"] = json!({ "x5t#S256": encode(&[7; 32]) }));
    assert_eq!(verdict(verifier.verify(&bound).await), "cnf_mismatch");
}

#[test]
fn without_a_list_nothing_is_known_and_offline_nothing_is_waited_for() {
    let issuer = Issuer::new("k1");
    let refusing = verifier(&issuer, FixedRevocations::new(list(&issuer, |_| {})));
    let refusal = refusing.verify_offline(&issuer.token()).unwrap_err();
    assert_eq!((refusal.status(), refusal.reason(), refusal.error()), (503, "revocations_unavailable", None));
    assert!(refusing.revocation_state().unwrap().is_stale);
    let accepting = Revocations::from(FixedRevocations::new("")).accept_when_stale();
    assert_eq!(verdict(verifier(&issuer, accepting).verify_offline(&issuer.token())), "accepted");
    assert_eq!(issuer.verifier().build().unwrap().revocation_state(), None, "a verifier without is as ever");
}

#[test]
fn a_list_cannot_be_stale_before_it_is_asked_for_again() {
    let issuer = Issuer::new("k1");
    let with = |seconds| {
        let age = std::time::Duration::from_secs(seconds);
        issuer.verifier().revocations(Revocations::from(FixedRevocations::new("")).stale_after(age)).build()
    };
    assert!(matches!(with(5), Err(InvalidOptions::StaleBeforeNextPoll { .. })));
    assert!(with(6).is_ok());
}

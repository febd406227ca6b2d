//! nginx of Debian with `auth_request`, as `docs/gateway.md` has it, in front of a provider in Python.

use careconnect_auth::gateway::RunningGateway;
use careconnect_verifier::Group;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;

use super::{BASE, Stage};
use crate::support::{nginx::Nginx, soon::soon};

/// The lines of the guide, with this machine's ports.
fn lines(gateway: &str, backend: &str) -> String {
    let guide = include_str!("../../../docs/gateway.md");
    let (_, rest) = guide.split_once("```nginx\n").unwrap();
    let (block, _) = rest.split_once("```").unwrap();
    block.replace("127.0.0.1:8091", gateway).replace("http://127.0.0.1:9000", backend)
}

struct Front {
    stage: Stage,
    nginx: Nginx,
    _gateway: RunningGateway,
}

impl Front {
    async fn set(head: &str) -> Self {
        let stage = Stage::set().await;
        let section = "[forward_auth]\nlisten = \"127.0.0.1:0\"\nproxy = \"nginx\"";
        let gateway = stage.gateway(&format!("{head}\n{section}")).await;
        let lines = lines(&gateway.forward_auth.unwrap().to_string(), &stage.backend);
        let nginx = Nginx::with(|port, _| format!("server {{ listen 127.0.0.1:{port}; {lines} }}")).await;
        Self { stage, nginx, _gateway: gateway }
    }

    fn ask(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        let url = format!("http://127.0.0.1:{}{BASE}{path}", self.nginx.port);
        Client::builder().no_proxy().build().unwrap().request(method, url).bearer_auth(token)
    }
}

#[tokio::test]
async fn nginx_lets_through_what_the_gateway_permits_and_tells_the_provider_who_it_is() {
    let front = Front::set("search_filter = \"replace\"").await;
    let token = front.stage.token(&[Group::READ_SLOT]).await;
    let long = "x".repeat(6_000);
    let forged = front
        .ask(
            Method::GET,
            &format!("/Slot?status=free&searchFilter=https://fhir.nhs.uk/Id/ods-organization-code%7CZ9999&x={long}"),
            &token,
        )
        .header("X-Careconnect-Asid", "999999999999")
        .header("X_Careconnect_Asid", "999999999999")
        .header("X-Original-URI", format!("{BASE}/metadata"))
        .header("X-Original-Method", "DELETE");
    let response = soon("an answer", forged.send()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let asked: Value = response.json().await.unwrap();
    let text = asked.to_string();
    assert!(!text.contains("999999999999") && !text.contains("Z9999"), "{text}");
    assert_eq!(asked["headers"]["x-careconnect-ods-code"], "A1001");
    assert_eq!(asked["headers"]["x-careconnect-groups"], Group::READ_SLOT.as_str());
    assert!(asked["headers"]["authorization"].is_null(), "{text}");
    let path = asked["path"].as_str().unwrap();
    assert!(
        path.starts_with(&format!("{BASE}/Slot?status=free&x={long}&searchFilter=")) && path.ends_with("%7CA1001"),
        "{path}"
    );
}

#[tokio::test]
async fn what_nginx_refuses_has_the_gateways_status_and_words() {
    let front = Front::set("response_profile = \"gpconnect\"").await;
    let viewer = front.stage.token(&[Group::READ_SLOT]).await;
    for (method, path, token, status, words) in [
        (Method::POST, "/Appointment", viewer.as_str(), 403, "the token lacks the group"),
        (Method::GET, "/Slot", "x.y.z", 400, "no access token of this issuer"),
        (Method::GET, "/%53lot", &viewer, 403, "no operation of exactly this"),
    ] {
        let response = soon("an answer", front.ask(method, path, token).send()).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer "));
        assert_eq!(response.headers()["content-type"], "application/fhir+json;charset=utf-8");
        let text = response.text().await.unwrap();
        assert!(text.contains(words), "{text}");
    }
}

//! The question of other proxies.

use careconnect_auth::gateway::RunningGateway;
use careconnect_verifier::Group;
use reqwest::{Client, Method, Response, StatusCode};

use super::{BASE, Stage};
use crate::support::soon::soon;

async fn start(stage: &Stage, proxy: &str) -> (RunningGateway, String) {
    let section = format!("[forward_auth]\nlisten = \"127.0.0.1:0\"\nproxy = \"{proxy}\"");
    let gateway = stage.gateway(&section).await;
    let url = format!("http://{}", gateway.forward_auth.unwrap());
    (gateway, url)
}

async fn ask(method: Method, url: String, token: &str, headers: &[(&str, &str)]) -> Response {
    let request = Client::builder().no_proxy().build().unwrap().request(method, url).bearer_auth(token);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    soon("an answer of the gateway", request.send()).await.unwrap()
}

#[tokio::test]
async fn envoy_asks_with_the_request_itself() {
    let stage = Stage::set().await;
    let (_gateway, url) = start(&stage, "envoy").await;
    let viewer = stage.token(&[Group::READ_SLOT]).await;
    let told = [("X-Original-URI", "/A20047/STU3/1/Slot"), ("X-Original-Method", "GET")]; // words of the caller's
    for (method, path, expected) in [
        (Method::GET, "/authorise/A20047/STU3/1/Slot?status=free", StatusCode::OK),
        (Method::POST, "/authorise/A20047/STU3/1/Appointment", StatusCode::FORBIDDEN),
        (Method::GET, "/authorise", StatusCode::FORBIDDEN),
    ] {
        let answer = ask(method, format!("{url}{path}"), &viewer, &told).await;
        assert_eq!(answer.status(), expected, "{path}");
        let asid = answer.headers().get("x-careconnect-asid");
        assert_eq!(asid.is_some(), expected == StatusCode::OK);
    }
}

#[tokio::test]
async fn traefik_asks_with_its_headers() {
    let stage = Stage::set().await;
    let (_gateway, url) = start(&stage, "traefik").await;
    let viewer = stage.token(&[Group::READ_SLOT]).await;
    let (slot, appointment) = (format!("{BASE}/Slot?status=free"), format!("{BASE}/Appointment"));
    for (headers, expected) in [
        (vec![("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", slot.as_str())], StatusCode::OK),
        (vec![("X-Forwarded-Method", "POST"), ("X-Forwarded-Uri", &appointment)], StatusCode::FORBIDDEN),
        (vec![("X-Forwarded-Method", "GET")], StatusCode::FORBIDDEN),
        (vec![("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "https://x/Slot")], StatusCode::FORBIDDEN),
        (
            vec![("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", &slot), ("X-Forwarded-Uri", &appointment)],
            StatusCode::FORBIDDEN,
        ),
    ] {
        let answer = ask(Method::GET, format!("{url}/authorise"), &viewer, &headers).await;
        assert_eq!(answer.status(), expected, "{headers:?}");
    }
    for name in ["X_Careconnect_Asid", "X-Careconnect-Target", "X.Careconnect.Asid"] {
        let headers = [("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", slot.as_str()), (name, "999999999999")];
        let answer = ask(Method::GET, format!("{url}/authorise"), &viewer, &headers).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{name}");
    }
    let headers = [("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", slot.as_str())];
    let refused = ask(Method::GET, format!("{url}/authorise"), "x.y.z", &headers).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(refused.text().await.unwrap().contains("OperationOutcome"));
}

#[tokio::test]
async fn an_open_operation_says_of_nobody_who_they_are() {
    let stage = Stage::set().await;
    let section = "interactions = \"GET /health open\"\n[forward_auth]\nlisten = \"127.0.0.1:0\"\nproxy = \"envoy\"";
    let gateway = stage.gateway(section).await;
    let url = format!("http://{}/authorise{BASE}/health", gateway.forward_auth.unwrap());
    let answer = ask(Method::GET, url, "none", &[("X-Careconnect-Asid", "999999999999")]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["x-careconnect-asid"], "", "a proxy that copies it overwrites what the caller sent");
}

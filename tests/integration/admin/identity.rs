//! Who is there: the certificate says it, and nothing else.

use careconnect_auth::{domain::Role, http::admin};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::json;

use crate::support::{
    admin::{Admin, ROOT},
    authority::Identity,
    log::Log,
    openapi_contract::Contract,
    test_server::TestServer,
};

/// Method and path, below the base, of every operation of the router, and of some that there are not.
fn operations() -> Vec<(Method, String)> {
    let routes = admin::routes().into_iter().map(|route| (route.method, route.path));
    let filled = routes.map(|(method, path)| (method, path.strip_prefix(admin::BASE).unwrap().replace(['{', '}'], "")));
    let no_such =
        [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD, Method::OPTIONS]
            .into_iter()
            .flat_map(|method| {
                ["/no-such-thing", "", "/whoami", "/%2e%2e/%00"].map(|path| (method.clone(), path.to_owned()))
            });
    filled.chain(no_such).collect()
}

async fn all_answer(admin: &Admin, status: u16) {
    for (method, path) in operations() {
        for body in ["", "{}", "not JSON"] {
            let answer = admin.send(method.clone(), &path, |request| request.body(body)).await;
            assert_eq!(answer.status, status, "{method} {path:?}");
        }
    }
}

#[tokio::test]
async fn without_a_certificate_every_operation_answers_401_before_anything_is_looked_at() {
    // R49
    let server = TestServer::start().await;
    all_answer(&server.admin_with(None), 401).await;
    let answer = server.admin_with(None).get("/whoami?limit=x&limit=y").await;
    assert_eq!(answer.problem(401), "not-authenticated");
    assert_eq!(answer.header("www-authenticate"), "Certificate realm=\"careconnect-auth admin\"");
}

#[tokio::test]
async fn a_certificate_of_the_authority_that_no_administrator_has_answers_403_everywhere() {
    // R49
    let server = TestServer::start().await;
    let stranger = server.admin_with(Some(&server.admin_authority.client("stranger.admin.nhs.uk")));
    all_answer(&stranger, 403).await;
    let answer = stranger.get("/whoami").await;
    assert_eq!(answer.problem(403), "not-permitted");
    assert!(answer.text().contains("CN=stranger.admin.nhs.uk"), "{}", answer.text());
}

#[tokio::test]
async fn a_certificate_of_consumers_or_one_that_signs_itself_ends_in_the_handshake() {
    // R49, R27
    let (log, server) = (Log::capture(), TestServer::start().await);
    let impostor = crate::support::authority::Authority::new("Admin CA");
    for identity in [
        server.client_authority.client(ROOT),
        Identity::self_signed(ROOT, |_| {}),
        impostor.client(ROOT),
        server.admin_authority.client(ROOT).signing_itself(ROOT),
    ] {
        let admin = server.admin_with(Some(&identity));
        assert!(admin.request(Method::GET, "/whoami").send().await.is_err());
    }
    assert_eq!(log.refusals().len(), 4, "{}", log.text());
    assert!(log.text().contains("\"listener\":\"admin\""));
    // What else the chain holds names nobody (R25).
    let stuffed = server.admin_authority.client("stranger.admin.nhs.uk");
    let stuffed = stuffed.stuffed_with(server.admin_authority.client(ROOT).chain);
    assert_eq!(server.admin_with(Some(&stuffed)).get("/whoami").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn no_header_and_no_cookie_stands_for_a_certificate() {
    // R49, R28
    let server = TestServer::start().await;
    let root = server.admin_authority.client(ROOT);
    let pem = root.pem().replace('\n', "%0A").replace(' ', "%20").replace('+', "%2B");
    let der = {
        use base64::{Engine, prelude::BASE64_STANDARD};
        BASE64_STANDARD.encode(&root.chain[0])
    };
    let none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsInJvbGVzIjpbImVkaXRvciJdfQ.";
    for (name, value) in [
        ("authorization", ""),
        ("authorization", "Bearer"),
        ("authorization", "Bearer garbage"),
        ("authorization", &format!("Bearer {none}")),
        ("authorization", "Basic cm9vdDpyb290"),
        ("cookie", "session=admin; admin=true"),
        ("x-internal", "true"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
        ("x-original-url", "/health/live"),
        ("x-http-method-override", "GET"),
        ("x-user", "Root"),
        ("client-cert", &format!(":{der}:")),
        ("x-ssl-client-cert", &pem),
        ("x-forwarded-client-cert", &format!("Cert=\"{pem}\"")),
    ] {
        let headers =
            HeaderMap::from_iter([(name.parse::<reqwest::header::HeaderName>().unwrap(), value.parse().unwrap())]);
        let send =
            async |admin: Admin| admin.send(Method::GET, "/whoami", |request| request.headers(headers.clone())).await;
        assert_eq!(send(server.admin_with(None)).await.problem(401), "not-authenticated", "{name}");
        let stranger = server.admin_authority.client("stranger.admin.nhs.uk");
        assert_eq!(send(server.admin_with(Some(&stranger))).await.problem(403), "not-permitted", "{name}");
    }
    for query in ["access_token=a.b.c", "token=x", "client_secret=x", "admin=true"] {
        assert_eq!(server.admin_with(None).get(&format!("/whoami?{query}")).await.status, StatusCode::UNAUTHORIZED);
        let answer = server.admin().get(&format!("/whoami?{query}")).await;
        assert_eq!((answer.problem(400), answer.faults().len()), ("malformed".to_owned(), 1));
    }
}

#[tokio::test]
async fn each_administrator_is_known_by_name_and_roles_over_both_versions_of_http() {
    let server = TestServer::start().await;
    let root = server.admin_authority.client(ROOT);
    for protocol in [b"h2".as_slice(), b"http/1.1"] {
        let answer = server.admin_speaking(&[protocol], Some(&root)).get("/whoami").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.json()["name"], "Root");
        assert_eq!(answer.json()["roles"], json!(["viewer", "editor", "approver"]));
        assert_eq!(answer.json()["certificate"]["ends_at"], "2049-01-01T00:00:00Z");
    }
    for role in [Role::Viewer, Role::Editor, Role::Approver] {
        assert_eq!(server.admin_as(role).get("/whoami").await.json()["roles"], json!([role]));
    }
}

#[tokio::test]
async fn what_the_caller_has_already_is_not_sent_again() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let own = admin.get("/whoami").await.header("etag").to_owned();
    let known = format!("\"other\", W/{own}");
    let answer = admin.send(Method::GET, "/whoami", |request| request.header("if-none-match", known)).await;
    assert_eq!((answer.status, answer.header("etag")), (StatusCode::NOT_MODIFIED, own.as_str()));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_apart_and_no_other_origin_is_let_in() {
    let server = TestServer::start().await;
    let admin = server.admin();
    assert_eq!(admin.get("/no-such-thing").await.problem(404), "not-found");
    assert_eq!(admin.post("/no-such-thing", &json!({})).await.problem(404), "not-found");
    for answer in [
        admin.post("/whoami", &json!({})).await,
        admin.put("/whoami", "*", &json!({})).await,
        admin.patch("/whoami", "*", &json!({})).await,
        admin.delete("/whoami", "*").await,
    ] {
        assert_eq!((answer.problem(405).as_str(), answer.header("allow")), ("method-not-allowed", "GET,HEAD"));
    }
    for method in [Method::OPTIONS, Method::GET] {
        let cross = |request: reqwest::RequestBuilder| {
            request.header("origin", "https://evil.example").header("access-control-request-method", "GET")
        };
        let answer = admin.send(method, "/whoami", cross).await;
        assert!(
            answer.headers.keys().all(|name| !name.as_str().starts_with("access-control-")),
            "{:?}",
            answer.headers
        );
    }
    let public = server.client_with(&server.client_authority.client("a.nhs.uk"));
    assert_eq!(public.get(server.url("/admin/v1/whoami")).send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_operation_of_the_contract_is_a_route_with_these_parameters_and_the_reverse() {
    let contract = Contract::of_admin();
    let routes = admin::routes();
    for route in &routes {
        let item = &contract.document()["paths"][&route.path];
        let operation = &item[route.method.as_str().to_lowercase()];
        assert!(operation.is_object(), "{} {} is not in openapi.yaml", route.method, route.path);
        let declared = operation["parameters"].as_array().into_iter().flatten().map(|one| contract.resolve(one));
        let declared: Vec<_> =
            declared.filter(|one| one["in"] == "query").map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(declared, route.parameters, "{}", route.path);
    }
    assert_eq!(contract.operations().len(), routes.len());
}

//! Which role each operation needs, of the routes that are served.

use careconnect_auth::{domain::Role, http::admin};
use reqwest::Method;

use crate::support::{
    soon::until,
    test_server::{TestServer, consumer},
};

#[test]
fn whatever_changes_something_needs_the_role_for_it() {
    // R49
    for route in admin::routes() {
        let expected = match route.method {
            Method::GET => None,
            _ if route.path.ends_with("/decision") => Some(Role::Approver),
            _ => Some(Role::Editor),
        };
        assert_eq!(route.role, expected, "{} {}", route.method, route.path);
    }
}

#[tokio::test]
async fn every_change_is_refused_to_whoever_lacks_its_role_before_anything_of_it_is_read() {
    // R49
    let server = TestServer::start().await;
    let revision = server.database.handle().revision().await.unwrap();
    let (mut refused, roles) = (0, [Role::Viewer, Role::Editor, Role::Approver]);
    for role in roles {
        let admin = server.admin_as(role);
        let needs_another = |route: &admin::routes::Route| route.role.is_some_and(|needed| needed != role);
        for route in admin::routes().into_iter().filter(needs_another) {
            let path = route.path.strip_prefix(admin::BASE).unwrap().replace(['{', '}'], "");
            let answer = admin.send(route.method, &path, |request| request.body("not JSON")).await;
            assert_eq!(answer.problem(403), "not-permitted", "{role} {path}");
            refused += 1;
        }
    }
    assert!(refused >= 40, "{refused}");
    assert_eq!(server.database.handle().revision().await.unwrap(), revision);
    let recorded = async || server.database.handle().audit_head().await.unwrap().0 == refused;
    until("a record of each refusal", recorded).await;
}

#[tokio::test]
async fn a_consumers_token_opens_nothing_here() {
    // R49
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let token = server.token_by_secret(&registered).send().await.token();
    let secret = registered.secret.as_ref().unwrap().expose();
    for admin in [server.admin_with(None), server.admin_with(Some(&server.admin_authority.client("other.nhs.uk")))] {
        for method in [Method::GET, Method::POST] {
            let bearer = admin.send(method.clone(), "/consumers", |request| request.bearer_auth(&token)).await;
            let id = registered.consumer.client_id.as_str();
            let basic = admin.send(method, "/consumers", |request| request.basic_auth(id, Some(secret))).await;
            for answer in [bearer, basic] {
                assert!([401, 403].contains(&answer.status.as_u16()), "{}", answer.text());
            }
        }
    }
}

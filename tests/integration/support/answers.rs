//! A server that has answered three token requests.

use careconnect_auth::operations::register_consumer::RegisteredConsumer;

use super::test_server::{ROOT, TestServer, consumer};

/// With the trace ids of one that was issued, one with an unknown scope, and one of nobody who is known.
pub(crate) async fn answered() -> (TestServer, RegisteredConsumer, [String; 3]) {
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let issued = server.token_by_secret(&registered).send().await;
    let unknown = server.token_by_secret(&registered).field("scope", "unknown").send().await;
    let nobody = server.token().basic("nobody", "wrong").field("resource", ROOT).send().await;
    let trace_ids = [issued, unknown, nobody].map(|answer| answer.header("x-trace-id").to_owned());
    (server, registered, trace_ids)
}

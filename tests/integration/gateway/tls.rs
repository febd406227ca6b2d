//! The gateway's own TLS, and the certificate of the connection.

use careconnect_auth::domain::CertificateIdentity;
use reqwest::StatusCode;

use super::{BASE, Stage};
use crate::support::{
    authority::Identity,
    requests::TokenCall,
    soon::soon,
    test_server::{ROOT, consumer_with_certificate},
};

const HOST: &str = "consumer.nhs.uk";

#[tokio::test]
async fn a_bound_token_needs_the_certificate_of_the_connection() {
    // R38
    let stage = Stage::with(|provider| provider.certificate_bound = true).await;
    let server = &stage.server;
    let [own, other] = [HOST, "other.nhs.uk"].map(|host| server.client_authority.client(host));
    server.register(consumer_with_certificate(CertificateIdentity::SanDns(HOST.parse().unwrap()))).await;
    let token = TokenCall::new(server, server.client_with(&own)).field("resource", ROOT).send().await.token();
    let front = server.server_authority.server();
    for (name, text) in
        [("front.pem", front.pem()), ("front.key", front.key_pem()), ("clients.pem", server.client_authority.pem())]
    {
        std::fs::write(stage.directory.path().join(name), text).unwrap();
    }
    let gateway = stage
        .gateway(&format!(
            "[reverse_proxy]\nlisten = \"127.0.0.1:0\"\nbackend = \"{}\"\n[reverse_proxy.tls]\n\
             certificate_file = \"front.pem\"\nkey_file = \"front.key\"\nclient_ca_files = [\"clients.pem\"]",
            stage.backend
        ))
        .await;
    let url = format!("https://localhost:{}{BASE}/Slot", gateway.reverse_proxy.unwrap().port());
    let ask = async |identity: Option<&Identity>| {
        let client = identity.map_or_else(|| server.client(), |identity| server.client_with(identity));
        soon("an answer or none", client.get(&url).bearer_auth(&token).send()).await.map(|response| response.status())
    };
    assert_eq!(ask(Some(&own)).await.unwrap(), StatusCode::OK);
    assert_eq!(ask(Some(&other)).await.unwrap(), StatusCode::UNAUTHORIZED);
    assert!(ask(None).await.is_err(), "nobody comes in without a certificate of the authority");
}

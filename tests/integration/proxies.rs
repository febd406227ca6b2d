//! Certificates that a proxy passes on: nginx as it is, every other form by hand, and everybody who is no proxy.

use std::fs;

use careconnect_auth::{authentication::forwarded, domain::CertificateIdentity};
use reqwest::Client;
use tempfile::TempDir;

use crate::support::{
    authority::{Authority, Identity},
    command::run,
    log::Log,
    nginx::Nginx,
    requests::{Answer, TokenCall},
    test_server::{ROOT, TestServer, consumer, consumer_with_certificate},
};

const HOST: &str = "consumer.thirdparty.nhs.uk";
const PROXY: &str = "proxy.thirdparty.nhs.uk";
const KEY: &str = "a-shared-key-of-at-least-32-characters";
/// The line that matters: nginx overwrites what the client sends, and removes it when there is no certificate.
const PASSES_ON: &str = "proxy_set_header X-SSL-Client-Cert $ssl_client_escaped_cert;";
const BY_NAME: &str = "[[proxies]]\nname = 'front'\nformat = 'nginx'\ncertificate_dns = 'proxy.thirdparty.nhs.uk'\n";

fn urlencoded(identity: &Identity) -> String {
    url::form_urlencoded::byte_serialize(identity.pem().as_bytes()).collect::<String>().replace('+', "%20")
}

/// A server with these lines of configuration, a provider, and a consumer with a certificate of its own.
async fn scene(toml: &str) -> (TestServer, Identity) {
    let server = TestServer::with(toml).await;
    server.register_provider(|_| {}).await;
    let identity = server.client_authority.client(HOST);
    server.register(consumer_with_certificate(CertificateIdentity::parse("san_dns", HOST).unwrap())).await;
    (server, identity)
}

fn call(server: &TestServer, client: Client) -> TokenCall<'_> {
    TokenCall::new(server, client).field("resource", ROOT)
}

#[track_caller]
fn is_nobody(answer: &Answer) {
    assert_eq!(answer.refused(401).1, "client_authentication_failed");
}

#[tokio::test]
async fn a_certificate_that_nginx_passes_on_gets_a_token_and_the_same_header_sent_directly_none() {
    // R28
    assert!(include_str!("../../docs/proxies.md").contains(PASSES_ON));
    let (server, identity) = scene(BY_NAME).await;
    let own = server.client_authority.client(PROXY);
    let nginx = Nginx::in_front_of(&server, Some(&own), PASSES_ON).await;
    let through = |client: Client| call(&server, client).through(nginx.port);

    for _again in 0..2 {
        let token = through(server.client_with(&identity)).send().await.token();
        server.verify(ROOT, &token).await;
    }
    let direct = call(&server, server.client()).header("x-ssl-client-cert", &urlencoded(&identity)).send().await;
    is_nobody(&direct);

    // A header that the client itself sends is overwritten, whether it shows a certificate or not.
    let forged = through(server.client()).header("x-ssl-client-cert", &urlencoded(&identity)).send().await;
    is_nobody(&forged);
    let other = server.client_authority.client("other.thirdparty.nhs.uk");
    let forged = through(server.client_with(&other)).header("x-ssl-client-cert", &urlencoded(&identity)).send().await;
    is_nobody(&forged);

    // Neither nginx's own certificate nor that of another authority is the client's.
    is_nobody(&through(server.client()).send().await);
    let pretended = Authority::new("Client CA").client(HOST);
    is_nobody(&through(server.client_with(&pretended)).send().await);
}

#[tokio::test]
async fn a_proxy_without_proof_of_itself_is_a_stranger() {
    // R28
    let (server, identity) = scene(BY_NAME).await;
    let nginx = Nginx::in_front_of(&server, None, PASSES_ON).await;
    is_nobody(&call(&server, server.client_with(&identity)).through(nginx.port).send().await);

    let own = server.client_authority.client("another-proxy.thirdparty.nhs.uk");
    let nginx = Nginx::in_front_of(&server, Some(&own), PASSES_ON).await;
    is_nobody(&call(&server, server.client_with(&identity)).through(nginx.port).send().await);
}

#[tokio::test]
async fn a_proxy_that_adds_to_a_header_instead_of_setting_it_is_refused() {
    // R28
    let (server, identity) = scene(BY_NAME).await;
    let own = server.client_authority.client(PROXY);
    let passes_all_on = "proxy_set_header X-SSL-Client-Cert $ssl_client_escaped_cert; \
                         proxy_set_header x-ssl-client-cert $http_x_ssl_client_cert;";
    let nginx = Nginx::in_front_of(&server, Some(&own), passes_all_on).await;
    let call = call(&server, server.client_with(&identity)).through(nginx.port);
    let doubled = call.header("x-ssl-client-cert", &urlencoded(&identity)).send().await;
    assert_eq!(doubled.refused(400), ("invalid_request".into(), "certificate_header_repeated".into()));
}

#[tokio::test]
async fn through_a_proxy_a_header_twice_or_of_another_form_or_unreadable_is_refused() {
    // R28
    let (server, identity) = scene(BY_NAME).await;
    let proxy = server.client_with(&server.client_authority.client(PROXY));
    let good = urlencoded(&identity);
    let call = |headers: &[(&'static str, &str)]| {
        let call = call(&server, proxy.clone());
        headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send()
    };
    call(&[("x-ssl-client-cert", &good)]).await.token();
    // Further facts about a certificate, as many set-ups send them, neither help nor hurt.
    call(&[("x-ssl-client-cert", &good), ("x-ssl-client-verify", "FAILED")]).await.token();
    for doubled in [
        [("x-ssl-client-cert", good.as_str()), ("x-ssl-client-cert", &good)],
        [("x-ssl-client-cert", ""), ("x-ssl-client-cert", &good)],
        [("x-ssl-client-cert", &good), ("client-cert", ":AAAA:")],
        [("x-ssl-client-cert", &good), ("x-forwarded-client-cert", "By=x")],
    ] {
        assert_eq!(call(&doubled).await.refused(400).1, "certificate_header_repeated");
    }
    for unreadable in ["x", "-----BEGIN CERTIFICATE-----", &good[..good.len() - 60], &format!("{good}, {good}")] {
        assert_eq!(call(&[("x-ssl-client-cert", unreadable)]).await.refused(400).1, "certificate_header_malformed");
    }
    is_nobody(&call(&[("x-ssl-client-cert", "")]).await);
}

#[tokio::test]
async fn a_header_of_another_form_that_a_proxy_lets_through_is_nobody_s_certificate() {
    // R28
    let (server, identity) = scene(BY_NAME).await;
    let proxy = server.client_with(&server.client_authority.client(PROXY));
    for name in forwarded::usual_headers().filter(|name| *name != "x-ssl-client-cert") {
        let call = call(&server, proxy.clone()).header(name, &urlencoded(&identity));
        is_nobody(&call.header("x-ssl-client-cert", "").send().await);
    }
}

#[tokio::test]
async fn doctor_proves_from_outside_that_no_header_is_believed() {
    // R28
    let (server, _) = scene(BY_NAME).await;
    let own = server.client_authority.client(PROXY);
    let lets_it_through = "proxy_set_header X-SSL-Client-Cert $http_x_ssl_client_cert;";
    let (sound, leaky) = (
        Nginx::in_front_of(&server, Some(&own), PASSES_ON).await,
        Nginx::in_front_of(&server, Some(&own), lets_it_through).await,
    );
    let elsewhere = TempDir::new().unwrap();
    let doctor = async |port: u16| {
        let url = format!("https://localhost:{port}{}/", server.issuer_path());
        let directory = elsewhere.path().to_owned();
        let run = move || run(&directory, &["doctor", "--spoof-check", "--json", "--url", &url]);
        let run = tokio::task::spawn_blocking(run).await.unwrap();
        let findings = run.json().as_array().unwrap().clone();
        let bad =
            findings.iter().filter(|finding| finding["verdict"] != "ok").map(|finding| finding["detail"].to_string());
        (run.code, findings.len(), bad.collect::<Vec<_>>().join("\n"))
    };
    for port in [server.running.address.port(), sound.port] {
        let (code, headers, bad) = doctor(port).await;
        assert!(code == 0 && headers > 10 && bad.is_empty(), "{code} {headers} {bad}");
    }
    let (code, _, bad) = doctor(leaky.port).await;
    assert_eq!(code, 1);
    assert!(bad.contains("x-ssl-client-cert from here is believed") && !bad.contains('\n'), "{bad}");

    let nobody_listens = doctor(9).await;
    assert_eq!((nobody_listens.0, nobody_listens.1), (1, 1), "{}", nobody_listens.2);
}

#[tokio::test]
async fn a_header_from_anybody_else_is_ignored_and_counted_whatever_its_name() {
    // R28; the consumer's own certificate on the connection still counts.
    let metrics = careconnect_auth::telemetry::metrics::Metrics::install().unwrap();
    let log = Log::capture();
    let (server, identity) = scene(BY_NAME).await;
    let registered = server.register(consumer()).await;
    let mut names: Vec<&'static str> = forwarded::usual_headers().chain(forwarded::NEVER_READ).collect();
    names.sort_unstable();
    for name in names {
        for value in [urlencoded(&identity), "garbage".to_owned()] {
            let call = call(&server, server.client()).header(name, &value).header(name, &value);
            is_nobody(&call.send().await);
        }
        let claimed = urlencoded(&identity);
        call(&server, server.client_with(&identity)).header(name, "garbage").send().await.token();
        server.token_by_secret(&registered).header(name, &claimed).send().await.token();
        let counted = format!("careconnect_proxy_headers_ignored_total{{header=\"{name}\"}}");
        assert!(metrics.render().contains(&counted), "{counted}");
    }
    assert_eq!(log.text().matches("certificate_header_ignored").count(), 1, "once for an address: {}", log.text());
}

#[tokio::test]
async fn a_self_signed_proxy_is_known_by_its_thumbprint_alone() {
    // R28
    let own = Identity::self_signed(PROXY, |_| {});
    let thumbprint = careconnect_auth::domain::CertificateThumbprint::of_der(&own.chain[0]);
    let toml = format!("[[proxies]]\nname = 'front'\nformat = 'rfc9440'\ncertificate = '{thumbprint}'\n");
    let (server, identity) = scene(&toml).await;
    let der = |index: usize| {
        use base64::{Engine, prelude::BASE64_STANDARD};
        format!(":{}:", BASE64_STANDARD.encode(&identity.chain[index]))
    };
    call(&server, server.client_with(&own)).header("client-cert", &der(0)).send().await.token();
    is_nobody(&call(&server, server.client_with(&own)).send().await);
    let claims_its_name = server.client_authority.client(PROXY);
    is_nobody(&call(&server, server.client_with(&claims_its_name)).header("client-cert", &der(0)).send().await);
}

#[tokio::test]
async fn an_address_counts_only_with_its_key_and_the_client_s_address_is_in_the_log() {
    // R28
    let keys = TempDir::new().unwrap();
    let file = keys.path().join("key");
    let old = "the-key-before-this-one-0123456789";
    fs::write(&file, format!("{KEY}\n{old}\n")).unwrap();
    let of = |address: &str| {
        format!(
            "[[proxies]]\nname = 'front'\nformat = 'nginx'\naddresses = ['{address}']\nshared_key_file = '{}'\n\
             client_address_header = 'x-forwarded-for'\n",
            file.display()
        )
    };
    let log = Log::capture();
    let (server, identity) = scene(&of("127.0.0.0/8")).await;
    let good = urlencoded(&identity);
    let call = |server| call(server, server.client()).header("x-ssl-client-cert", &good);
    for key in [KEY, old] {
        let through = call(&server).header("proxy-key", key).header("x-forwarded-for", "192.0.2.66, 192.0.2.1");
        through.send().await.token();
    }
    assert!(log.text().contains("192.0.2.1") && !log.text().contains("192.0.2.66"), "{}", log.text());
    assert!(!log.text().contains(KEY), "{}", log.text());

    is_nobody(&call(&server).send().await);
    is_nobody(&call(&server).header("proxy-key", &KEY[1..]).send().await);
    is_nobody(&call(&server).header("proxy-key", KEY).header("proxy-key", KEY).send().await);
    let (elsewhere, _) = scene(&of("192.0.2.0/24")).await;
    is_nobody(&call(&elsewhere).header("proxy-key", KEY).send().await);
}

#[tokio::test]
async fn a_test_authority_makes_no_proxies_for_live_consumers() {
    // R27, R28
    let test_authority = Authority::new("Test CA");
    let toml = format!(
        "tls.client_authorities = [{{ name = 'ptl', environment = 'test', ca_files = ['ptl.pem'] }}]\n{BY_NAME}"
    );
    let server = TestServer::with_files(&toml, &[("ptl.pem", test_authority.pem())]).await;
    server.register_provider(|_| {}).await;
    let identity = server.client_authority.client(HOST);
    server.register(consumer_with_certificate(CertificateIdentity::parse("san_dns", HOST).unwrap())).await;
    let as_proxy = |own: &Identity| {
        call(&server, server.client_with(own)).header("x-ssl-client-cert", &urlencoded(&identity)).send()
    };
    is_nobody(&as_proxy(&test_authority.client(PROXY)).await);
    as_proxy(&server.client_authority.client(PROXY)).await.token();
}

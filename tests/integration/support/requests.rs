//! Token requests, and answers that have been held against openapi.yaml.

use std::sync::LazyLock;

use reqwest::{Method, RequestBuilder, Response, StatusCode, header::HeaderMap};
use serde_json::Value;

use super::{openapi_contract::Contract, test_server::TestServer};

static CONTRACT: LazyLock<Contract> = LazyLock::new(Contract::load);
static ADMIN_CONTRACT: LazyLock<Contract> = LazyLock::new(Contract::of_admin);

/// An answer that fits the contract, unless it was read past it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Without a look at the contract.
    pub(crate) async fn read(response: Response) -> Result<Self, reqwest::Error> {
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Self { status, headers, body: response.bytes().await?.to_vec() })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The access token of a success.
    #[track_caller]
    pub(crate) fn token(&self) -> String {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text());
        self.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// The OAuth error and the reason of a refusal with `status`.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16) -> (String, String) {
        assert_eq!(self.status, status, "{}", self.text());
        let body = self.json();
        let part = |name: &str| body[name].as_str().unwrap().to_owned();
        (part("error"), part("reason"))
    }
}

/// Sends a request for `path` of a server, and holds the answer against openapi.yaml.
pub(crate) async fn send(method: Method, path: &str, request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
    read(&CONTRACT, &method, path, response).await
}

/// The same for the admin listener.
pub(crate) async fn send_to_admin(method: Method, path: &str, request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
    read(&ADMIN_CONTRACT, &method, path, response).await
}

async fn read(contract: &Contract, method: &Method, path: &str, response: Response) -> Answer {
    let answer = Answer::read(response).await.unwrap();
    contract.check(method.as_str(), path, answer.status.as_u16(), &answer.headers, &answer.body);
    answer
}

/// A token request, field by field.
pub(crate) struct TokenCall<'a> {
    server: &'a TestServer,
    client: reqwest::Client,
    headers: HeaderMap,
    form: Vec<(String, String)>,
    basic: Option<(String, String)>,
    /// Of a proxy in front, instead of the server's own.
    port: Option<u16>,
    endpoint: &'static str,
}

impl<'a> TokenCall<'a> {
    /// With `grant_type` and nothing else, over `client`.
    pub(crate) fn new(server: &'a TestServer, client: reqwest::Client) -> Self {
        let form = vec![("grant_type".to_owned(), "client_credentials".to_owned())];
        Self { server, client, headers: HeaderMap::new(), form, basic: None, port: None, endpoint: "/oauth2/token" }
    }

    /// Adds a parameter, also one that stands there already.
    pub(crate) fn field(mut self, name: &str, value: &str) -> Self {
        self.form.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.form.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn basic(mut self, id: &str, secret: &str) -> Self {
        self.basic = Some((id.to_owned(), secret.to_owned()));
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(name, value.parse().unwrap());
        self
    }

    /// Sends it to a proxy that listens on `port` of this machine.
    pub(crate) fn through(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Sends it to another endpoint of the issuer.
    pub(crate) fn to(mut self, endpoint: &'static str) -> Self {
        self.endpoint = endpoint;
        self
    }

    pub(crate) async fn send(self) -> Answer {
        let path = format!("{}{}", self.server.issuer_path(), self.endpoint);
        let port = self.port.unwrap_or_else(|| self.server.running.address.port());
        let mut request =
            self.client.post(format!("https://localhost:{port}{path}")).headers(self.headers).form(&self.form);
        if let Some((id, secret)) = &self.basic {
            request = request.basic_auth(id, Some(secret));
        }
        send(Method::POST, &path, request).await
    }
}

//! Administrators of the test server, each with a certificate of the admin authority.

use std::net::SocketAddr;

use careconnect_auth::{domain::Role, http::admin::BASE};
use reqwest::{Method, RequestBuilder, header};
use rustls::ClientConfig;
use serde_json::Value;

use super::{
    authority::Identity,
    requests::{Answer, send_to_admin},
    test_server::TestServer,
    tls_client,
};

/// The host name in the certificate of the administrator with all roles.
pub(crate) const ROOT: &str = "root.admin.nhs.uk";

/// The lines of configuration: an administrator for each role alone, and one with all of them.
pub(super) fn config(listen: SocketAddr) -> String {
    let administrator = |name: &str, roles: &str, host: &str| {
        format!("{{ name = \"{name}\", roles = [{roles}], san_dns = \"{host}\" }}")
    };
    let administrators = [
        administrator("Root", "\"viewer\", \"editor\", \"approver\"", ROOT),
        administrator("Vera Viewer", "\"viewer\"", "viewer.admin.nhs.uk"),
        administrator("Ed Editor", "\"editor\"", "editor.admin.nhs.uk"),
        administrator("Ann Approver", "\"approver\"", "approver.admin.nhs.uk"),
    ];
    let administrators = administrators.join(", ");
    format!(
        "admin.listen = \"{listen}\"\nadmin.client_ca_files = [\"admin-ca.pem\"]\nadmin.administrators = [{administrators}]\n"
    )
}

/// A client of the admin API. Paths are those below `/admin/v1`.
#[derive(Clone)]
pub(crate) struct Admin {
    client: reqwest::Client,
    origin: String,
}

impl TestServer {
    /// With all roles.
    pub(crate) fn admin(&self) -> Admin {
        self.admin_with(Some(&self.admin_authority.client(ROOT)))
    }

    /// With this role alone.
    pub(crate) fn admin_as(&self, role: Role) -> Admin {
        self.admin_with(Some(&self.admin_authority.client(&format!("{role}.admin.nhs.uk"))))
    }

    /// With this certificate, or none.
    pub(crate) fn admin_with(&self, identity: Option<&Identity>) -> Admin {
        self.admin_speaking(&[b"h2", b"http/1.1"], identity)
    }

    /// The same with these protocols on offer.
    pub(crate) fn admin_speaking(&self, protocols: &[&[u8]], identity: Option<&Identity>) -> Admin {
        let mut tls = tls_client::config(&self.server_authority, identity);
        tls.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Admin::at(self.running.admin_address.unwrap().port(), tls)
    }
}

impl Admin {
    /// At a port of this machine.
    pub(super) fn at(port: u16, tls: ClientConfig) -> Self {
        let client = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap();
        Self { client, origin: format!("https://localhost:{port}") }
    }

    /// A request that is sent with [`Self::send`], or without a look at the contract.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{BASE}{path}", self.origin))
    }

    /// Sends what `change` makes of a request, and holds the answer against openapi.yaml.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        change: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Answer {
        let request = change(self.request(method.clone(), path));
        send_to_admin(method, &format!("{BASE}{path}"), request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, |request| request).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, |request| request.json(body)).await
    }

    /// An update of the state with that tag.
    pub(crate) async fn put(&self, path: &str, tag: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, |request| request.header(header::IF_MATCH, tag).json(body)).await
    }

    /// A merge patch on the state with that tag.
    pub(crate) async fn patch(&self, path: &str, tag: &str, patch: &Value) -> Answer {
        let merge_patch = (header::CONTENT_TYPE, "application/merge-patch+json");
        let change = |request: RequestBuilder| {
            request.header(header::IF_MATCH, tag).header(merge_patch.0, merge_patch.1).body(patch.to_string())
        };
        self.send(Method::PATCH, path, change).await
    }

    pub(crate) async fn delete(&self, path: &str, tag: &str) -> Answer {
        self.send(Method::DELETE, path, |request| request.header(header::IF_MATCH, tag)).await
    }
}

impl Answer {
    /// The kind of a problem with `status`, without `admin-`.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        let body = self.json();
        let kind = body["type"].as_str().unwrap().rsplit_once("/errors/admin-").unwrap().1.to_owned();
        assert_eq!(body["trace_id"].as_str().unwrap(), self.header("x-trace-id"));
        kind
    }

    /// Where the faults of a problem are: pointers and parameters.
    pub(crate) fn faults(&self) -> Vec<String> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        let place = |error: &Value| error["pointer"].as_str().or(error["parameter"].as_str()).unwrap().to_owned();
        errors.iter().map(place).collect()
    }
}

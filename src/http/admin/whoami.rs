//! `GET /admin/v1/whoami`: as whom the server knows the caller.

use axum::{http::HeaderMap, response::Response};
use serde_json::json;

use super::{answer::found, identity::Administrator};

pub(super) async fn whoami(administrator: Administrator, headers: HeaderMap) -> Response {
    let certificate = &administrator.certificate;
    let representation = json!({
        "name": administrator.name.as_ref(),
        "roles": administrator.roles.as_ref(),
        "certificate": {
            "subject": certificate.subject(),
            "thumbprint": certificate.thumbprint().to_string(),
            "ends_at": certificate.not_after().to_string(),
        },
    });
    found(&headers, representation)
}

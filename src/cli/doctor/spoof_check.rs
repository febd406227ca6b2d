//! `doctor --spoof-check`: from outside and without credentials, does a server believe a certificate in a header?
//!
//! A server that believes its caller has to read the header, and refuses one that no proxy would write. One that takes the
//! caller for a stranger answers as it does without the header. A form without parameters is enough to find out: it is no
//! attempt to authenticate, which would count against this address.

use reqwest::{Client, header::CONTENT_TYPE};
use serde_json::Value;

use super::{
    Finding, Verdict,
    running_server::{client, local_client, origin},
};
use crate::{
    authentication::forwarded::proxies::header_names,
    cli::output,
    config::{Config, LoadedConfig},
    domain::Reason,
};

const CHECK: &str = "spoofing";

/// What no proxy writes, in any form.
const MALFORMED: &str = "spoof-check";

/// What a token endpoint says to an empty form; whatever else answers so to all headers proves nothing.
const AT_A_TOKEN_ENDPOINT: &str = Reason::GrantTypeMissing.name();

/// How an answer to a header with a certificate begins, of a server that has read it.
const BELIEVED: &str = "certificate_header_";

/// Of the server with this issuer, or of the one that should be running here.
pub(super) async fn of_server(loaded: Option<&LoadedConfig>, url: Option<&str>) -> anyhow::Result<Vec<Finding>> {
    let config = loaded.map(|loaded| loaded.config.clone()).unwrap_or_default();
    if let Some(url) = url {
        let client = client().build()?;
        return Ok(check(&client, &format!("{}/oauth2/token", url.trim_end_matches('/')), &config).await);
    }
    let (Some(issuer), listen) = (&config.issuer, config.listen) else {
        let detail = "there is no issuer to look for";
        return Ok(vec![Finding::failure("server", detail, "set `issuer`, or name another server with --url")]);
    };
    let token_endpoint = format!("{}{}/oauth2/token", origin(listen), issuer.path());
    Ok(check(&local_client(listen)?, &token_endpoint, &config).await)
}

/// What the server at `token_endpoint` makes of each header that could claim a certificate, malformed and sent twice.
async fn check(client: &Client, token_endpoint: &str, config: &Config) -> Vec<Finding> {
    let without = match reason(client, token_endpoint, &[]).await {
        Ok(reason) if reason == AT_A_TOKEN_ENDPOINT => reason,
        Ok(other) => return no_token_endpoint(token_endpoint, &format!("it answers {other:?}")),
        Err(error) => return no_token_endpoint(token_endpoint, &output::sentence(&error)),
    };
    let mut findings = Vec::new();
    for header in header_names(&config.proxies) {
        let mut verdict = Finding::ok(CHECK, format!("{header} is ignored"));
        for values in [&[MALFORMED][..], &[MALFORMED, MALFORMED]] {
            let headers: Vec<_> = values.iter().map(|value| (header.as_str(), *value)).collect();
            let found = judge(&header, reason(client, token_endpoint, &headers).await, &without);
            if found.verdict > verdict.verdict {
                verdict = found;
            }
        }
        findings.push(verdict);
    }
    findings
}

fn no_token_endpoint(at: &str, why: &str) -> Vec<Finding> {
    let detail = format!("there is no token endpoint at {at}: {why}");
    vec![Finding::failure(CHECK, detail, "name the issuer as its metadata does: --url https://…")]
}

/// One finding for all headers that are ignored, and each that is not.
pub(super) fn in_short(findings: Vec<Finding>) -> Vec<Finding> {
    let count = findings.len();
    let mut found: Vec<_> = findings.into_iter().filter(|finding| finding.verdict != Verdict::Ok).collect();
    if found.is_empty() {
        found.push(Finding::ok(CHECK, format!("a certificate in any of {count} headers is ignored")));
    }
    found
}

fn judge(header: &str, answer: anyhow::Result<String>, without: &str) -> Finding {
    match answer {
        Ok(reason) if reason.starts_with(BELIEVED) => Finding::failure(
            CHECK,
            format!("{header} from here is believed: expected {without}, received {reason}"),
            "the proxy in front lets it through, or takes this machine for itself: docs/proxies.md says what to overwrite",
        ),
        Ok(reason) if reason == without => Finding::ok(CHECK, format!("{header} is ignored")),
        Ok(reason) => unclear(header, &format!("expected {without}, received {reason}")),
        Err(error) => unclear(header, &output::sentence(&error)),
    }
}

fn unclear(header: &str, why: &str) -> Finding {
    let detail = format!("{header}: no telling whether it is believed: {why}");
    Finding::warning(CHECK, detail, "ask again when the server is less busy, or from another machine")
}

/// The reason with which a request without anything but `headers` is refused.
async fn reason(client: &Client, token_endpoint: &str, headers: &[(&str, &str)]) -> anyhow::Result<String> {
    let mut request = client.post(token_endpoint).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await?;
    let status = response.status();
    let body = response.json::<Value>().await.unwrap_or_default();
    body["reason"].as_str().map(str::to_owned).ok_or_else(|| anyhow::anyhow!("it answers {status} without a reason"))
}

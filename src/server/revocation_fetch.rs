//! Fetches revocation lists over HTTP: before the first connection, then in the background, never while a client waits.

use std::{error::Error, sync::Arc, time::Duration};

use metrics::counter;
use reqwest::{Client, Response, redirect};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinSet,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use super::{tls::ReloadableTls, tls_files::read_client_trust};
use crate::{
    authentication::client_trust::ClientTrust,
    blocking::blocking,
    config::{ClientAuthority, CrlSource},
};

/// The largest that is read. Lists of large authorities have some hundred thousand entries of 40 octets.
const MAX_OCTETS: usize = 16 * 1024 * 1024; // some 400,000 serial numbers; in memory, a list takes many times its length
/// For one list, redirections included.
const FETCH_WITHIN: Duration = Duration::from_secs(30);
/// For all lists together, before the server serves with those that it has.
const START_WITHIN: Duration = Duration::from_secs(10);
/// After a failure the next attempt comes sooner than the refresh would.
const RETRY_AFTER: Duration = Duration::from_secs(60);
const MAX_REDIRECTIONS: usize = 3;

/// One list that is fetched for one authority.
#[derive(Debug, Clone)]
struct RemoteList {
    authority: String,
    url: Url,
    every: Duration,
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum FetchFailure {
    /// It does not answer, or not with a list.
    #[error("cannot be fetched: {0}")]
    Unreachable(String),
    /// It answers something else than 200.
    #[error("expected 200, received {0}")]
    Status(u16),
    /// It sends without end.
    #[error("expected at most {MAX_OCTETS} octets, received more")]
    TooLarge,
    /// It has sent something that cannot be believed.
    #[error("what it sent is not taken: {0}")]
    Refused(String),
}

/// Fetches the lists that the listener of `tls` is configured with, as far as they come in time, and from then on in
/// `tasks` until `stop`.
pub async fn follow_lists(
    tls: &Arc<ReloadableTls>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let lists = remote_lists(&tls.files().client_authorities);
    if lists.is_empty() {
        return Ok(());
    }
    let client = list_client()?;
    for (list, failed) in fetch_first(lists, &client, tls).await {
        let hang_up = signal(SignalKind::hangup())?;
        tasks.spawn(list.follow(client.clone(), tls.clone(), failed, hang_up, stop.clone()));
    }
    Ok(())
}

fn remote_lists(authorities: &[ClientAuthority]) -> Vec<RemoteList> {
    let lists = authorities.iter().flat_map(|authority| {
        authority.crls.iter().filter_map(|source| match source {
            CrlSource::File(_) => None,
            CrlSource::Url(url) => {
                Some(RemoteList { authority: authority.name.clone(), url: url.clone(), every: authority.crl_refresh })
            }
        })
    });
    lists.collect()
}

/// A client for lists. It follows no redirection to another scheme: what was asked for over https is not taken over http.
pub fn list_client() -> Result<Client, reqwest::Error> {
    let policy = redirect::Policy::custom(|attempt| {
        let keeps_scheme = attempt.previous().last().is_some_and(|last| last.scheme() == attempt.url().scheme());
        if !keeps_scheme {
            attempt.error("it redirects to another scheme")
        } else if attempt.previous().len() > MAX_REDIRECTIONS {
            attempt.error("it redirects too often")
        } else {
            attempt.follow()
        }
    });
    Client::builder().timeout(FETCH_WITHIN).redirect(policy).build()
}

impl RemoteList {
    /// Fetches it once and gives it to `tls`. Counted, and logged when something changes: a new list, the first failure
    /// after a success, or the first success after a failure.
    async fn refresh(&self, client: &Client, tls: &Arc<ReloadableTls>, had_failed: bool) -> Result<(), FetchFailure> {
        let (authority, source) = (self.authority.as_str(), self.url.as_str());
        let outcome = self.fetch_into(client, tls).await;
        let name = match &outcome {
            Ok(true) => "loaded",
            Ok(false) => "unchanged",
            Err(FetchFailure::Refused(_)) => "refused",
            Err(_) => "failed",
        };
        counter!("careconnect_crl_fetches_total", "authority" => self.authority.clone(), "source" => self.url.to_string(),
            "outcome" => name)
        .increment(1);
        match &outcome {
            Ok(true) => tracing::info!(event = "crl_loaded", authority, source, "revocation list taken"),
            Ok(false) if had_failed => tracing::info!(event = "crl_back", authority, source, "revocation list is back"),
            Err(error) if !had_failed => {
                tracing::error!(event = "crl_failed", authority, source, %error, "revocation list kept as it was");
            }
            Ok(false) | Err(_) => {}
        }
        outcome.map(drop)
    }

    async fn fetch_into(&self, client: &Client, tls: &Arc<ReloadableTls>) -> Result<bool, FetchFailure> {
        let content = fetch(client, &self.url).await?;
        let (tls, list) = (tls.clone(), self.clone());
        let taken = blocking(move || tls.take_revocation_lists(&list.authority, list.url.as_str(), &content)).await;
        taken.map_err(|error| FetchFailure::Refused(error.to_string()))
    }

    /// Fetches it as often as it is wanted, and at every `hang_up`, until `stop`. `failed`: did the first attempt fail?
    async fn follow(
        self,
        client: Client,
        tls: Arc<ReloadableTls>,
        mut failed: bool,
        mut hang_up: Signal,
        stop: CancellationToken,
    ) {
        loop {
            let pause = if failed { self.every.min(RETRY_AFTER) } else { self.every };
            tokio::select! {
                () = stop.cancelled() => return,
                _ = hang_up.recv() => {}
                () = tokio::time::sleep(pause) => {}
            }
            let refresh = self.refresh(&client, &tls, failed);
            let Some(outcome) = stop.run_until_cancelled(refresh).await else { return };
            failed = outcome.is_err();
        }
    }
}

/// What `serve` would trust at its start, for other commands: files and lists are read, and nobody is blocked. Gives with it
/// the lists that cannot be had, each with its authority, its URL and why.
pub async fn trust_at_start(
    authorities: &[ClientAuthority],
) -> anyhow::Result<(ClientTrust, Vec<(String, Url, FetchFailure)>)> {
    let mut trust = read_client_trust(authorities)?;
    let (mut failures, lists) = (Vec::new(), remote_lists(authorities));
    let client = (!lists.is_empty()).then(list_client).transpose()?;
    for (list, client) in lists.into_iter().zip(client.iter().cycle()) {
        let taken = fetch(client, &list.url).await.and_then(|content| {
            let taken = trust.with_lists(&list.authority, list.url.as_str(), &content);
            taken.map_err(|error| FetchFailure::Refused(error.to_string()))
        });
        match taken {
            Ok(newer) => trust = newer.unwrap_or(trust),
            Err(failure) => failures.push((list.authority, list.url, failure)),
        }
    }
    Ok((trust, failures))
}

/// Fetches all `lists` for the first time, as far as they come in time. Gives each with whether it is still missing.
async fn fetch_first(lists: Vec<RemoteList>, client: &Client, tls: &Arc<ReloadableTls>) -> Vec<(RemoteList, bool)> {
    let mut attempts = JoinSet::new();
    for list in lists {
        let (client, tls) = (client.clone(), tls.clone());
        attempts.spawn(async move {
            let attempt = timeout(START_WITHIN, list.refresh(&client, &tls, false)).await;
            if attempt.is_err() {
                let (authority, source) = (list.authority.as_str(), list.url.as_str());
                tracing::error!(
                    event = "crl_failed",
                    authority,
                    source,
                    "revocation list not there within {START_WITHIN:?}"
                );
            }
            (list, !matches!(attempt, Ok(Ok(()))))
        });
    }
    attempts.join_all().await
}

/// What `url` holds.
pub async fn fetch(client: &Client, url: &Url) -> Result<Vec<u8>, FetchFailure> {
    let unreachable = |error: reqwest::Error| FetchFailure::Unreachable(with_causes(&error.without_url()));
    let mut response: Response = client.get(url.clone()).send().await.map_err(unreachable)?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(FetchFailure::Status(response.status().as_u16()));
    }
    let mut content = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if content.len().saturating_add(chunk.len()) > MAX_OCTETS {
            return Err(FetchFailure::TooLarge);
        }
        content.extend_from_slice(&chunk);
    }
    Ok(content)
}

fn with_causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

//! One request to the issuer: bounded in time, in size, and to one host.

mod options;

use std::time::Duration;

use reqwest::{Client, Response, StatusCode, Url, header};

pub use options::RemoteError;
pub(crate) use options::{HttpsOptions, https_options};

/// Fetches one URL.
pub(crate) struct Fetcher {
    client: Client,
    url: Url,
    timeout: Duration,
}

/// What is asked of the URL.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ask<'a> {
    pub(crate) accept: &'static str,
    /// The entity tag of what is there already, which need not come again.
    pub(crate) known: Option<&'a str>,
    pub(crate) most_bytes: usize,
}

pub(crate) enum Answer {
    /// What is known is what there is.
    Unchanged,
    Document {
        body: Vec<u8>,
        entity_tag: Option<String>,
        /// For how long the issuer says that it may be kept.
        max_age: Option<Duration>,
    },
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("expected an answer within {0:?}")]
    Timeout(Duration),
    #[error("the request failed: {}", causes(.0))]
    Http(#[from] reqwest::Error),
    #[error("expected status 200, received {0}")]
    Status(StatusCode),
    #[error("expected an answer of {expected}, received one of {received}")]
    Redirected { expected: String, received: String },
    #[error("expected at most {0} bytes")]
    TooLarge(usize),
}

impl Fetcher {
    pub(crate) fn url(&self) -> &str {
        self.url.as_str()
    }

    pub(crate) async fn fetch(&self, ask: Ask<'_>) -> Result<Answer, FetchError> {
        tokio::time::timeout(self.timeout, self.fetch_slowly(ask))
            .await
            .map_err(|_| FetchError::Timeout(self.timeout))?
    }

    async fn fetch_slowly(&self, ask: Ask<'_>) -> Result<Answer, FetchError> {
        let mut request = self.client.get(self.url.clone()).header(header::ACCEPT, ask.accept);
        if let Some(known) = ask.known {
            request = request.header(header::IF_NONE_MATCH, known);
        }
        let mut response = request.send().await?;
        if response.url().origin() != self.url.origin() {
            let [expected, received] = [&self.url, response.url()].map(|url| url.origin().ascii_serialization());
            return Err(FetchError::Redirected { expected, received });
        }
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if ask.known.is_some() => return Ok(Answer::Unchanged),
            other => return Err(FetchError::Status(other)),
        }
        let (max_age, entity_tag) = (max_age(&response), text(&response, header::ETAG).map(str::to_owned));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > ask.most_bytes {
                return Err(FetchError::TooLarge(ask.most_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer::Document { body, entity_tag, max_age })
    }
}

/// RFC 9111 §5.2.2.1.
fn max_age(response: &Response) -> Option<Duration> {
    let directives = text(response, header::CACHE_CONTROL)?;
    let seconds = directives.split(',').find_map(|directive| directive.trim().strip_prefix("max-age="))?;
    seconds.parse().ok().map(Duration::from_secs)
}

fn text(response: &Response, name: header::HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}

/// The whole chain: the outermost says only that a request failed, the innermost why.
fn causes(error: &reqwest::Error) -> String {
    let first: &dyn std::error::Error = error;
    let causes: Vec<_> = std::iter::successors(Some(first), |error| error.source()).map(ToString::to_string).collect();
    causes.join(": ")
}

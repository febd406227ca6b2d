//! The question of another proxy: may this request pass?
//!
//! | path | answer |
//! |---|---|
//! | `/authorise` | 200 with who is calling, or a refusal; for nginx, which understands no other, always 401 or 403 |
//! | `/answer` | for nginx, behind `error_page 401 403`: the refusal as the caller shall have it |

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
    routing::any,
};
use careconnect_verifier::{Admitted, CertificateThumbprint, ProviderGuard, Refused};

use super::identity;
use crate::{
    authentication::forwarded::read_chain,
    config::{AskingProxy, ForwardAuth, ForwardedFormat},
};

/// The path and query with which the request shall go on, where the proxy can use it.
const TARGET: HeaderName = HeaderName::from_static("x-careconnect-target");

struct Asked {
    guard: ProviderGuard,
    proxy: AskingProxy,
    certificate_format: Option<ForwardedFormat>,
}

/// The endpoint.
pub fn router(guard: ProviderGuard, config: &ForwardAuth) -> Router {
    let asked = Asked { guard, proxy: config.proxy, certificate_format: config.certificate_format };
    Router::new()
        .route("/authorise", any(authorise))
        .route("/authorise/{*path}", any(authorise))
        .route("/answer", any(answer))
        .with_state(Arc::new(asked))
}

async fn authorise(State(asked): State<Arc<Asked>>, request: Request) -> Response {
    match asked.judge(request).await {
        Ok(Verdict::Admitted(admitted, request)) => pass(admitted, request),
        Ok(Verdict::Refused(refused)) if asked.proxy == AskingProxy::Nginx => for_nginx(refused),
        Ok(Verdict::Refused(refused)) => refused.into_response(),
        Err(response) => response,
    }
}

async fn answer(State(asked): State<Arc<Asked>>, request: Request) -> Response {
    match asked.judge(request).await {
        // It was refused a moment ago: the issuer's keys may have come meanwhile.
        Ok(Verdict::Admitted(..)) => {
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1"), (header::CACHE_CONTROL, "no-store")])
                .into_response()
        }
        Ok(Verdict::Refused(refused)) => refused.into_response(),
        Err(response) => response,
    }
}

enum Verdict {
    Admitted(Admitted, Parts),
    Refused(Refused),
}

impl Asked {
    async fn judge(&self, request: Request) -> Result<Verdict, Response> {
        let request = self.original(request).map_err(Unreadable::answer)?;
        if identity::is_forged(&request.headers) {
            return Err(forged());
        }
        Ok(match self.guard.check(&request).await {
            Ok(admitted) => Verdict::Admitted(admitted, request),
            Err(refused) => Verdict::Refused(refused),
        })
    }

    /// The request that the proxy asks about. Only the proxy's own way is looked at: others may come from the caller.
    fn original(&self, request: Request) -> Result<Parts, Unreadable> {
        let (mut parts, _) = request.into_parts();
        match self.proxy {
            AskingProxy::Envoy => {
                let whole = parts.uri.path_and_query().map_or("", |whole| whole.as_str());
                let path = whole.strip_prefix("/authorise").filter(|path| path.starts_with('/'));
                let path = path.ok_or(Unreadable::Setup("path_prefix: /authorise before the request's own path"))?;
                parts.uri = path.parse().map_err(|_| Unreadable::Request("a path and query as RFC 3986 has them"))?;
            }
            AskingProxy::Nginx => named_by(&mut parts, "x-original-method", "x-original-uri")?,
            AskingProxy::Traefik => named_by(&mut parts, "x-forwarded-method", "x-forwarded-uri")?,
        }
        parts.extensions.remove::<CertificateThumbprint>();
        if let Some(certificate) = self.certificate(&parts)? {
            parts.extensions.insert(certificate);
        }
        Ok(parts)
    }

    /// The caller's, of which the proxy tells.
    fn certificate(&self, parts: &Parts) -> Result<Option<CertificateThumbprint>, Unreadable> {
        let Some(format) = self.certificate_format else { return Ok(None) };
        let text = only(parts, format.certificate_header())?;
        let expected = "the caller's certificate in the form of certificate_format";
        let chain = read_chain(format, text, None).map_err(|_| Unreadable::Setup(expected))?;
        Ok(chain.as_deref().and_then(<[_]>::first).map(|leaf| CertificateThumbprint::of_der(leaf)))
    }
}

/// Why it is not known what is asked.
enum Unreadable {
    /// The proxy does not ask as it should.
    Setup(&'static str),
    /// It passes on what its caller sent.
    Request(&'static str),
}

impl Unreadable {
    /// Nothing passes either way, and the log says what to mend where somebody here can.
    fn answer(self) -> Response {
        let (Self::Setup(expected) | Self::Request(expected)) = self;
        match self {
            Self::Setup(_) => {
                tracing::error!(expected, "the proxy in front asks in a way that cannot be read, so nothing passes")
            }
            Self::Request(_) => tracing::info!(expected, "a request that cannot be read was refused"),
        }
        refuse(&format!("expected {expected}, received something else\n"))
    }
}

/// The method and URI that two headers tell of.
fn named_by(parts: &mut Parts, method: &'static str, uri: &'static str) -> Result<(), Unreadable> {
    let absent =
        || Unreadable::Setup("one header each with the method and the URI of the request, as docs/gateway.md has it");
    let method = only(parts, method)?.ok_or_else(absent)?.parse::<Method>();
    let uri = only(parts, uri)?.ok_or_else(absent)?.parse::<Uri>();
    match (method, uri) {
        (Ok(method), Ok(uri)) if uri.authority().is_none() => (parts.method, parts.uri) = (method, uri),
        _ => return Err(Unreadable::Request("a method and a path with a query as RFC 9110 and 3986 have them")),
    }
    Ok(())
}

fn only<'p>(parts: &'p Parts, name: &str) -> Result<Option<&'p str>, Unreadable> {
    let mut values = parts.headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Unreadable::Request("ASCII alone")),
        _ => Err(Unreadable::Setup("one header of a name from the proxy: it must replace what the caller sends")),
    }
}

fn pass(admitted: Admitted, mut request: Parts) -> Response {
    let mut response = (StatusCode::OK, [(header::CACHE_CONTROL, "no-store")]).into_response();
    response.headers_mut().extend(identity::headers_of(&admitted.caller));
    admitted.enter(&mut request);
    let target = request.uri.path_and_query().map(|target| HeaderValue::from_str(target.as_str()));
    if let Some(Ok(target)) = target {
        response.headers_mut().insert(TARGET, target);
    }
    response
}

/// nginx takes 401 and 403 for a refusal, and anything else for a fault of its own.
fn for_nginx(refused: Refused) -> Response {
    let mut response: Response<Body> = refused.into_response();
    response.headers_mut().remove(header::WWW_AUTHENTICATE); // nginx would add it to the one of /answer
    if ![StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&response.status()) {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    response
}

/// The proxy would pass it on to a provider that may take it for ours.
fn forged() -> Response {
    tracing::warn!("a request with a header that only the gateway may write, in another spelling, was refused");
    refuse("expected no header whose name begins with X-Careconnect-, in whatever spelling; received one\n")
}

/// In a way that every proxy understands.
fn refuse(sentence: &str) -> Response {
    (StatusCode::FORBIDDEN, [(header::CACHE_CONTROL, "no-store")], sentence.to_owned()).into_response()
}

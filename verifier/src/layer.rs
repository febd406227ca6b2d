//! The guard as a layer of tower: for axum, tonic, hyper and whatever else is made of services.

use std::{
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use http::{HeaderValue, Request, Response, header};
use tower_layer::Layer;
use tower_service::Service;
use tracing::Instrument;

use crate::{Caller, ProviderGuard, Rejection, guard::Asked};

/// Lets a [`ProviderGuard`] judge every request before the service gets it. The service finds the
/// [`Requester`](crate::Requester) in the request's extensions.
///
/// A response with a [`Rejection`] in its extensions is answered like a refusal of the guard's own; the `axum` feature makes
/// one of a handler's. Responses that do not say how they may be kept get `Cache-Control: no-store`.
#[derive(Debug, Clone)]
pub struct ProviderLayer(ProviderGuard);

/// A service behind a [`ProviderLayer`].
#[derive(Debug, Clone)]
pub struct Guarded<S> {
    guard: ProviderGuard,
    inner: S,
}

impl ProviderGuard {
    /// This guard before every request of a service.
    pub fn layer(&self) -> ProviderLayer {
        ProviderLayer(self.clone())
    }
}

impl<S> Layer<S> for ProviderLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { guard: self.0.clone(), inner }
    }
}

impl<S, B, R> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let guard = self.guard.clone();
        let spare = self.inner.clone();
        let ready = mem::replace(&mut self.inner, spare); // the clone has not been asked whether it is ready
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let admitted = match guard.check(&parts).await {
                Ok(admitted) => admitted,
                Err(refused) => return Ok(refused.into_response()),
            };
            let span = match &admitted.caller {
                Caller::Verified(requester) => requester.span(),
                Caller::Anybody | Caller::Unsigned(_) => tracing::Span::none(),
            };
            admitted.enter(&mut parts);
            let asked = Asked::of(&parts);
            let response = serve(ready, Request::from_parts(parts, body)).instrument(span.clone()).await?;
            Ok(span.in_scope(|| guard.finish(response, &asked)))
        })
    }
}

fn serve<S: Service<Q>, Q>(mut service: S, request: Q) -> S::Future {
    service.call(request)
}

impl ProviderGuard {
    fn finish<R: From<String>>(&self, mut response: Response<R>, asked: &Asked) -> Response<R> {
        if let Some(rejection) = response.extensions_mut().remove::<Rejection>() {
            return self.refuse(rejection, asked).into_response();
        }
        let headers = response.headers_mut();
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        response
    }
}

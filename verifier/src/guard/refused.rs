//! Requests that a guard refuses.

use http::{HeaderName, HeaderValue, Response, StatusCode, header, request::Parts};

use super::headers;
use crate::{Answer, FhirFormat, Rejection, ResponseProfile, crypto::random, ssp::is_uuid};

/// A refusal: why, the id under which the log has it, and what the caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why, in full.
    pub rejection: Rejection,
    /// Names this refusal in the log and in the answer.
    pub reference: String,
    /// In the words of the guard's response profile.
    pub answer: Answer,
}

/// What a refusal needs to know of the request.
pub(crate) struct Asked {
    format: FhirFormat,
    trace_id: Option<String>,
}

impl Asked {
    pub(crate) fn of(request: &Parts) -> Self {
        let text = |name| request.headers.get(name).and_then(|value| value.to_str().ok());
        let format = FhirFormat::wanted(request.uri.query(), text(header::ACCEPT), text(header::CONTENT_TYPE));
        let trace_id = headers::only(&request.headers, "ssp-traceid", "").ok().flatten().filter(|text| is_uuid(text));
        Self { format, trace_id: trace_id.map(str::to_owned) }
    }
}

impl Refused {
    pub(super) fn new(rejection: Rejection, profile: ResponseProfile, asked: &Asked) -> Self {
        let reference = new_reference();
        let answer = profile.answer(&rejection, asked.format, &reference);
        let (trace_id, reason, status) = (asked.trace_id.as_deref(), rejection.reason(), answer.status);
        tracing::info!(reference, trace_id, status, reason, %rejection, "a request was refused");
        Self { rejection, reference, answer }
    }

    /// As a response of any HTTP library that has the types of the crate `http`.
    pub fn into_response<B: From<String>>(self) -> Response<B> {
        self.answer.into_response()
    }
}

impl Answer {
    /// As a response of any HTTP library that has the types of the crate `http`.
    pub fn into_response<B: From<String>>(self) -> Response<B> {
        let Self { status, headers, body } = self;
        let mut response = Response::new(B::from(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// A random UUID (RFC 9562 §5.4).
fn new_reference() -> String {
    uuid::Builder::from_random_bytes(random().unwrap_or_default()).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_a_random_uuid() {
        let references: std::collections::HashSet<_> = (0..100).map(|_| new_reference()).collect();
        assert_eq!(references.len(), 100);
        for reference in references {
            assert!(is_uuid(&reference), "{reference}");
            assert_eq!(&reference[14..15], "4");
            assert!("89ab".contains(&reference[19..20]), "{reference}");
        }
    }
}

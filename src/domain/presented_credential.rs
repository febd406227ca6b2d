//! The proof that a token request carries: at most one mechanism (RFC 6749 §2.3).

use base64::{Engine, prelude::BASE64_STANDARD};
use careconnect_verifier::{AssertionFault, AssertionPart, UnverifiedAssertion};
use secrecy::SecretString;

use super::{
    FailedCheck, Reason,
    form::{self, Form},
};

/// The one value of `client_assertion_type` (RFC 7523 §2.2).
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The one mechanism that a request uses.
#[derive(Debug)]
pub enum PresentedCredential {
    /// None in the request: the certificate of the connection counts.
    Certificate,
    /// `client_secret_basic` or `client_secret_post`.
    Secret(SecretString),
    /// `private_key_jwt`.
    Assertion(Box<UnverifiedAssertion>),
}

/// Why a request's proof cannot even be looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PresentedCredentialError {
    /// An `Authorization` header that is not Basic.
    #[error(
        "the Authorization header is not Basic authentication with a client id and a secret (RFC 6749 section 2.3.1)"
    )]
    AuthorizationMalformed,
    /// More than one of: secret in the header, secret in the body, assertion.
    #[error("the request uses two client authentication mechanisms: use one")]
    TwoMechanisms,
    /// Basic says one client, the body another.
    #[error("client_id differs between the Authorization header and the body")]
    ClientIdsDiffer,
    /// `client_assertion_type` is absent, or is another than the one that there is.
    #[error("client_assertion_type must be {JWT_BEARER:?}, received {}", received(.0))]
    AssertionTypeWrong(Option<String>),
    /// `client_assertion_type` without `client_assertion`.
    #[error("client_assertion is missing: send the signed JWT beside client_assertion_type")]
    AssertionMissing,
    /// `client_assertion` is no JWT that anybody could judge.
    #[error("client_assertion cannot be used: {0}")]
    Assertion(#[from] AssertionFault),
}

impl PresentedCredentialError {
    /// The reason that the caller is told.
    pub fn reason(&self) -> Reason {
        use AssertionPart::{Claim, Form, Header};
        match self {
            Self::AuthorizationMalformed => Reason::AuthorizationHeaderMalformed,
            Self::TwoMechanisms => Reason::TwoMechanisms,
            Self::ClientIdsDiffer => Reason::ClientIdsDiffer,
            Self::AssertionTypeWrong(_) => Reason::AssertionTypeWrong,
            Self::AssertionMissing => Reason::AssertionMissing,
            Self::Assertion(fault) => match fault.part {
                Header("alg") => Reason::AssertionAlgorithm,
                Header("typ") => Reason::AssertionTypeHeader,
                Header("kid" | "x5t" | "x5t#S256") => Reason::AssertionKeyNotNamed,
                Claim("iss" | "sub") => Reason::AssertionIssuer,
                Claim("aud") => Reason::AssertionAudience,
                Claim("exp") => Reason::AssertionExpiryMissing,
                Claim("jti") => Reason::AssertionIdMissing,
                Form | Header(_) | Claim(_) => Reason::AssertionMalformed,
            },
        }
    }

    /// The check that failed, where there is one with two sides.
    pub fn check(&self) -> Option<FailedCheck> {
        let (expected, received) = match self {
            Self::AssertionTypeWrong(value) => (JWT_BEARER, received(value)),
            Self::Assertion(fault) => (fault.expected, format!("{}: {}", fault.part, fault.received)),
            _ => return None,
        };
        Some(FailedCheck::new(self.reason().name(), expected, received))
    }
}

fn received(value: &Option<String>) -> String {
    value.as_ref().map_or_else(|| "none".to_owned(), |value| format!("{value:?}"))
}

impl PresentedCredential {
    /// The proof, and the client that the request says it is from: of an assertion without `client_id` its `sub`.
    pub(super) fn parse(
        authorization: Option<&[u8]>,
        form: &Form,
    ) -> Result<(Option<String>, Self), PresentedCredentialError> {
        use PresentedCredentialError as E;
        let client_id = form.one("client_id").map(str::to_owned);
        let has_assertion = form.one("client_assertion").is_some() || form.one("client_assertion_type").is_some();
        match (authorization, form.one("client_secret"), has_assertion) {
            (None, None, false) => Ok((client_id, Self::Certificate)),
            (None, Some(secret), false) => Ok((client_id, Self::Secret(secret.into()))),
            (None, None, true) => {
                let assertion = assertion(form)?;
                Ok((client_id.or_else(|| assertion.subject.clone()), Self::Assertion(Box::new(assertion))))
            }
            (Some(header), None, false) => {
                let (basic_id, secret) = basic(header).ok_or(E::AuthorizationMalformed)?;
                if client_id.is_some_and(|id| id != basic_id) {
                    return Err(E::ClientIdsDiffer);
                }
                Ok((Some(basic_id), Self::Secret(secret.into())))
            }
            _ => Err(E::TwoMechanisms),
        }
    }
}

fn assertion(form: &Form) -> Result<UnverifiedAssertion, PresentedCredentialError> {
    use PresentedCredentialError as E;
    match form.one("client_assertion_type") {
        Some(JWT_BEARER) => {}
        other => return Err(E::AssertionTypeWrong(other.map(|other| other.chars().take(64).collect()))),
    }
    let assertion = form.one("client_assertion").ok_or(E::AssertionMissing)?;
    Ok(UnverifiedAssertion::read(assertion.as_bytes())?)
}

/// `Basic base64(form(id) ":" form(secret))` (RFC 6749 §2.3.1).
pub(super) fn basic(header: &[u8]) -> Option<(String, String)> {
    let header = str::from_utf8(header).ok()?;
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(encoded.trim_start_matches(' ')).ok()?;
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    // Neither ids nor secrets have spaces, and many clients escape nothing: a plus sign is that of a base64 secret.
    let (id, secret) = (&decoded[..colon], &decoded[colon + 1..]);
    let (id, secret) = (form::decode_escapes(id).ok()?, form::decode_escapes(secret).ok()?);
    (!id.is_empty()).then_some((id, secret))
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use secrecy::ExposeSecret;

    use super::{PresentedCredentialError as E, *};

    fn parse(authorization: Option<&str>, body: &str) -> Result<(Option<String>, PresentedCredential), E> {
        PresentedCredential::parse(authorization.map(str::as_bytes), &Form::parse(body.as_bytes(), &[]).unwrap())
    }

    fn parse_basic(credentials: &str, body: &str) -> Result<(Option<String>, PresentedCredential), E> {
        parse(Some(&format!("Basic {}", BASE64_STANDARD.encode(credentials))), body)
    }

    fn assertion_of(subject: &str) -> String {
        let encode = |json: &str| BASE64_URL_SAFE_NO_PAD.encode(json);
        format!("{}.{}.c2ln", encode(r#"{"alg":"RS512"}"#), encode(&format!(r#"{{"sub":"{subject}"}}"#)))
    }

    #[test]
    fn id_and_secret_are_form_encoded_inside_basic() {
        let (id, credential) = parse_basic("c%2B1:s%3A%25", "").unwrap();
        assert_eq!(id.as_deref(), Some("c+1"));
        let PresentedCredential::Secret(secret) = credential else { panic!("a secret") };
        assert_eq!(secret.expose_secret(), "s:%");
        let (_, credential) = parse_basic("c:a+/b=", "").unwrap();
        let PresentedCredential::Secret(secret) = credential else { panic!("a secret") };
        assert_eq!(secret.expose_secret(), "a+/b=", "as clients send it that escape nothing");
    }

    #[test]
    fn one_request_uses_one_mechanism() {
        // R10
        let assertion = format!("client_assertion_type={JWT_BEARER}&client_assertion={}", assertion_of("c"));
        for body in ["client_secret=s", &assertion, "client_assertion=x", "client_assertion_type=x"] {
            assert_eq!(parse_basic("c:s", body).unwrap_err(), E::TwoMechanisms, "{body}");
        }
        assert_eq!(parse(None, &format!("client_secret=s&{assertion}")).unwrap_err(), E::TwoMechanisms);
        assert_eq!(parse_basic("c:s", "client_id=d").unwrap_err(), E::ClientIdsDiffer);
        assert!(parse_basic("c:s", "client_id=c").is_ok());
    }

    #[test]
    fn a_header_that_is_not_basic_is_refused() {
        for header in ["", "Basic", "Basic ", "Basic !!", "Basic Yw==", "Basic OnM=", "Bearer x", "basicYzpz"] {
            assert_eq!(parse(Some(header), "").unwrap_err(), E::AuthorizationMalformed, "{header:?}");
        }
    }

    #[test]
    fn an_assertion_names_its_client_unless_the_form_does() {
        let body = format!("client_assertion_type={JWT_BEARER}&client_assertion={}", assertion_of("c"));
        let (id, credential) = parse(None, &body).unwrap();
        assert_eq!(id.as_deref(), Some("c"));
        assert!(matches!(credential, PresentedCredential::Assertion(_)));
        assert_eq!(parse(None, &format!("{body}&client_id=d")).unwrap().0.as_deref(), Some("d"));
    }

    #[test]
    fn the_type_of_an_assertion_is_the_one_that_there_is() {
        let upper = JWT_BEARER.to_uppercase();
        for value in ["", &upper, "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"] {
            let body = format!("client_assertion_type={value}&client_assertion={}", assertion_of("c"));
            assert!(matches!(parse(None, &body).unwrap_err(), E::AssertionTypeWrong(_)), "{value}");
        }
        assert_eq!(parse(None, &format!("client_assertion_type={JWT_BEARER}")).unwrap_err(), E::AssertionMissing);
        let malformed = parse(None, &format!("client_assertion_type={JWT_BEARER}&client_assertion=a.b.c.d.e"));
        assert!(matches!(malformed.unwrap_err(), E::Assertion(_)));
    }
}

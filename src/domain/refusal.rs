//! Why a request is refused: what the caller learns, and what only the log does.

use std::fmt;

use super::{catalogue, client_secret::redacted, form::FormError, token_request::TokenRequestError};

/// A refusal: a stable reason, a sentence for the developer who receives it, and a detail for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The stable machine reason.
    pub reason: Reason,
    /// A sentence to act on. It says nothing that would help an attacker.
    pub description: String,
    /// What only the operator may know.
    pub detail: Option<String>,
    /// The check that failed, with both sides: for the operator, too.
    pub check: Option<Box<FailedCheck>>,
    /// Seconds after which the same request may succeed, where that is known.
    pub retry_after: Option<u32>,
}

/// One check that failed, and its two sides. Neither is ever a secret, a token or an assertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedCheck {
    /// Its stable name, which has a section in the error catalogue.
    pub check: &'static str,
    /// What would have passed.
    pub expected: String,
    /// What came.
    pub received: String,
}

impl FailedCheck {
    /// Both sides are bounded in length, and what looks like a secret or a token is left out of them.
    pub fn new(check: &'static str, expected: impl Into<String>, received: impl Into<String>) -> Self {
        debug_assert!(catalogue::section(check).is_some(), "docs/errors.md has no section for the check {check}");
        Self { check, expected: repeatable(&expected.into()), received: repeatable(&received.into()) }
    }
}

impl Refusal {
    /// A refusal of which the caller may know everything.
    pub fn new(reason: Reason, description: impl Into<String>) -> Self {
        Self { reason, description: repeatable(&description.into()), detail: None, check: None, retry_after: None }
    }

    /// The same with a detail for the log.
    #[must_use]
    pub fn with_detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(repeatable(&detail.to_string()));
        self
    }

    /// The same with the check that failed.
    #[must_use]
    pub fn with_check(self, check: FailedCheck) -> Self {
        Self { check: Some(Box::new(check)), ..self }
    }

    /// The same with the seconds to wait.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

/// A sentence with something in it that the caller sent: of bounded length, and without secrets.
fn repeatable(sentence: &str) -> String {
    const LONGEST: usize = 2000;
    redacted(&sentence.chars().take(LONGEST).collect::<String>())
}

impl From<TokenRequestError> for Refusal {
    fn from(error: TokenRequestError) -> Self {
        use TokenRequestError as E;
        let reason = match &error {
            E::Form(FormError::Repeated(_)) => Reason::ParameterRepeated,
            E::Form(_) => Reason::FormMalformed,
            E::GrantTypeMissing => Reason::GrantTypeMissing,
            E::GrantTypeUnsupported(_) => Reason::GrantTypeUnsupported,
            E::Credential(error) => error.reason(),
            E::ScopeMalformed => Reason::ScopeMalformed,
            E::TokenMissing => Reason::TokenMissing,
            E::AudienceMissing => Reason::AudienceMissing,
            E::AudienceMalformed(_) => Reason::AudienceMalformed,
        };
        let check = match &error {
            E::Credential(error) => error.check(),
            _ => None,
        };
        Self { check: check.map(Box::new), ..Self::new(reason, error.to_string()) }
    }
}

/// Declares the reasons with their names and OAuth codes in one table.
macro_rules! reasons {
    ($($reason:ident $name:literal $code:ident;)*) => {
        /// The stable machine reasons. Each has a section in `docs/errors.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the error catalogue says what each one means")]
        pub enum Reason { $($reason),* }

        impl Reason {
            /// All of them, in the catalogue's order.
            pub const ALL: &[Self] = &[$(Self::$reason),*];

            /// The name in answers, logs and metrics.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$reason => $name),* }
            }

            /// The OAuth error that it is a case of.
            pub const fn code(self) -> ErrorCode {
                match self { $(Self::$reason => ErrorCode::$code),* }
            }
        }
    };
}

reasons! {
    FormMalformed "form_malformed" InvalidRequest;
    ParameterRepeated "parameter_repeated" InvalidRequest;
    GrantTypeMissing "grant_type_missing" InvalidRequest;
    GrantTypeUnsupported "grant_type_unsupported" UnsupportedGrantType;
    AuthorizationHeaderMalformed "authorization_header_malformed" InvalidClient;
    TwoMechanisms "two_mechanisms" InvalidRequest;
    ClientIdsDiffer "client_ids_differ" InvalidRequest;
    AssertionTypeWrong "assertion_type_wrong" InvalidRequest;
    AssertionMissing "assertion_missing" InvalidRequest;
    AssertionMalformed "assertion_malformed" InvalidClient;
    AssertionAlgorithm "assertion_algorithm" InvalidClient;
    AssertionKeyNotNamed "assertion_key_not_named" InvalidClient;
    AssertionIssuer "assertion_issuer" InvalidClient;
    AssertionKeyUnknown "assertion_key_unknown" InvalidClient;
    AssertionSignature "assertion_signature" InvalidClient;
    AssertionTypeHeader "assertion_type_header" InvalidClient;
    AssertionAudience "assertion_audience" InvalidClient;
    AssertionExpiryMissing "assertion_expiry_missing" InvalidClient;
    AssertionExpired "assertion_expired" InvalidClient;
    AssertionLifetime "assertion_lifetime" InvalidClient;
    AssertionNotYetValid "assertion_not_yet_valid" InvalidClient;
    AssertionIdMissing "assertion_id_missing" InvalidClient;
    AssertionReplayed "assertion_replayed" InvalidClient;
    AssertionStoreUnavailable "assertion_store_unavailable" TemporarilyUnavailable;
    CredentialsInUrl "credentials_in_url" InvalidRequest;
    ClientAuthenticationFailed "client_authentication_failed" InvalidClient;
    TooManyFailures "too_many_failures" TemporarilyUnavailable;
    RateLimited "rate_limited" TemporarilyUnavailable;
    ClientIdNeeded "client_id_needed" InvalidRequest;
    CertificateHeaderRepeated "certificate_header_repeated" InvalidRequest;
    CertificateHeaderMalformed "certificate_header_malformed" InvalidRequest;
    ScopeMalformed "scope_malformed" InvalidScope;
    ScopeUnknown "scope_unknown" InvalidScope;
    GroupNotHeld "group_not_held" InvalidScope;
    GroupNotAssured "group_not_assured" InvalidScope;
    GroupSuspended "group_suspended" InvalidScope;
    GroupNotPermitted "group_not_permitted" InvalidScope;
    GroupNotHonoured "group_not_honoured" InvalidScope;
    RequesterNotAdmitted "requester_not_admitted" InvalidScope;
    NothingGranted "nothing_granted" InvalidScope;
    AudienceMissing "audience_missing" InvalidTarget;
    AudienceMalformed "audience_malformed" InvalidTarget;
    AudienceUnregistered "audience_unregistered" InvalidTarget;
    AudiencesDiffer "audiences_differ" InvalidTarget;
    AudienceSuspended "audience_suspended" InvalidTarget;
    TokenMissing "token_missing" InvalidRequest;
    TokenOfAnotherConsumer "token_of_another_consumer" InvalidRequest;
    TooManyRevocations "too_many_revocations" TemporarilyUnavailable;
    RevocationNotRecorded "revocation_not_recorded" TemporarilyUnavailable;
    WrongContentType "wrong_content_type" InvalidRequest;
    ContentEncodingUnsupported "content_encoding_unsupported" InvalidRequest;
    BodyTooLarge "body_too_large" InvalidRequest;
    MethodNotAllowed "method_not_allowed" InvalidRequest;
    NotFound "not_found" InvalidRequest;
    RequestTimeout "request_timeout" InvalidRequest;
    Overloaded "overloaded" TemporarilyUnavailable;
    RecordUnavailable "record_unavailable" TemporarilyUnavailable;
    RegistryStale "registry_stale" TemporarilyUnavailable;
    SigningKeyMissing "signing_key_missing" ServerError;
    InternalError "internal_error" ServerError;
}

impl Reason {
    /// The HTTP status of an answer with it.
    pub const fn status(self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::RequestTimeout => 408,
            Self::BodyTooLarge => 413,
            Self::WrongContentType | Self::ContentEncodingUnsupported => 415,
            Self::TooManyFailures | Self::RateLimited | Self::TooManyRevocations => 429,
            _ => match self.code() {
                ErrorCode::InvalidClient => 401,
                ErrorCode::TemporarilyUnavailable => 503,
                ErrorCode::ServerError => 500,
                ErrorCode::InvalidRequest
                | ErrorCode::InvalidScope
                | ErrorCode::InvalidTarget
                | ErrorCode::UnsupportedGrantType => 400,
            },
        }
    }
}

/// The error codes of RFC 6749 §5.2 and §4.1.2.1, and of RFC 8707 §2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// Something is missing, repeated or malformed.
    InvalidRequest,
    /// The consumer did not prove itself.
    InvalidClient,
    /// More is asked for than may be had.
    InvalidScope,
    /// The provider is missing, malformed or unknown.
    InvalidTarget,
    /// A grant other than `client_credentials`.
    UnsupportedGrantType,
    /// Later, perhaps.
    TemporarilyUnavailable,
    /// A fault of the server.
    ServerError,
}

impl ErrorCode {
    /// The code on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }
}

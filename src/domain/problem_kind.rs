//! What can be wrong with a request of an administrator (RFC 9457): the stable name of each kind, and its status.

/// A kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// Path, query, headers or JSON cannot be read.
    Malformed,
    /// Nobody has proven to be there.
    NotAuthenticated,
    /// Whoever is there may not do that.
    NotPermitted,
    /// There is no such thing.
    NotFound,
    /// The thing does not take this method.
    MethodNotAllowed,
    /// The request took too long.
    RequestTimeout,
    /// It contradicts what there is.
    Conflict,
    /// The thing is not what it was when the change was decided.
    PreconditionFailed,
    /// The body is too long.
    BodyTooLarge,
    /// The body is not of a type that is read.
    UnsupportedMediaType,
    /// Members of the body are wrong.
    Invalid,
    /// It is not said on which state the change was decided.
    PreconditionRequired,
    /// A fault of the server.
    InternalError,
    /// The database is out of reach.
    Unavailable,
    /// The Spine Directory Service gives no answer.
    DirectoryUnavailable,
}

impl ProblemKind {
    /// In the order of their statuses.
    pub const ALL: &[Self] = &[
        Self::Malformed,
        Self::NotAuthenticated,
        Self::NotPermitted,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::Conflict,
        Self::PreconditionFailed,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::Invalid,
        Self::PreconditionRequired,
        Self::InternalError,
        Self::Unavailable,
        Self::DirectoryUnavailable,
    ];

    const fn facts(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::Malformed => ("admin-malformed", 400, "The request cannot be read"),
            Self::NotAuthenticated => ("admin-not-authenticated", 401, "A certificate of an administrator is needed"),
            Self::NotPermitted => ("admin-not-permitted", 403, "That is not permitted to you"),
            Self::NotFound => ("admin-not-found", 404, "There is nothing of that name"),
            Self::MethodNotAllowed => ("admin-method-not-allowed", 405, "The path does not take this method"),
            Self::RequestTimeout => ("admin-request-timeout", 408, "The request took too long"),
            Self::Conflict => ("admin-conflict", 409, "That contradicts what there is"),
            Self::PreconditionFailed => ("admin-precondition-failed", 412, "It has been changed meanwhile"),
            Self::BodyTooLarge => ("admin-body-too-large", 413, "The body is too long"),
            Self::UnsupportedMediaType => ("admin-unsupported-media-type", 415, "The body is of another type"),
            Self::Invalid => ("admin-invalid", 422, "Something in the body is wrong"),
            Self::PreconditionRequired => ("admin-precondition-required", 428, "A change needs If-Match"),
            Self::InternalError => ("admin-internal-error", 500, "The server failed"),
            Self::Unavailable => ("admin-unavailable", 503, "The database is out of reach"),
            Self::DirectoryUnavailable => ("admin-directory-unavailable", 503, "The directory gives no answer"),
        }
    }

    /// The end of its URI, and the heading of its page.
    pub const fn name(self) -> &'static str {
        self.facts().0
    }

    /// The HTTP status.
    pub const fn status(self) -> u16 {
        self.facts().1
    }

    /// What it is, the same every time.
    pub const fn title(self) -> &'static str {
        self.facts().2
    }
}

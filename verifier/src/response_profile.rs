//! The same refusal in the words of each specification. They contradict each other, so a provider chooses one.

mod coding;
mod format;
mod outcome;

use std::{fmt, str::FromStr};

use crate::{InvalidIdentifier, Rejection, rejection::Fault};

use coding::{Coding, bars, platform, spine};
pub use format::FhirFormat;
use outcome::{Details, Issue, Meta, Outcome};

/// Whose words a refusal is answered in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResponseProfile {
    /// RFC 6750 §3.1, which the others refer to: 400, 401, 403.
    #[default]
    Rfc6750,
    /// UEC Appointments, "Error handling" (2021): a token that cannot be read is 400.
    Uec,
    /// NHS Booking API 2.0: whatever is wrong with a token is 403.
    NhsBooking,
    /// GP Connect 1.x: whatever is wrong with a token is 400 `BAD_REQUEST`.
    GpConnect,
    /// Spine Core: 400 `MISSING_OR_INVALID_HEADER`, 401 `AUTHOR_CREDENTIALS_ERROR`, 403 `ACCESS_DENIED`.
    Spine,
    /// Booking and Referral Standard: RFC 6750's statuses with its own codes.
    Bars,
}

/// A whole HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 400, 401, 403 or 503.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// A FHIR OperationOutcome.
    pub body: String,
}

/// How a profile says one kind of fault.
struct Saying {
    status: u16,
    severity: &'static str,
    /// FHIR's issue type.
    issue: &'static str,
    codings: Vec<Coding>,
}

const STU3: &str = "https://fhir.nhs.uk/STU3/StructureDefinition";

impl ResponseProfile {
    /// Every profile.
    pub const ALL: [Self; 6] = [Self::Rfc6750, Self::Uec, Self::NhsBooking, Self::GpConnect, Self::Spine, Self::Bars];

    /// As configurations write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rfc6750 => "rfc6750",
            Self::Uec => "uec",
            Self::NhsBooking => "nhs-booking",
            Self::GpConnect => "gpconnect",
            Self::Spine => "spine",
            Self::Bars => "bars",
        }
    }

    /// The answer to a refused request. `reference` is the provider's id of this refusal, a FHIR id, for its log to share.
    pub fn answer(self, rejection: &Rejection, format: FhirFormat, reference: &str) -> Answer {
        let Saying { status, severity, issue, codings } = self.say(rejection.fault());
        let text = self.documented_text(rejection).map_or_else(|| rejection.advice(), Into::into);
        let diagnostics = format!("{text} ({}, reference {reference})", rejection.reason());
        let issue = [Issue { severity, code: issue, details: Details { coding: codings }, diagnostics }];
        let meta = self.outcome_profile().map(|profile| Meta { profile: [profile] });
        let outcome = Outcome { resource_type: "OperationOutcome", id: reference, meta, issue };
        let mut headers =
            vec![("cache-control", "no-store".to_owned()), ("content-type", format.content_type().to_owned())];
        if status == 503 {
            headers.push(("retry-after", "5".to_owned()));
        } else {
            headers.push(("www-authenticate", rejection.www_authenticate()));
        }
        Answer { status, headers, body: outcome.written_as(format) }
    }

    fn say(self, fault: Fault) -> Saying {
        match self {
            Self::Rfc6750 => rfc6750(fault),
            Self::Uec => uec(fault),
            Self::NhsBooking => nhs_booking(fault),
            Self::GpConnect => gp_connect(fault),
            Self::Spine => spine_core(fault),
            Self::Bars => booking_and_referral(fault),
        }
    }

    /// Where a specification has the very words.
    fn documented_text(self, rejection: &Rejection) -> Option<&'static str> {
        match (self, rejection) {
            (Self::GpConnect, Rejection::NoToken) => Some("Authorization header missing"),
            (Self::GpConnect, Rejection::Expired { .. }) => Some("JWT Request time has expired"),
            (Self::Spine, Rejection::NoToken) => Some("The Authorisation header must be supplied"),
            (Self::Spine, Rejection::SspHeader { header: "Ssp-From", received: None, .. }) => {
                Some("fromASID HTTP Header is missing")
            }
            (Self::Spine, Rejection::SspHeader { header: "Ssp-To", received: None, .. }) => {
                Some("toASID HTTP Header is missing")
            }
            _ => None,
        }
    }

    fn outcome_profile(self) -> Option<String> {
        match self {
            Self::GpConnect => Some(format!("{STU3}/GPConnect-OperationOutcome-1")),
            Self::Bars => None,
            _ => Some(format!("{STU3}/Spine-OperationOutcome-1")),
        }
    }
}

fn saying(status: u16, issue: &'static str, codings: impl Into<Vec<Coding>>) -> Saying {
    Saying { status, severity: "error", issue, codings: codings.into() }
}

/// The same everywhere but in BaRS.
fn unavailable() -> Saying {
    saying(503, "transient", [spine("INTERNAL_SERVER_ERROR")])
}

/// RFC 6750 §3.1, with Spine's codes and the platform's newer ones for tokens.
fn rfc6750(fault: Fault) -> Saying {
    let token = |issue, code| saying(401, issue, [spine("MISSING_OR_INVALID_HEADER"), platform(code)]);
    match fault {
        Fault::NoToken => token("login", "ACCESS_TOKEN_MISSING"),
        Fault::Unreadable | Fault::Invalid => token("security", "ACCESS_TOKEN_INVALID"),
        Fault::Ended => token("expired", "ACCESS_TOKEN_EXPIRED"),
        Fault::OtherSystem => saying(401, "forbidden", [spine("ASID_CHECK_FAILED")]),
        Fault::Forbidden => saying(403, "forbidden", [spine("ACCESS_DENIED"), platform("ACCESS_DENIED")]),
        Fault::Request => saying(400, "invalid", [spine("BAD_REQUEST")]),
        Fault::Header => saying(400, "invalid", [spine("MISSING_OR_INVALID_HEADER")]),
        Fault::Unmatched => saying(400, "invalid", [spine("REQUEST_UNMATCHED")]),
        Fault::Unavailable => unavailable(),
    }
}

/// "The JWT is malformed" is 400 there, and "valid but not permitted" 403; where it is silent, RFC 6750.
fn uec(fault: Fault) -> Saying {
    match fault {
        Fault::Unreadable => saying(400, "structure", [spine("MISSING_OR_INVALID_HEADER")]),
        Fault::OtherSystem => saying(403, "forbidden", [spine("ASID_CHECK_FAILED")]),
        other => Saying { codings: rfc6750(other).codings.into_iter().take(1).collect(), ..rfc6750(other) },
    }
}

/// Each operation answers 403 "where the JWT is invalid", and none has a 401.
fn nhs_booking(fault: Fault) -> Saying {
    match fault {
        Fault::NoToken | Fault::Unreadable | Fault::Invalid | Fault::Ended | Fault::Forbidden => {
            saying(403, "forbidden", [spine("ACCESS_DENIED")])
        }
        other => uec(other),
    }
}

/// `BAD_REQUEST` stands for every fault of token and headers.
fn gp_connect(fault: Fault) -> Saying {
    match fault {
        Fault::Forbidden => saying(403, "forbidden", [spine("ACCESS_DENIED")]),
        Fault::OtherSystem => saying(403, "forbidden", [spine("ASID_CHECK_FAILED")]),
        Fault::Unavailable => unavailable(),
        _ => saying(400, "invalid", [spine("BAD_REQUEST")]),
    }
}

/// The NRL's `structure` for faults of the Authorization header; the one 401 that Spine documents for the rest.
fn spine_core(fault: Fault) -> Saying {
    match fault {
        Fault::NoToken | Fault::Unreadable => saying(400, "structure", [spine("MISSING_OR_INVALID_HEADER")]),
        Fault::Invalid | Fault::Ended => {
            Saying { severity: "fatal", ..saying(401, "forbidden", [spine("AUTHOR_CREDENTIALS_ERROR")]) }
        }
        other => uec(other),
    }
}

/// The prefix of a code says who is at fault, or who refuses.
fn booking_and_referral(fault: Fault) -> Saying {
    match fault {
        Fault::NoToken => saying(401, "login", [bars("REC_UNAUTHORIZED")]),
        Fault::Ended => saying(401, "expired", [bars("REC_UNAUTHORIZED")]),
        Fault::Unreadable | Fault::Invalid => saying(401, "security", [bars("REC_UNAUTHORIZED")]),
        Fault::Forbidden | Fault::OtherSystem => saying(403, "forbidden", [bars("REC_FORBIDDEN")]),
        Fault::Request | Fault::Header | Fault::Unmatched => saying(400, "invalid", [bars("SEND_BAD_REQUEST")]),
        Fault::Unavailable => saying(503, "transient", [bars("REC_SERVICE_UNAVAILABLE")]),
    }
}

impl fmt::Display for ResponseProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ResponseProfile {
    type Err = InvalidIdentifier;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rule = "rfc6750, uec, nhs-booking, gpconnect, spine or bars";
        let found = Self::ALL.into_iter().find(|profile| profile.name() == text);
        found.ok_or_else(|| InvalidIdentifier::new("a response profile", rule, text))
    }
}

#[cfg(test)]
mod tests;

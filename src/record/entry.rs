//! One line of the record.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    clock::UnixTime,
    domain::{FailedCheck, Refusal},
    telemetry::legible,
};

/// What was asked and answered. Nothing in it is a secret, a token or an assertion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When; RFC 3339 in the file.
    #[serde(with = "rfc3339")]
    pub time: UnixTime,
    /// The number that answer, log and record share.
    pub trace_id: Uuid,
    /// From where the request came.
    pub address: SocketAddr,
    /// Who the caller said it is; for a token, who it proved to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Thumbprint of the client's certificate (`x5t#S256`): the one presented, or, for a token, the one proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The provider: its service root, or, of a refusal, what it was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The answer.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Outcome {
    /// A token.
    Issued {
        /// The consumer's accredited system.
        asid: String,
        /// The consumer's organisation.
        ods_code: String,
        /// How it proved itself.
        method: String,
        /// The id of the credential that proved it.
        credential: Uuid,
        /// What it was granted.
        groups: Vec<String>,
        /// The token's `jti`.
        token_id: Uuid,
        /// The token's `exp`; RFC 3339 in the file.
        #[serde(with = "rfc3339")]
        expires_at: UnixTime,
    },
    /// An error.
    Refused {
        /// The status of the answer.
        status: u16,
        /// The OAuth error code.
        error: String,
        /// The stable reason.
        reason: String,
        /// The sentence in the answer.
        description: String,
        /// What the answer kept back, in a sentence.
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
        /// The check that failed.
        #[serde(flatten)]
        check: Option<RecordedCheck>,
    },
}

/// The check that failed, with both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedCheck {
    /// Its name in the error catalogue.
    pub check: String,
    /// What would have passed.
    pub expected: String,
    /// What came.
    pub received: String,
}

impl From<&Refusal> for Outcome {
    fn from(refusal: &Refusal) -> Self {
        Self::Refused {
            status: refusal.reason.status(),
            error: refusal.reason.code().name().to_owned(),
            reason: refusal.reason.name().to_owned(),
            description: legible(&refusal.description),
            detail: refusal.detail.as_deref().map(legible),
            check: refusal.check.as_deref().map(RecordedCheck::from),
        }
    }
}

impl From<&FailedCheck> for RecordedCheck {
    fn from(failed: &FailedCheck) -> Self {
        let FailedCheck { check, expected, received } = failed;
        Self { check: (*check).to_owned(), expected: legible(expected), received: legible(received) }
    }
}

pub(super) mod rfc3339 {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::clock::UnixTime;

    pub(in super::super) fn serialize<S: Serializer>(time: &UnixTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(time)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UnixTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        let timestamp: jiff::Timestamp = text.parse().map_err(D::Error::custom)?;
        Ok(UnixTime(timestamp.as_second()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Reason;

    fn refused(client_id: &str, refusal: &Refusal) -> Entry {
        Entry {
            time: UnixTime(1_800_000_000),
            trace_id: Uuid::nil(),
            address: ([127, 0, 0, 1], 4711).into(),
            client_id: Some(client_id.to_owned()),
            certificate: None,
            audience: None,
            outcome: refusal.into(),
        }
    }

    #[test]
    fn a_line_is_flat_and_reads_back_as_it_was() {
        let refusal = Refusal::new(Reason::GrantTypeMissing, "grant_type is missing");
        let without = refused("c", &refusal);
        let with = refused("c", &refusal.with_check(FailedCheck::new("consumer_unknown", "a", "b")));
        for entry in [&without, &with] {
            let text = serde_json::to_string(entry).unwrap();
            assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), *entry, "{text}");
        }
        let value = serde_json::to_value(&with).unwrap();
        assert_eq!((&value["time"], &value["outcome"]), (&"2027-01-15T08:00:00Z".into(), &"refused".into()));
        assert_eq!((&value["status"], &value["check"]), (&400.into(), &"consumer_unknown".into()));
    }

    #[test]
    fn no_value_can_begin_a_line_or_steer_a_terminal() {
        // R55
        let forged = "x\r\n{\"outcome\":\"issued\"}\u{1b}[2K\u{2028}";
        let check = FailedCheck::new("consumer_unknown", forged, forged);
        let refusal = Refusal::new(Reason::GrantTypeMissing, forged).with_detail(forged).with_check(check);
        let line = serde_json::to_string(&refused(&legible(forged), &refusal)).unwrap();
        assert!(!line.contains(['\r', '\n', '\u{1b}', '\u{2028}']), "{line}");
    }
}

//! What is kept of a signing key, wherever its private half is.

use std::sync::Arc;

use careconnect_verifier::Algorithm;
use serde::Serialize;
use serde_json::{Value, json};

use super::{PublicJwk, Registered};
use crate::clock::UnixTime;

/// A signing key without its private half. What became of it by its dates is told by
/// [`KeySchedule`](super::KeySchedule).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKeyRecord {
    /// Its RFC 7638 thumbprint.
    pub kid: Arc<str>,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// Its public half.
    pub jwk: PublicJwk,
    /// Since when it is in the key set.
    pub published_at: UnixTime,
    /// From when on it signs, until a later one of its algorithm does.
    pub activates_at: UnixTime,
    /// Since when a later one signs. Once this is set it never signs again, whatever the clock says.
    pub retired_at: Option<UnixTime>,
    /// Since when it is no longer in the key set. Once this is set it never comes back.
    pub gone_at: Option<UnixTime>,
    /// Since when nothing that it signed counts.
    pub withdrawn_at: Option<UnixTime>,
    /// Where its private half is.
    pub private_half: PrivateHalf,
    /// That a holder of the sealing key made this record: whoever can write to the database alone publishes no key.
    pub proof: SealedText,
}

/// Where the private half of a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrivateHalf {
    /// Sealed, in a file of `keys.directory`.
    File,
    /// Sealed, in the database: this is it.
    Row(SealedText),
    /// In a PKCS#11 token, under this `CKA_ID` in hexadecimal digits.
    Token(String),
    /// Destroyed, for the key is gone or withdrawn.
    Nowhere,
}

/// A sealed text: `v1.<sealing key>.<nonce>.<ciphertext>`. Useless without the sealing key, and still not for every eye.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SealedText(pub String);

impl std::fmt::Debug for SealedText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealedText")
    }
}

/// The places where private halves can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeptIn {
    /// Sealed files.
    Files,
    /// Sealed rows of the database.
    Database,
    /// A PKCS#11 token.
    Pkcs11,
    /// No place any more.
    Nowhere,
}

impl KeptIn {
    /// Its name in the configuration, the database and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Database => "database",
            Self::Pkcs11 => "pkcs11",
            Self::Nowhere => "nowhere",
        }
    }
}

impl PrivateHalf {
    /// In which kind of place it is.
    pub const fn kept_in(&self) -> KeptIn {
        match self {
            Self::File => KeptIn::Files,
            Self::Row(_) => KeptIn::Database,
            Self::Token(_) => KeptIn::Pkcs11,
            Self::Nowhere => KeptIn::Nowhere,
        }
    }
}

impl SigningKeyRecord {
    /// Its public half as it is published.
    pub fn public_json(&self) -> String {
        self.jwk.to_json(self.algorithm, &self.kid)
    }

    /// Has nobody ended it: neither its successor, nor time, nor an administrator?
    pub const fn is_live(&self) -> bool {
        self.retired_at.is_none() && self.gone_at.is_none() && self.withdrawn_at.is_none()
    }
}

impl Registered for SigningKeyRecord {
    const KIND: &'static str = "signing_key";

    fn identifier(&self) -> String {
        self.kid.to_string()
    }

    fn document(&self) -> Value {
        let text = |time: Option<UnixTime>| time.map(|time| time.to_string());
        json!({
            "kid": self.kid.as_ref(), "algorithm": self.algorithm, "jwk": self.jwk.to_value(self.algorithm, &self.kid),
            "published_at": self.published_at.to_string(), "activates_at": self.activates_at.to_string(),
            "retired_at": text(self.retired_at), "gone_at": text(self.gone_at),
            "withdrawn_at": text(self.withdrawn_at), "kept_in": self.private_half.kept_in().name(),
        })
    }

    fn done_since(&self, before: Option<&Self>) -> &'static str {
        let Some(before) = before else { return "published" };
        if before.withdrawn_at != self.withdrawn_at {
            "withdrawn"
        } else if before.gone_at != self.gone_at {
            "gone"
        } else if before.retired_at != self.retired_at {
            "retired"
        } else if before.activates_at != self.activates_at {
            "rescheduled"
        } else if self.private_half == PrivateHalf::Nowhere {
            "destroyed"
        } else {
            "resealed"
        }
    }
}

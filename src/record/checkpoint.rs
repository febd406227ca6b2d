//! Signed statements of how far a stream had come.

use std::{error::Error, fmt, str::FromStr};

use careconnect_verifier::{KeySet, Rejection, UnverifiedText};
use serde::{Deserialize, Serialize};

use super::files::is_stream;
use crate::{
    clock::UnixTime,
    hash_chain::{CHECKPOINT_TYPE, ChainHash},
};

/// What a checkpoint's signature covers: the claims of a JWS of type [`CHECKPOINT_TYPE`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Whose record it is.
    pub iss: String,
    /// When it was signed.
    pub iat: UnixTime,
    /// The stream.
    pub stream: String,
    /// The number of the last line that it covers; it covers all before it, too.
    pub sequence: u64,
    /// The hash of that line, in hexadecimal.
    pub hash: String,
}

/// Signs a checkpoint: gives a compact JWS of type [`CHECKPOINT_TYPE`].
pub type CheckpointSigner = Box<dyn Fn(&Checkpoint) -> Result<String, Box<dyn Error + Send + Sync>> + Send>;

/// The stream that checkpoints of the audit of changes name; no file of the issuance record is called so.
pub const CHANGES: &str = "changes";

/// How far a stream is known to have come, from a log say: `stream:sequence:hash`, as events `record_checkpoint` write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCheckpoint {
    /// The stream.
    pub stream: String,
    /// The number of a line.
    pub sequence: u64,
    /// The hash of that line.
    pub hash: ChainHash,
}

impl fmt::Display for KnownCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.stream, self.sequence, self.hash)
    }
}

impl FromStr for KnownCheckpoint {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<_> = text.split(':').collect();
        match parts[..] {
            [stream, sequence, hash] if is_stream(stream) || stream == CHANGES => {
                let sequence = sequence.parse().map_err(|_| format!("{sequence:?} is no number of a line"))?;
                let hash = hash.parse().map_err(|error| format!("{hash:?} cannot be compared: {error}"))?;
                Ok(Self { stream: stream.to_owned(), sequence, hash })
            }
            _ => Err(format!("{text:?} is no checkpoint: expected stream:sequence:hash, as the log has it")),
        }
    }
}

/// What a checkpoint in a stream is worth.
#[derive(Debug, PartialEq, Eq)]
pub enum CheckpointVerdict {
    /// Its signature covers exactly this.
    Valid,
    /// It may be right: the key of this id, with which it says that it is signed, is not among those given.
    UnknownKey(String),
    /// It cannot be right, and why.
    Wrong(String),
}

#[derive(Deserialize)]
struct Header {
    typ: String,
    kid: String,
}

/// Judges a JWS that says of `stream` that line number `sequence` has the hash `hash`.
pub fn judge_checkpoint(jws: &str, stream: &str, sequence: u64, hash: ChainHash, keys: &KeySet) -> CheckpointVerdict {
    let Ok(UnverifiedText { header, payload }) = UnverifiedText::read(jws.as_bytes()) else {
        return CheckpointVerdict::Wrong("it is no compact JWS".to_owned());
    };
    let Ok(Header { typ, kid }) = serde_json::from_str(&header) else {
        return CheckpointVerdict::Wrong("its header has no typ and kid".to_owned());
    };
    if typ != CHECKPOINT_TYPE {
        return CheckpointVerdict::Wrong(format!("expected typ {CHECKPOINT_TYPE:?}, received {typ:?}"));
    }
    let covers = |of: Checkpoint| (of.stream.as_str(), of.sequence, of.hash) == (stream, sequence, hash.to_string());
    if !serde_json::from_str(&payload).is_ok_and(covers) {
        return CheckpointVerdict::Wrong(format!("expected a statement about line {sequence} of this stream as it is"));
    }
    match keys.find(&kid).map(|key| key.verify_jws(jws.as_bytes())) {
        Ok(Ok(_)) => CheckpointVerdict::Valid,
        Err(Rejection::UnknownKey { .. }) => CheckpointVerdict::UnknownKey(kid),
        Ok(Err(rejection)) | Err(rejection) => CheckpointVerdict::Wrong(rejection.to_string()),
    }
}

//! One line of a stream: what it says, between its place in the chain and the hash that seals both.

use serde::Deserialize;

use super::entry::rfc3339;
use crate::{clock::UnixTime, hash_chain::ChainHash};

/// Longer than any line of ours.
pub(super) const LONGEST_LINE: usize = 64 * 1024;

const SEAL: &[u8] = br#","hash":""#;
const SEAL_LENGTH: usize = SEAL.len() + 64 + br#""}"#.len();

/// A place in a stream: behind the line of this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) sequence: u64,
    pub(super) hash: ChainHash,
}

impl Place {
    /// Before the first line.
    pub(super) const START: Self = Self { sequence: 0, hash: ChainHash::START };

    /// Appends to `text` the line that stands here and says `members`, a JSON object that is not empty, without line end.
    /// Gives the place behind it.
    pub(super) fn write(self, members: &[u8], text: &mut Vec<u8>) -> Self {
        let (start, sequence) = (text.len(), self.sequence + 1);
        text.extend(format!(r#"{{"sequence":{sequence},"previous":"{}","#, self.hash).bytes());
        text.extend(&members[1..members.len() - 1]);
        let hash = self.hash.then(&text[start..]);
        text.extend(SEAL);
        text.extend(format!(r#"{hash}"}}"#).bytes());
        Self { sequence, hash }
    }
}

/// A whole line that is as it was written.
#[derive(Debug)]
pub(super) struct Line {
    /// Behind it.
    pub(super) place: Place,
    /// The hash that it hangs on.
    pub(super) previous: ChainHash,
    pub(super) time: UnixTime,
    /// Says that what stands before it is a line that broke off.
    pub(super) torn: bool,
    /// Signed, of the place before it.
    pub(super) checkpoint: Option<String>,
}

#[derive(Deserialize)]
struct Frame {
    sequence: u64,
    previous: String,
    #[serde(with = "rfc3339")]
    time: UnixTime,
    #[serde(default)]
    torn: bool,
    checkpoint: Option<String>,
}

impl Line {
    /// Nothing for a line that broke off, and for one of which any byte was changed.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let (body, seal) = text.split_at_checked(text.len().checked_sub(SEAL_LENGTH)?)?;
        let hash: ChainHash = str::from_utf8(seal.strip_prefix(SEAL)?.strip_suffix(br#""}"#)?).ok()?.parse().ok()?;
        let Frame { sequence, previous, time, torn, checkpoint } = serde_json::from_slice(text).ok()?;
        let previous: ChainHash = previous.parse().ok()?;
        (previous.then(body) == hash).then_some(Self {
            place: Place { sequence, hash },
            previous,
            time,
            torn,
            checkpoint,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_and_with_any_byte_changed_it_does_not() {
        let members = r#"{"time":"2027-01-15T08:00:00Z","outcome":"issued","asid":"200000000205"}"#;
        let mut text = Vec::new();
        let first = Place::START.write(members.as_bytes(), &mut text);
        let line = Line::read(&text).unwrap();
        assert_eq!((line.place, line.previous, line.time), (first, ChainHash::START, UnixTime(1_800_000_000)));
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut changed = text.clone();
                changed[at] ^= 1 << bit;
                assert!(Line::read(&changed).is_none(), "{}", String::from_utf8_lossy(&changed));
            }
            assert!(Line::read(&text[..at]).is_none() && Line::read(&text[at + 1..]).is_none());
        }
    }
}

//! The issuance record: what was answered to each token request, one line of JSON each, in a local file per UTC day.
//!
//! A token leaves only when its line has been handed to the operating system (R56). So a line may tell of a token that
//! nobody received, but no token is without its line. What is written outlives the process however it ends; for the disk
//! nobody waits, so the last seconds may not outlive a power failure.
//!
//! A thread of its own appends all lines that wait in one `write`, and opens the file anew for it: one that was moved away,
//! or lost with its directory, is noticed at once. On a local file system such writes never mix, so processes of one machine
//! may share a directory. A line that broke off, on a full disk say, is left as it is, and the next one begins on a new line.

mod day_files;
mod entry;
mod search;
mod writer;

pub use self::{
    day_files::RecordError,
    entry::{Entry, Outcome, RecordedCheck},
    search::find,
    writer::{IssuanceRecord, NotRecorded},
};

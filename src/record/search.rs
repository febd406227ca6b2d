//! Finding a line again.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use uuid::Uuid;

use super::{
    day_files::newest_first,
    entry::{Entry, Outcome},
};

/// Longer than any line of ours.
const LONGEST_LINE: u64 = 64 * 1024;

/// The last line with that number, of a request or of the token that it got, in the newest file that has one. Reads file by file and line by line; a line that broke
/// off is passed over.
pub fn find(directory: &Path, trace_id: Uuid) -> io::Result<Option<Entry>> {
    for file in newest_first(directory)? {
        let file = match File::open(file) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue, // deleted a moment ago
            Err(error) => return Err(error),
        };
        if let Some(entry) = find_in(BufReader::new(file), trace_id)? {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

fn is_meant(entry: &Entry, number: Uuid) -> bool {
    let is_its_token = matches!(entry.outcome, Outcome::Issued { token_id, .. } if token_id == number);
    entry.trace_id == number || is_its_token
}

fn find_in(mut file: impl BufRead, trace_id: Uuid) -> io::Result<Option<Entry>> {
    let (mut found, mut line) = (None, Vec::new());
    let number = trace_id.to_string();
    while file.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? > 0 {
        if !line.ends_with(b"\n") {
            file.skip_until(b'\n')?;
        }
        let text = String::from_utf8_lossy(&line);
        if text.contains(&number) {
            let entry = serde_json::from_str(&text).ok();
            found = entry.filter(|entry| is_meant(entry, trace_id)).or(found); // another's text may hold the number
        }
        line.clear();
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::UnixTime,
        domain::{Reason, Refusal},
    };

    fn line(number: u128, client_id: &str) -> String {
        let entry = Entry {
            time: UnixTime(1_800_000_000),
            trace_id: Uuid::from_u128(number),
            address: ([127, 0, 0, 1], 4711).into(),
            client_id: Some(client_id.to_owned()),
            certificate: None,
            audience: None,
            outcome: (&Refusal::new(Reason::GrantTypeMissing, "grant_type is missing")).into(),
        };
        serde_json::to_string(&entry).unwrap() + "\n"
    }

    fn client_id_of(number: u128, text: &[u8]) -> Option<String> {
        find_in(text, Uuid::from_u128(number)).unwrap()?.client_id
    }

    #[test]
    fn torn_long_and_strange_lines_are_passed_over() {
        let (whole, torn, long) = (line(1, "one"), &line(7, "torn")[..60], "x".repeat(200_000));
        let text = [b"\n\xff\xfe\n[]\n", long.as_bytes(), b"\n", whole.as_bytes(), torn.as_bytes()].concat();
        assert_eq!(client_id_of(1, &text).as_deref(), Some("one"));
        assert_eq!(client_id_of(7, &text), None);
        assert_eq!(client_id_of(1, b""), None);
    }

    #[test]
    fn the_last_of_several_lines_counts_and_no_other_requests() {
        // R55
        let pretender = line(2, &Uuid::from_u128(1).to_string());
        let text = [line(1, "first"), line(1, "last"), pretender].concat();
        assert_eq!(client_id_of(1, text.as_bytes()).as_deref(), Some("last"));
    }

    #[test]
    fn the_newest_file_that_has_it_is_the_one() {
        let directory = tempfile::tempdir().unwrap();
        for (day, client_id) in [("2027-01-14", "old"), ("2027-01-15", "new")] {
            std::fs::write(directory.path().join(format!("token-requests-{day}.jsonl")), line(1, client_id)).unwrap();
        }
        let found = find(directory.path(), Uuid::from_u128(1)).unwrap().unwrap();
        assert_eq!(found.client_id.as_deref(), Some("new"));
        assert_eq!(find(directory.path(), Uuid::from_u128(3)).unwrap(), None);
    }
}

use std::fs;

use super::*;
use crate::{
    domain::{Reason, Refusal},
    record::Outcome,
};

const NOW: UnixTime = UnixTime(1_800_000_000);

fn entry(number: u128, client_id: &str, time: UnixTime) -> Entry {
    Entry {
        time,
        trace_id: Uuid::from_u128(number),
        address: ([127, 0, 0, 1], 4711).into(),
        client_id: Some(client_id.to_owned()),
        certificate: None,
        audience: None,
        outcome: (&Refusal::new(Reason::GrantTypeMissing, "grant_type is missing")).into(),
    }
}

fn line(number: u128, client_id: &str) -> String {
    serde_json::to_string(&entry(number, client_id, NOW)).unwrap() + "\n"
}

fn directory_with(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(format!("token-requests-{name}.jsonl")), text).unwrap();
    }
    directory
}

fn client_id_of(number: u128, text: &[u8]) -> Option<String> {
    let directory = directory_with(&[("2027-01-15", text)]);
    find(directory.path(), Uuid::from_u128(number)).unwrap()?.client_id
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
fn the_newest_file_that_has_it_is_the_one_of_whichever_release() {
    let (old, new) = (line(1, "old"), line(1, "new"));
    let directory = directory_with(&[("2027-01-14", old.as_bytes()), ("2027-01-15.0a0a0a0a.7", new.as_bytes())]);
    let found = find(directory.path(), Uuid::from_u128(1)).unwrap().unwrap();
    assert_eq!(found.client_id.as_deref(), Some("new"));
    assert_eq!(find(directory.path(), Uuid::from_u128(3)).unwrap(), None);
}

#[test]
fn a_search_gives_the_newest_of_all_streams_that_match() {
    let lines =
        |entries: &[Entry]| entries.iter().map(|one| serde_json::to_string(one).unwrap() + "\n").collect::<String>();
    let issued = |number, time| {
        let outcome = Outcome::Issued {
            asid: "200000000205".to_owned(),
            ods_code: "A1001".to_owned(),
            method: "client_secret".to_owned(),
            credential: Uuid::nil(),
            groups: Vec::new(),
            token_id: Uuid::from_u128(99),
            expires_at: time,
        };
        Entry { outcome, ..entry(number, "c", time) }
    };
    let yesterday = NOW.plus(-24 * 60 * 60);
    let (one, other) =
        (lines(&[entry(1, "a", yesterday), entry(2, "b", yesterday.plus(2))]), lines(&[issued(3, yesterday.plus(1))]));
    let today = lines(&[entry(4, "a", yesterday.plus(3)), entry(5, "a", NOW)]); // 4: begun before midnight, say
    let directory = directory_with(&[
        ("2027-01-14", one.as_bytes()),
        ("2027-01-14.0a0a0a0a.1", other.as_bytes()),
        ("2027-01-15.0a0a0a0a.2", today.as_bytes()),
    ]);
    let found = |query: Query, limit| {
        let found = search(directory.path(), &query, limit).unwrap();
        found.into_iter().map(|found| found.entry.trace_id.as_u128()).collect::<Vec<_>>()
    };
    let all = Query::default;
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(found(all(), 9), [5, 4, 2, 3, 1]);
    assert_eq!(found(all(), 3), [5, 4, 2]);
    assert_eq!(found(Query { client_id: text("a"), ..all() }, 2), [5, 4]);
    assert_eq!(found(Query { client_id: text("a"), until: Some(NOW), ..all() }, 9), [4, 1]);
    assert_eq!(found(Query { from: Some(yesterday.plus(3)), ..all() }, 9), [5, 4]);
    assert_eq!(found(Query { until: Some(yesterday), ..all() }, 9), [0_u128; 0]);
    for query in [
        Query { asid: text("200000000205"), ..all() },
        Query { ods_code: text("A1001"), ..all() },
        Query { outcome: text("issued"), ..all() },
        Query { token_id: Some(Uuid::from_u128(99)), ..all() },
        Query { trace_id: Some(Uuid::from_u128(3)), ..all() },
    ] {
        assert_eq!(found(query, 9), [3]);
    }
    assert_eq!(found(Query { reason: text("grant_type_missing"), ..all() }, 1), [5]);
    assert_eq!(
        found(Query { reason: text("grant_type_missing"), asid: text("200000000205"), ..all() }, 1),
        [0_u128; 0]
    );
    let found = search(directory.path(), &Query { outcome: text("issued"), ..all() }, 1).unwrap();
    assert_eq!(found[0].stream.as_deref(), Some("0a0a0a0a"));
}

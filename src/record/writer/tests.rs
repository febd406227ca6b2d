use std::path::Path;

use futures_util::FutureExt;
use uuid::Uuid;

use super::*;
use crate::{
    clock::{ManualClock, UnixTime},
    domain::{Reason, Refusal},
    record::verify,
};

fn entry(outcome: Outcome) -> Entry {
    let (client_id, certificate, audience) = (None, None, None);
    let address = ([127, 0, 0, 1], 4711).into();
    Entry { time: UnixTime(0), trace_id: Uuid::nil(), address, client_id, certificate, audience, outcome }
}

fn issued() -> Entry {
    entry(Outcome::Issued {
        asid: "200000000205".to_owned(),
        ods_code: "A1001".to_owned(),
        method: "client_secret".to_owned(),
        credential: Uuid::nil(),
        groups: Vec::new(),
        token_id: Uuid::nil(),
        expires_at: UnixTime(300),
    })
}

fn refused() -> Entry {
    entry((&Refusal::new(Reason::GrantTypeMissing, "grant_type is missing")).into())
}

fn section(directory: &Path) -> config::Record {
    config::Record {
        directory: directory.to_owned(),
        refusals_up_to_megabytes: config::Count::of(1),
        ..config::Record::default()
    }
}

fn without_key() -> CheckpointSigner {
    Box::new(|_| Err("there is no key".into()))
}

fn open(directory: &Path, clock: &Arc<ManualClock>) -> IssuanceRecord {
    IssuanceRecord::open(&section(directory), "https://localhost", without_key(), clock.clone()).unwrap()
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(UnixTime(0)))
}

#[tokio::test]
async fn a_disk_that_stands_still_costs_bounded_memory_and_refusals_leave_room_for_tokens() {
    // R54, R56
    let (lines, received) = sync_channel(MAX_WAITING);
    let places_of_refusals = Arc::new(Semaphore::new(MAX_WAITING / 2));
    let record = IssuanceRecord {
        lines,
        places_of_refusals,
        state: State::default(),
        patience: PATIENCE,
        directory: PathBuf::new(),
    };
    for line in [&refused(), &issued()] {
        for _ in 0..MAX_WAITING / 2 {
            assert_eq!(record.write(line).now_or_never(), None, "it waits");
        }
        assert_eq!(record.write(&refused()).now_or_never(), Some(Err(NotRecorded::Busy)));
    }
    assert_eq!(record.write(&issued()).now_or_never(), Some(Err(NotRecorded::Busy)));
    drop(received);
    assert_eq!(record.write(&issued()).now_or_never(), Some(Err(NotRecorded::Failed)));
}

#[tokio::test]
async fn strangers_do_not_fill_the_disk_and_tokens_are_recorded_all_the_same() {
    // R54, R56
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let record = open(directory.path(), &clock);
    assert_eq!(record.write(&refused()).await, Ok(()));
    let mut long = refused();
    long.audience = Some("x".repeat(60_000));
    for _ in 0..(1 << 20) / 60_000 + 1 {
        assert_eq!(record.write(&long).await, Ok(()));
    }
    assert_eq!(record.write(&refused()).await, Err(NotRecorded::Failed));
    assert_eq!(record.write(&issued()).await, Ok(()));
    assert!(!record.is_failing());
    clock.advance(24 * 60 * 60);
    assert_eq!(record.write(&refused()).await, Ok(()), "another day, another file");
    let ended = record.ended();
    drop(record);
    ended.await;
    let report = verify(directory.path(), None, &[]).unwrap();
    assert_eq!((report.is_sound(), report.streams[0].lines), (true, 1 + 1 + 18 + 1 + 1));
}

#[tokio::test]
async fn a_disk_that_stands_still_is_seen_and_seen_again_when_it_answers() {
    // R56
    let directory = tempfile::tempdir().unwrap();
    let (lines, received) = sync_channel(MAX_WAITING);
    let (state, section) = (State::default(), section(directory.path()));
    let writer = Writer::open(&section, "https://localhost", without_key(), clock(), state.clone()).unwrap();
    let (places_of_refusals, patience) = (Arc::new(Semaphore::new(1)), Duration::from_millis(1));
    let record = IssuanceRecord { lines, places_of_refusals, state, patience, directory: PathBuf::new() };

    assert_eq!(record.write(&issued()).await, Err(NotRecorded::Late));
    assert!(record.is_failing());
    assert_eq!(record.write(&issued()).now_or_never(), Some(Err(NotRecorded::Late)), "at once");
    let _until_the_record_goes = std::thread::spawn(move || writer.run(&received));
    while record.is_failing() {
        std::thread::yield_now();
    }
}

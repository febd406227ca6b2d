use futures_util::FutureExt;
use uuid::Uuid;

use super::*;
use crate::{
    clock::{ManualClock, UnixTime},
    domain::{Reason, Refusal},
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

#[tokio::test]
async fn a_disk_that_stands_still_costs_bounded_memory_and_refusals_leave_room_for_tokens() {
    // R54, R56
    let (lines, received) = sync_channel(MAX_WAITING);
    let places_of_refusals = Arc::new(Semaphore::new(MAX_WAITING / 2));
    let (is_failing, is_stuck) = (Arc::default(), Arc::default());
    let record = IssuanceRecord { lines, places_of_refusals, is_failing, is_stuck, patience: PATIENCE };
    let refused = entry((&Refusal::new(Reason::GrantTypeMissing, "grant_type is missing")).into());
    for line in [&refused, &issued()] {
        for _ in 0..MAX_WAITING / 2 {
            assert_eq!(record.write(line).now_or_never(), None, "it waits");
        }
        assert_eq!(record.write(&refused).now_or_never(), Some(Err(NotRecorded::Busy)));
    }
    assert_eq!(record.write(&issued()).now_or_never(), Some(Err(NotRecorded::Busy)));
    drop(received);
    assert_eq!(record.write(&issued()).now_or_never(), Some(Err(NotRecorded::Failed)));
}
#[tokio::test]
async fn strangers_do_not_fill_the_disk_and_tokens_are_recorded_all_the_same() {
    // R54, R56
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(file_name(UnixTime(0))), vec![b'\n'; 1 << 20]).unwrap();
    let section = config::Record {
        directory: directory.path().to_owned(),
        refusals_up_to_megabytes: config::Count::of(1),
        ..config::Record::default()
    };
    let record = IssuanceRecord::open(&section, Arc::new(ManualClock::at(UnixTime(0)))).unwrap();
    let refused = entry((&Refusal::new(Reason::GrantTypeMissing, "grant_type is missing")).into());
    assert_eq!(record.write(&refused).await, Err(NotRecorded::Failed));
    assert_eq!(record.write(&issued()).await, Ok(()));
    assert!(!record.is_failing());
}
#[tokio::test]
async fn a_disk_that_stands_still_is_seen_and_seen_again_when_it_answers() {
    // R56
    let directory = tempfile::tempdir().unwrap();
    let files = DayFiles::open(directory.path().to_owned(), 0, UnixTime(0)).unwrap();
    let clock = Arc::new(ManualClock::at(UnixTime(0)));
    let (lines, received) = sync_channel(MAX_WAITING);
    let (is_failing, is_stuck) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
    let (tidied, full) = (String::new(), String::new());
    let (failing, stuck) = (is_failing.clone(), is_stuck.clone());
    let writer =
        Writer { files, clock, is_failing: failing, is_stuck: stuck, tidied, most_with_refusals: u64::MAX, full };
    let (places_of_refusals, patience) = (Arc::new(Semaphore::new(1)), Duration::from_millis(1));
    let record = IssuanceRecord { lines, places_of_refusals, is_failing, is_stuck, patience };

    assert_eq!(record.write(&issued()).await, Err(NotRecorded::Late));
    assert!(record.is_failing());
    assert_eq!(record.write(&issued()).now_or_never(), Some(Err(NotRecorded::Late)), "at once");
    let _until_the_record_goes = thread::spawn(move || writer.run(&received));
    while record.is_failing() {
        thread::yield_now();
    }
}

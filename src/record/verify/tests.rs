use std::path::PathBuf;

use super::*;
use crate::{clock::UnixTime, record::stream::Stream};

const DAY: i64 = 86_400;

/// A stream of three days, each with a few lines.
struct Scene {
    directory: tempfile::TempDir,
    files: Vec<PathBuf>,
    last: KnownCheckpoint,
}

fn scene() -> Scene {
    let directory = tempfile::tempdir().unwrap();
    let mut stream = Stream::open(directory.path(), UnixTime(0)).unwrap();
    let mut files = Vec::new();
    for day in 0..3 {
        let now = UnixTime(day * DAY);
        if stream.is_of_another_day(now) {
            stream.turn(now);
        }
        files.push(directory.path().join(stream.file().0));
        let members = format!(r#"{{"time":"{now}","trace_id":"{day}"}}"#);
        assert_eq!(stream.append(&[members.as_bytes(); 3], now).0, 3);
    }
    let last = stream.place();
    let last = KnownCheckpoint { stream: stream.name().to_owned(), sequence: last.sequence, hash: last.hash };
    Scene { directory, files, last }
}

impl Scene {
    fn report(&self) -> Report {
        verify(self.directory.path(), None, &[]).unwrap()
    }

    /// The first broken line.
    fn broken(&self) -> (PathBuf, u64, Fault) {
        let report = self.report();
        let broken = report.broken().next().expect("something is wrong");
        (broken.file.clone(), broken.line, broken.fault.clone())
    }

    fn lines(&self, file: usize) -> Vec<String> {
        fs::read_to_string(&self.files[file]).unwrap().lines().map(|line| line.to_owned() + "\n").collect()
    }

    fn write(&self, file: usize, lines: &[String]) {
        fs::write(&self.files[file], lines.concat()).unwrap();
    }
}

#[test]
fn a_record_as_it_was_written_is_sound_also_without_its_oldest_days() {
    let scene = scene();
    let report = scene.report();
    let [stream] = &report.streams[..] else { panic!("{report:?}") };
    assert_eq!((stream.files, stream.lines, stream.first_sequence, stream.last_sequence), (3, 10, 1, 10));
    assert_eq!((stream.first_time, stream.last_time), (Some(UnixTime(0)), Some(UnixTime(2 * DAY))));
    assert_eq!((stream.lines_after_checkpoint, &stream.broken), (10, &None));
    fs::remove_file(&scene.files[0]).unwrap();
    let report = scene.report();
    assert!(report.is_sound());
    assert_eq!(report.streams[0].first_sequence, 5);
}

#[test]
fn every_byte_that_is_changed_is_found_in_its_line() {
    let scene = scene();
    for file in 0..3 {
        let whole = fs::read(&scene.files[file]).unwrap();
        let mut line = 1;
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(&scene.files[file], &changed).unwrap();
            let (name, found, fault) = scene.broken();
            assert_eq!((name, found, fault), (scene.files[file].clone(), line, Fault::Changed), "byte {at}");
            line += u64::from(whole[at] == b'\n');
        }
        fs::write(&scene.files[file], whole).unwrap();
    }
    assert!(scene.report().is_sound());
}

#[test]
fn lines_that_are_missing_or_moved_or_put_in_between_are_found() {
    let scene = scene();
    let [first, second, third]: [String; 3] = scene.lines(1).try_into().unwrap();
    let wrong = |lines: &[&String]| {
        let lines: Vec<_> = lines.iter().map(|line| (*line).clone()).collect();
        scene.write(1, &lines);
        let (file, line, fault) = scene.broken();
        (scene.files.iter().position(|other| *other == file).unwrap(), line, fault)
    };
    let missing = |expected, found| Fault::MissingBefore { expected, found };
    assert_eq!(wrong(&[&first, &third]), (1, 2, missing(6, 7)));
    assert_eq!(wrong(&[&second, &third]), (1, 1, missing(5, 6)));
    assert_eq!(wrong(&[&first, &second]), (2, 1, missing(7, 8)));
    assert_eq!(wrong(&[]), (2, 1, missing(5, 8)));
    assert_eq!(wrong(&[&second, &first, &third]), (1, 1, missing(5, 6)));
    assert_eq!(wrong(&[&first, &first, &second, &third]), (1, 2, Fault::OutOfOrder { expected: 6, found: 5 }));
    let between = ["{\"a\":1}\n".to_owned(), "\n".to_owned()];
    for between in &between {
        assert_eq!(wrong(&[&first, between, &second, &third]), (1, 2, Fault::Changed));
    }
    scene.write(1, &[first, second, third]);
    assert!(scene.report().is_sound());
    let appended = [scene.lines(2), vec!["{\"a\":1}\n".to_owned()]].concat();
    scene.write(2, &appended);
    assert_eq!(scene.broken(), (scene.files[2].clone(), 4, Fault::Changed));
}

#[test]
fn a_day_that_is_missing_in_between_and_a_beginning_that_was_cut_are_found() {
    let scene = scene();
    let lines = scene.lines(0);
    scene.write(0, &lines[1..]);
    assert_eq!(scene.broken(), (scene.files[0].clone(), 1, Fault::MissingBefore { expected: 1, found: 2 }));
    scene.write(0, &lines);
    fs::remove_file(&scene.files[1]).unwrap();
    assert_eq!(scene.broken(), (scene.files[2].clone(), 1, Fault::MissingBefore { expected: 5, found: 8 }));
}

#[test]
fn a_line_that_was_written_anew_with_its_hash_is_found_by_the_next() {
    let scene = scene();
    let mut lines = scene.lines(1);
    let mut forged = Vec::new();
    let line = super::super::line::Line::read(lines[0].trim_end().as_bytes()).unwrap();
    let place = super::super::line::Place { sequence: 4, hash: line.previous };
    place.write(br#"{"time":"1970-01-02T00:00:00Z","trace_id":"other"}"#, &mut forged);
    lines[0] = String::from_utf8(forged).unwrap() + "\n";
    scene.write(1, &lines);
    assert_eq!(scene.broken(), (scene.files[1].clone(), 2, Fault::Replaced));
}

#[test]
fn an_end_that_was_cut_off_is_found_by_who_knows_it() {
    let scene = scene();
    let known = |known: KnownCheckpoint| verify(scene.directory.path(), None, &[known]).unwrap();
    assert_eq!(scene.last.to_string().parse(), Ok(scene.last.clone()));
    assert!(known(scene.last.clone()).is_sound());
    let other = KnownCheckpoint { hash: crate::hash_chain::ChainHash::START, ..scene.last.clone() };
    assert_eq!(known(other).broken().next().unwrap().fault, Fault::NotAsKnown);
    let lines = scene.lines(2);
    scene.write(2, &lines[..2]);
    assert!(scene.report().is_sound());
    let cut = known(scene.last.clone());
    assert_eq!(cut.broken().next().unwrap().fault, Fault::CutOff { known: 10, last: 9 });
    let gone = KnownCheckpoint { stream: "00000000".to_owned(), ..scene.last.clone() };
    assert_eq!(known(gone).broken().count(), 1);
    for text in ["", "1:2:3", "00000000:x:y", "00000000:1:ab"] {
        assert!(text.parse::<KnownCheckpoint>().is_err(), "{text}");
    }
}

#[test]
fn the_files_of_an_earlier_release_are_named() {
    let scene = scene();
    let old = scene.directory.path().join("token-requests-1969-12-31.jsonl");
    fs::write(&old, "{}\n").unwrap();
    let report = scene.report();
    assert_eq!((report.is_sound(), report.unchained), (true, vec![old]));
}

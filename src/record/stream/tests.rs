use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::record::{Report, verify};

const NOW: UnixTime = UnixTime(1_800_000_000);
const TOMORROW: UnixTime = UnixTime(1_800_000_000 + 86_400);

fn members(number: u64) -> Vec<u8> {
    format!(r#"{{"time":"2027-01-15T08:00:00Z","number":{number}}}"#).into_bytes()
}

fn write(stream: &mut Stream, numbers: std::ops::Range<u64>, now: UnixTime) {
    let lines: Vec<_> = numbers.map(members).collect();
    let lines: Vec<_> = lines.iter().map(Vec::as_slice).collect();
    assert!(matches!(stream.append(&lines, now), (count, Ok(())) if count == lines.len()));
}

fn text_of(directory: &Path) -> String {
    let files = super::super::files::by_stream(directory).unwrap().into_values().flatten();
    files.map(|file| fs::read_to_string(file.path).unwrap()).collect()
}

fn has(directory: &Path, numbers: std::ops::Range<u64>) -> bool {
    let text = text_of(directory);
    numbers.into_iter().all(|number| text.contains(&format!("\"number\":{number},")))
}

#[track_caller]
fn sound(directory: &Path) -> Report {
    let report = verify(directory, None, &[]).unwrap();
    assert!(report.is_sound(), "{:#?}\n{}", report.broken().collect::<Vec<_>>(), text_of(directory));
    report
}

#[test]
fn directory_and_files_are_for_their_owner_alone() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("a/records");
    let stream = Stream::open(&directory, NOW).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&directory), mode(&directory.join(stream.file().0))), (0o700, 0o600));
    assert!(stream.file().0.starts_with("token-requests-2027-01-15."));
}

#[test]
fn a_restart_continues_the_stream_and_two_processes_have_two() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = Stream::open(directory.path(), NOW).unwrap();
    let mut second = Stream::open(directory.path(), NOW).unwrap();
    assert_ne!(first.name(), second.name());
    write(&mut first, 0..3, NOW);
    write(&mut second, 3..5, NOW);
    let (name, place) = (first.name().to_owned(), first.place());
    drop(first);
    for (day, sequence) in [(NOW, 6), (TOMORROW, 8)] {
        let mut again = Stream::open(directory.path(), day).unwrap();
        assert_eq!((again.name(), again.place().sequence >= place.sequence), (name.as_str(), true));
        write(&mut again, 5..6, day);
        assert_eq!(again.place().sequence, sequence, "a mark and a line more");
    }
    let report = sound(directory.path());
    assert_eq!(report.streams.iter().map(|stream| stream.files).sum::<u64>(), 3);
    assert_eq!(report.streams.iter().map(|stream| stream.lines).sum::<u64>(), 8 + 3);
}

#[test]
fn wherever_a_crash_cuts_the_file_the_chain_goes_on_and_no_whole_line_is_lost() {
    // R56
    let directory = tempfile::tempdir().unwrap();
    let mut stream = Stream::open(directory.path(), NOW).unwrap();
    write(&mut stream, 0..3, NOW);
    let file = directory.path().join(stream.file().0);
    drop(stream);
    let whole = fs::read(&file).unwrap();
    for cut in 0..=whole.len() {
        for day in [NOW, TOMORROW] {
            fs::write(&file, &whole[..cut]).unwrap();
            let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
            let torn = whole[..cut].last().is_some_and(|last| *last != b'\n') && !whole[..cut].ends_with(b"\"}");
            assert_eq!(sound(directory.path()).streams[0].ends_within_a_line, torn, "{cut}");

            let mut again = Stream::open(directory.path(), day).unwrap();
            write(&mut again, 7..9, day);
            let report = sound(directory.path());
            assert!(
                has(directory.path(), 0..u64::try_from(lines.saturating_sub(1)).unwrap())
                    && has(directory.path(), 7..9)
            );
            assert_eq!(report.streams.len(), 1, "{cut}");
            assert_eq!(report.streams[0].torn_lines, u64::from(torn), "{cut}");
            if day == TOMORROW {
                fs::remove_file(directory.path().join(again.file().0)).unwrap();
            }
        }
    }
}

#[test]
fn wherever_a_full_disk_ends_a_write_the_chain_goes_on() {
    // R56
    let whole = {
        let directory = tempfile::tempdir().unwrap();
        let stream = Stream::open(directory.path(), NOW).unwrap();
        stream.batch(&[&members(0), &members(1)], NOW).unwrap().text.len()
    };
    for cut in 0..whole {
        let directory = tempfile::tempdir().unwrap();
        let mut stream = Stream::open(directory.path(), NOW).unwrap();
        let mut torn = 0;
        for attempt in [cut, cut / 3, 0] {
            let batch = stream.batch(&[&members(0), &members(1)], NOW).unwrap();
            let mut file = stream.file.open().unwrap();
            let line_end = if attempt > 0 && stream.ends_within_a_line(&file) { "\n" } else { "" };
            file.write_all(line_end.as_bytes()).unwrap();
            file.write_all(&batch.text[..attempt]).unwrap();
            stream.length += u64::try_from(line_end.len() + attempt).unwrap();
            let written = if attempt + line_end.len() > 0 { stream.note(&batch, attempt) } else { 0 };
            assert!(written <= 3, "a mark and two lines");
            torn += u64::from(!stream.rest.is_empty() && attempt > 0);
            stream.due.get_or_insert(Mark::Resumed);
        }
        let day = if cut % 2 == 0 { NOW } else { TOMORROW };
        if stream.is_of_another_day(day) {
            stream.turn(day);
        }
        write(&mut stream, 5..7, day);
        assert_eq!(sound(directory.path()).streams[0].torn_lines, torn, "{cut}: {}", text_of(directory.path()));
        assert!(has(directory.path(), 5..7));
    }
}

#[test]
fn what_cannot_be_written_is_not_and_the_chain_goes_on_with_a_mark() {
    // R56
    let directory = tempfile::tempdir().unwrap();
    let mut stream = Stream::open(directory.path(), NOW).unwrap();
    write(&mut stream, 0..1, NOW);
    let (file, aside) = (directory.path().join(stream.file().0), directory.path().join("aside"));
    fs::rename(&file, &aside).unwrap();
    std::os::unix::fs::symlink("/dev/full", &file).unwrap();
    assert!(matches!(stream.append(&[&members(1)], NOW), (0, Err(_))));
    assert!(stream.is_interrupted());
    fs::rename(&aside, &file).unwrap();
    write(&mut stream, 2..3, NOW);
    sound(directory.path());
    let text = text_of(directory.path());
    assert!(
        text.contains("\"mark\":\"resumed\"") && !text.contains("torn") && !text.contains("\"number\":1,"),
        "{text}"
    );
}

#[test]
fn a_clock_that_goes_back_or_far_ahead_does_not_break_the_chain() {
    let directory = tempfile::tempdir().unwrap();
    let mut stream = Stream::open(directory.path(), NOW).unwrap();
    for (number, day) in (0..).zip([NOW, TOMORROW, NOW, UnixTime(0), UnixTime(4_000_000_000), NOW]) {
        if stream.is_of_another_day(day) {
            stream.turn(day);
        }
        write(&mut stream, number..number + 1, day);
    }
    assert_eq!(sound(directory.path()).streams[0].files, 6);
    drop(stream);
    write(&mut Stream::open(directory.path(), NOW).unwrap(), 6..7, NOW);
    assert_eq!((sound(directory.path()).streams[0].files, has(directory.path(), 0..7)), (6, true));
}

#[test]
fn a_stream_whose_end_was_changed_is_left_as_it_is_for_the_verification() {
    let directory = tempfile::tempdir().unwrap();
    let mut stream = Stream::open(directory.path(), NOW).unwrap();
    write(&mut stream, 0..1, NOW);
    let (name, file) = (stream.name().to_owned(), directory.path().join(stream.file().0));
    drop(stream);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"number\":0", "\"number\":1")).unwrap();
    let mut other = Stream::open(directory.path(), NOW).unwrap();
    write(&mut other, 2..3, NOW);
    assert_ne!(other.name(), name);
    assert!(!verify(directory.path(), None, &[]).unwrap().is_sound());
    drop(other);
    assert_ne!(Stream::open(directory.path(), NOW).unwrap().name(), name);
}

#[test]
fn the_name_of_a_stream_is_never_used_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut stream = Stream::open(directory.path(), NOW).unwrap();
    write(&mut stream, 0..1, NOW);
    let name = stream.name().to_owned();
    fs::remove_file(directory.path().join(stream.file().0)).unwrap();
    drop(stream);
    assert_ne!(Stream::open(directory.path(), NOW).unwrap().name(), name);
    assert!(!directory.path().join(format!("stream-{name}.lock")).exists());
}

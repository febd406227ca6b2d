//! The numbers of `docs/security.md` are those that tests cite.

use std::{collections::BTreeSet, fs, path::Path};

const DOCUMENT: &str = include_str!("../../docs/security.md");

/// Every `R` with a number behind it that stands alone.
fn numbers(text: &str) -> BTreeSet<u8> {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    words.filter_map(|word| word.strip_prefix('R')?.parse().ok()).collect()
}

/// All that the Rust files below `directory` say.
fn sources(directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_requirement_is_held_by_a_test_and_every_number_in_the_code_is_a_requirement() {
    let listed: BTreeSet<u8> =
        DOCUMENT.lines().filter_map(|line| line.strip_prefix("| R")?.split(' ').next()?.parse().ok()).collect();
    let (mut code, mut tests) = (Vec::new(), Vec::new());
    for (directory, found) in [("src", &mut code), ("tests", &mut tests)] {
        sources(Path::new(directory), found);
        sources(&Path::new("verifier").join(directory), found);
    }
    let unit_tests = |source: &String| source.find("mod tests").map(|at| source[at..].to_owned());
    tests.extend(code.iter().filter_map(unit_tests).collect::<Vec<_>>());

    let cited = |sources: &[String]| sources.iter().flat_map(|source| numbers(source)).collect::<BTreeSet<_>>();
    let (in_tests, in_code) = (cited(&tests), cited(&code));
    assert!(listed.len() > 30);
    let in_no_test: Vec<_> = listed.difference(&in_tests).collect();
    assert!(in_no_test.is_empty(), "held by no test: {in_no_test:?}");
    let unlisted: Vec<_> = in_code.union(&in_tests).filter(|number| !listed.contains(number)).collect();
    assert!(unlisted.is_empty(), "not in docs/security.md: {unlisted:?}");
}

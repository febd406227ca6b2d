//! A module imports only from lower floors (the map is in src/lib.rs).

use std::{fs, path::Path};

/// The floor of each module at the top of the crate. Modules of floors 1, 3 and 5 may use each other; siblings of floor 2
/// never do.
const FLOORS: &[(&str, u8)] = &[
    ("cli", 6),
    ("main", 6),
    ("gateway", 5),
    ("http", 5),
    ("server", 5),
    ("operations", 4),
    ("app", 3),
    ("authorisation", 3),
    ("credential_uses", 3),
    ("expiries", 3),
    ("key_set_fetches", 3),
    ("own_tokens", 3),
    ("registry", 3),
    ("replay", 3),
    ("revocation_list", 3),
    ("authentication", 2),
    ("directory", 2),
    ("record", 2),
    ("signing", 2),
    ("storage", 2),
    ("blocking", 1),
    ("budget", 1),
    ("clock", 1),
    ("config", 1),
    ("crypto", 1),
    ("domain", 1),
    ("fair_share", 1),
    ("hash_chain", 1),
    ("random", 1),
    ("rate_limit", 1),
    ("telemetry", 1),
];

fn floor(module: &str) -> u8 {
    FLOORS.iter().find(|(name, _)| *name == module).unwrap_or_else(|| panic!("{module} has no floor")).1
}

fn may_use(module: &str, used: &str) -> bool {
    let (own, other) = (floor(module), floor(used));
    other < own || module == used || (own == other && matches!(own, 1 | 3 | 5))
}

/// Every `crate::module` in a text, whether it stands alone or in `crate::{a::X, b::{Y, Z}}`.
fn used_modules(text: &str) -> Vec<&str> {
    let mut used = Vec::new();
    for (at, marker) in text.match_indices("crate::") {
        let rest = &text[at + marker.len()..];
        match rest.strip_prefix('{') {
            None => used.push(identifier(rest)),
            Some(list) => used.extend(first_level(list).into_iter().map(identifier)),
        }
    }
    used.retain(|name| FLOORS.iter().any(|(known, _)| known == name));
    used
}

fn identifier(text: &str) -> &str {
    let text = text.trim_start();
    let end = text.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(text.len());
    &text[..end]
}

/// What follows the opening brace and each comma of the list itself, not of lists within it.
fn first_level(list: &str) -> Vec<&str> {
    let (mut depth, mut parts) = (1, vec![list]);
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => parts.push(&list[at + 1..]),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    parts
}

fn sources(directory: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn a_module_imports_only_from_lower_floors() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut climbing = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&root).unwrap();
        let module = relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for used in used_modules(&text) {
            if !may_use(module, used) {
                climbing.push(format!("{} uses {used}", relative.display()));
            }
        }
    }
    assert!(climbing.is_empty(), "{climbing:#?}");
}

#[test]
fn the_reader_of_imports_sees_both_forms() {
    let text = "use crate::{\n    app::{App, B},\n    domain::{X, clock_of},\n};\nuse crate::clock::Clock; crate::random::uuid();";
    assert_eq!(used_modules(text), ["app", "domain", "clock", "random"]);
}

#[test]
fn no_source_file_is_over_300_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "verifier"] {
        sources(&root.join(folder), &mut files);
    }
    let long = |file: &std::path::PathBuf| fs::read_to_string(file).unwrap().lines().count() > 300;
    let long: Vec<_> = files.into_iter().filter(long).collect();
    assert!(long.is_empty(), "{long:#?}");
}

//! The error catalogue: the text of `docs/errors.md`, which the server serves and `explain` prints.

use super::ProblemKind;

/// Every reason, and every check, has a section.
const TEXT: &str = include_str!("../../docs/errors.md");

/// The checks that have a section of their own, in its order; a check may also bear the name of a reason.
pub const CHECKS: &[&str] = &[
    "consumer_unknown",
    "consumer_suspended",
    "nothing_presented",
    "secret_wrong",
    "secret_not_held",
    "certificate_unknown",
    "certificate_not_registered",
    "certificate_other_environment",
    "certificate_other_issuer",
    "certificate_malformed",
    "certificate_too_many_certificates",
    "certificate_expired",
    "certificate_not_yet_valid",
    "certificate_unknown_issuer",
    "certificate_wrong_usage",
    "certificate_authority_as_client",
    "certificate_not_an_authority",
    "certificate_revoked",
    "certificate_blocked",
    "certificate_revocation_unknown",
    "certificate_revocation_list_expired",
    "certificate_bad_signature",
    "certificate_unsupported_algorithm",
    "certificate_weak_key",
    "certificate_too_deep",
    "certificate_name_not_permitted",
    "certificate_unsupported_extension",
    "secret_import",
];

/// Every kind of problem of the admin API has a section.
const ADMIN_TEXT: &str = include_str!("../../docs/admin-api.md");

/// The section of a reason, of a check or of a kind of problem, with its heading.
pub fn section(name: &str) -> Option<&'static str> {
    let is_problem = ProblemKind::ALL.iter().any(|kind| kind.name() == name);
    if is_problem { section_in(ADMIN_TEXT, name) } else { section_in(TEXT, name) }
}

fn section_in(text: &'static str, name: &str) -> Option<&'static str> {
    let heading_of = |line: &str| line.starts_with("##").then(|| line.trim_start_matches('#').trim() == name);
    let (mut start, mut at) = (None, 0);
    for line in text.split_inclusive('\n') {
        match start {
            Some(start) if line.starts_with('#') => return Some(&text[start..at]),
            None if heading_of(line) == Some(true) => start = Some(at),
            _ => {}
        }
        at += line.len();
    }
    start.map(|start| &text[start..])
}

/// The same without its heading: what it means, and how to mend it.
pub fn advice(name: &str) -> Option<&'static str> {
    section(name)?.split_once("\n\n").map(|(_heading, text)| text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Reason;

    fn headings(mark: &str) -> Vec<&str> {
        TEXT.lines().filter_map(|line| line.strip_prefix(mark)).collect()
    }

    #[test]
    fn the_catalogue_has_a_section_for_each_reason_and_for_nothing_else() {
        assert_eq!(headings("## "), Reason::ALL.iter().map(|reason| reason.name()).collect::<Vec<_>>());
        for reason in Reason::ALL {
            let (code, status) = (reason.code().name(), reason.status());
            let begins = format!("## {}\n\n`{code}`, {status}. ", reason.name());
            assert!(section(reason.name()).unwrap().starts_with(&begins), "expected {begins:?}");
        }
    }

    #[test]
    fn the_catalogue_has_a_section_for_each_check_and_for_nothing_else() {
        assert_eq!(headings("### "), CHECKS);
        assert!(CHECKS.iter().all(|check| Reason::ALL.iter().all(|reason| reason.name() != *check)));
    }

    #[test]
    fn every_kind_of_problem_has_a_section_that_says_how_to_mend_it() {
        let headings: Vec<&str> = ADMIN_TEXT.lines().filter_map(|line| line.strip_prefix("### admin-")).collect();
        assert_eq!(headings.len(), ProblemKind::ALL.len());
        for kind in ProblemKind::ALL {
            let begins = format!("### {}\n\n{}, {}. ", kind.name(), kind.status(), kind.title());
            let text = section(kind.name()).unwrap();
            assert!(text.starts_with(&begins), "expected {begins:?}");
            assert!(text.contains("\nTo mend it, ") || kind.status() >= 500, "{text}");
        }
    }

    #[test]
    fn every_section_says_both_sides_and_how_to_mend_it() {
        for name in Reason::ALL.iter().map(|reason| reason.name()).chain(CHECKS.iter().copied()) {
            let text = section(name).unwrap();
            for part in ["Expected: ", "Received: ", "\nTo mend it, "] {
                assert!(text.contains(part) || name == "internal_error", "{name}: {part:?}");
            }
        }
        assert_eq!(section("nonsense"), None);
    }
}

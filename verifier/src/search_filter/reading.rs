//! What a query's parameters claim, in the most lenient reading.

use super::decoded;

/// What lies between two separators, as it came, with the separator before it.
pub(super) struct Parameter<'q> {
    pub(super) separator: char,
    pub(super) text: &'q str,
}

/// What a parameter claims about the caller, decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claim {
    OrganisationType(String),
    OdsCode(String),
    /// Somebody could take it for either.
    Unclear(String),
}

impl Claim {
    pub(super) fn text(&self) -> &str {
        let (Self::OrganisationType(text) | Self::OdsCode(text) | Self::Unclear(text)) = self;
        text
    }
}

/// A query has no parameters when it is empty, and otherwise one more than it has separators.
pub(super) fn parameters(query: &str) -> Vec<Parameter<'_>> {
    let (mut separator, mut rest, mut found) = ('&', query, Vec::new());
    if query.is_empty() {
        return found;
    }
    while let Some(at) = rest.find(['&', ';']) {
        found.push(Parameter { separator, text: &rest[..at] });
        separator = if rest[at..].starts_with('&') { '&' } else { ';' };
        rest = &rest[at + 1..];
    }
    found.push(Parameter { separator, text: rest });
    found
}

/// Empty for a parameter that has nothing to do with `searchFilter`, or is of a system that nobody here knows.
pub(super) fn claims(parameter: &str) -> Vec<Claim> {
    let unclear = |text: &str| vec![Claim::Unclear(text.to_owned())];
    // In no URI's query; what follows them might never reach the back-end.
    if parameter.bytes().any(|byte| byte == b'#' || byte.is_ascii_control() || byte == b' ') {
        return unclear(parameter);
    }
    let Some(text) = decoded_fully(parameter) else { return unclear(parameter) };
    let mut found = Vec::new();
    // Separators that were encoded count as well: some decode before they take a query apart.
    for part in text.split(['&', ';']) {
        match part.split_once('=') {
            Some((name, _)) if !is_plain(name) => return unclear(&text),
            Some((name, value)) if is_search_filter(name) => found.extend(value.split(',').filter_map(claim)),
            None if is_search_filter(part) => return unclear(&text),
            _ => {}
        }
    }
    let named = text.split(['&', ';']).any(|part| is_search_filter(part.split('=').next().unwrap_or_default()));
    if found.is_empty() && named && names_a_system(&text) { unclear(&text) } else { found }
}

/// Decoded until nothing changes; nothing for what was encoded more than four times.
fn decoded_fully(text: &str) -> Option<String> {
    let mut text = text.replace('+', " ");
    for _ in 0..=4 {
        let next = decoded(&text).into_owned();
        if next == text {
            return Some(text);
        }
        text = next;
    }
    None
}

/// FHIR's parameters have names of visible ASCII. Others could be equal to ours after somebody's decoding or folding.
fn is_plain(name: &str) -> bool {
    name.chars().all(|character| (character.is_ascii_graphic() && !"%\\".contains(character)) || character == ' ')
}

fn is_search_filter(name: &str) -> bool {
    squeezed(name).contains("searchfilter")
}

/// Only letters and digits, in lower case: what is left of a name when nobody cares about the rest.
fn squeezed(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|character| character.to_ascii_lowercase()).collect()
}

/// Does the name of a system that tells of the caller occur anywhere?
fn names_a_system(text: &str) -> bool {
    const NAMES: [&str; 6] = [
        "organisationtype",
        "organizationtype",
        "odsorganizationcode",
        "odsorganisationcode",
        "odssitecode",
        "odscode",
    ];
    let text = squeezed(text);
    NAMES.iter().any(|name| text.contains(name))
}

/// One value of a list, `system|code`.
fn claim(value: &str) -> Option<Claim> {
    let unclear = Some(Claim::Unclear(value.to_owned()));
    let Some((system, code)) = value.split_once('|') else { return unclear };
    // Some compare without regard to case or form, in which other letters become these.
    if code.contains('|') || !value.is_ascii() {
        return unclear;
    }
    let system = system.trim().to_ascii_lowercase();
    let path = system.strip_prefix("https://").or_else(|| system.strip_prefix("http://"));
    let code = code.trim().to_owned();
    match path {
        Some(
            "fhir.nhs.uk/stu3/codesystem/gpconnect-organisationtype-1"
            | "fhir.nhs.uk/stu3/valueset/gpconnect-organisationtype-1",
        ) => Some(Claim::OrganisationType(code)),
        Some("fhir.nhs.uk/id/ods-organization-code" | "fhir.nhs.net/id/ods-organization-code") => {
            Some(Claim::OdsCode(code))
        }
        _ if names_a_system(value) => unclear,
        Some(path) if !path.is_empty() => None,
        _ if system.strip_prefix("urn:").is_some_and(|rest| !rest.is_empty()) => None,
        _ => unclear,
    }
}

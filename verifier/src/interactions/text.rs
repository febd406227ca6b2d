//! Tables as text.

use super::{Choice, InteractionTable, Operation, known_groups, path::PathPattern};
use crate::{Group, InteractionId, KNOWN_GROUPS};

pub(super) const CARE_CONNECT: &str = "
    GET  /metadata                               read:metadata
    GET  /Slot                                   search:slot
    POST /Appointment                            create:appointment
    GET  /Appointment                            search:appointment
    GET  /Appointment/{id}                       read:appointment
    GET  /Appointment/{id}/_history/{version}    read:appointment
    PUT  /Appointment/{id}                       update:appointment
";

pub(super) const GP_CONNECT: &str = "
    GET  /metadata                   urn:nhs:names:services:gpconnect:fhir:rest:read:metadata-1 \
        needs read:slot, create:appointment, read:appointment, update:appointment, search:appointment
    GET  /Slot                       urn:nhs:names:services:gpconnect:fhir:rest:search:slot-1                  needs read:slot
    POST /Appointment                urn:nhs:names:services:gpconnect:fhir:rest:create:appointment-1           needs create:appointment
    GET  /Appointment/{id}           urn:nhs:names:services:gpconnect:fhir:rest:read:appointment-1             needs read:appointment
    PUT  /Appointment/{id}           urn:nhs:names:services:gpconnect:fhir:rest:update:appointment-1 \
        | urn:nhs:names:services:gpconnect:fhir:rest:cancel:appointment-1                                      needs update:appointment
    GET  /Patient/{id}/Appointment   urn:nhs:names:services:gpconnect:fhir:rest:search:patient_appointments-1  needs search:appointment
";

/// A name without `urn:` is short for one of these.
const CARE_CONNECT_PREFIX: &str = "urn:nhs:names:services:careconnect:fhir:rest:";

/// A line that is no operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the interactions: expected {expected}, received {received:?}")]
pub struct InvalidInteractions {
    /// Counted from 1.
    pub line: usize,
    /// What would have been right.
    pub expected: &'static str,
    /// What came, cut to 200 characters.
    pub received: String,
}

const LINE: &str =
    "METHOD PATH and then `open`, or INTERACTION [| INTERACTION …] [needs GROUP[, GROUP …] | needs none]";
const METHOD: &str = "GET, POST, PUT, PATCH or DELETE";
const PATH: &str = "a path such as /Appointment/{id}, of letters, digits and -._~$, without a slash at its end";
const NAME: &str = "a URN, or the end of a Care Connect name such as search:slot";
const KNOWN: &str = "a name that Care Connect has, such as search:slot or read:slot; others as whole URNs";
const NEEDS: &str = "`needs` and a group, or `needs none`, for nothing is known to permit this interaction";
const ONCE: &str = "each method and path once";

pub(super) fn parse(text: &str) -> Result<InteractionTable, InvalidInteractions> {
    let mut table = InteractionTable::default();
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.split('#').next().unwrap_or_default().trim();
        let refuse = |expected| InvalidInteractions { line, expected, received: text.chars().take(200).collect() };
        if text.is_empty() {
            continue;
        }
        let operation = operation(text).map_err(refuse)?;
        let is_same = |known: &Operation| known.method == operation.method && known.path == operation.path;
        if table.operations.iter().any(is_same) {
            return Err(refuse(ONCE));
        }
        table.operations.push(operation);
    }
    Ok(table)
}

fn operation(line: &str) -> Result<Operation, &'static str> {
    let (method, rest) = line.split_once(char::is_whitespace).ok_or(LINE)?;
    let (path, rest) = rest.trim_start().split_once(char::is_whitespace).ok_or(LINE)?;
    if !["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method) {
        return Err(METHOD);
    }
    let (method, path) = (method.to_owned(), PathPattern::parse(path).ok_or(PATH)?);
    let choices = match rest.trim() {
        "open" => Vec::new(),
        rest => choices(rest)?,
    };
    Ok(Operation { method, path, choices })
}

fn choices(text: &str) -> Result<Vec<Choice>, &'static str> {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let all = words(text);
    let (interactions, needed) = match all.iter().position(|word| word == "needs") {
        Some(at) => (all[..at].join(" "), Some(all[at + 1..].join(" "))),
        None => (all.join(" "), None),
    };
    let needed = match needed.as_deref() {
        Some("none") => Some(Vec::new()),
        Some(groups) => Some(groups.split(',').map(group).collect::<Result<_, _>>()?),
        None => None,
    };
    let choice = |name: &str| {
        let interaction = InteractionId::parse(&whole(name)).map_err(|_| NAME)?;
        if is_short(name) && known_groups(&interaction).is_empty() {
            return Err(KNOWN);
        }
        let groups = needed.clone().unwrap_or_else(|| known_groups(&interaction));
        if groups.is_empty() && needed.is_none() { Err(NEEDS) } else { Ok(Choice { interaction, groups }) }
    };
    interactions.split('|').map(choice).collect()
}

fn group(name: &str) -> Result<Group, &'static str> {
    let group = Group::parse(&whole(name)).map_err(|_| NAME)?;
    let is_known = KNOWN_GROUPS.iter().any(|known| known.group == group);
    if is_short(name) && !is_known { Err(KNOWN) } else { Ok(group) }
}

fn whole(name: &str) -> String {
    let name = name.trim();
    if is_short(name) { format!("{CARE_CONNECT_PREFIX}{name}") } else { name.to_owned() }
}

fn is_short(name: &str) -> bool {
    !name.trim().starts_with("urn:")
}

impl InteractionTable {
    /// For the tables above, which a test reads.
    pub(super) fn built_in(text: &'static str) -> Self {
        parse(text).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_that_come_with_the_crate_can_be_read() {
        assert_eq!(parse(CARE_CONNECT).unwrap().operations.len(), 7);
        assert_eq!(parse(GP_CONNECT).unwrap().operations.len(), 6);
    }

    #[test]
    fn a_line_that_is_no_operation_is_told_with_its_number() {
        for (line, expected) in [
            ("GET", LINE),
            ("GET /Slot", LINE),
            ("get /Slot search:slot", METHOD),
            ("GET Slot search:slot", PATH),
            ("GET /Slot/ search:slot", PATH),
            ("GET /Slot/.. search:slot", PATH),
            ("GET /Sl%6Ft search:slot", PATH),
            ("GET /Slot search slot", NAME),
            ("GET /Slot search:slot |", NAME),
            ("GET /Slot search:slot needs", NAME),
            ("GET /Slot search:slot needs read:slot,", NAME),
            ("GET /Schedule read:schedule", KNOWN),
            ("GET /Schedule urn:example:read:schedule", NEEDS),
            ("GET /Slot search:slot needs read:slots", KNOWN),
            ("GET /Slot search:slot needs none, read:slot", KNOWN),
            ("GET /Slot open needs read:slot", KNOWN),
            ("GET /metadata search:slot", ONCE),
        ] {
            let error = parse(&format!("\nGET /metadata open\n{line} # a remark")).unwrap_err();
            assert_eq!((error.line, error.expected, error.received.as_str()), (3, expected, line), "{line}");
        }
    }
}

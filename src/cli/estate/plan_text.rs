//! What would be changed, for people and for programs.

use std::{collections::BTreeSet, fmt};

use serde_json::{Map, Value, json};

use crate::domain::AuditRecord;

/// A plan for people: `+` what is added, `~` what is changed with its members before and after, `-` what comes to an end.
pub(super) struct PlanText<'a> {
    pub(super) changes: &'a [AuditRecord],
    pub(super) colour: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Added,
    Changed,
    Removed,
    Proposed,
}

impl Sign {
    fn of(record: &AuditRecord) -> Self {
        let member = |value: &Option<Value>, name: &str| Some(value.as_ref()?.get(name)?.as_str()?.to_owned());
        let ends_now = member(&record.after, "ends_at").is_some_and(|end| end <= record.time)
            && member(&record.before, "ends_at").is_none_or(|end| end > record.time);
        match record.action.rsplit('.').next() {
            Some("proposed" | "superseded") => Self::Proposed,
            Some("retired" | "removed" | "unblocked" | "suspended") => Self::Removed,
            _ if record.before.is_none() => Self::Added,
            _ if record.subject == "assurance" && ends_now => Self::Removed,
            _ => Self::Changed,
        }
    }

    const fn character(self) -> char {
        match self {
            Self::Added => '+',
            Self::Changed => '~',
            Self::Removed => '-',
            Self::Proposed => '?',
        }
    }

    /// Green, yellow, red and blue.
    const fn colour(self) -> &'static str {
        match self {
            Self::Added => "\x1b[32m",
            Self::Changed => "\x1b[33m",
            Self::Removed => "\x1b[31m",
            Self::Proposed => "\x1b[34m",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Proposed => "proposed",
        }
    }
}

impl fmt::Display for PlanText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for record in self.changes {
            let sign = Sign::of(record);
            let (on, off) = if self.colour { (sign.colour(), "\x1b[0m") } else { ("", "") };
            let (_, done) = record.action.split_once('.').unwrap_or_default();
            let (kind, name) = (record.subject.replace('_', " "), name_of(record));
            writeln!(f, "{on}{} {kind} {}{name}  {done}{off}", sign.character(), record.identifier.escape_debug())?;
            for (member, before, after) in members(record) {
                match before {
                    Some(before) => writeln!(f, "{on}    {member}: {before} → {after}{off}")?,
                    None => writeln!(f, "{on}    {member}: {after}{off}")?,
                }
            }
        }
        f.write_str(&summary(self.changes))
    }
}

fn name_of(record: &AuditRecord) -> String {
    let name = record.after.as_ref().and_then(|after| after.get("name")?.as_str());
    name.filter(|name| *name != record.identifier).map(|name| format!(" {name:?}")).unwrap_or_default()
}

/// The members that differ, with what they were, where there was something, and what they become.
fn members(record: &AuditRecord) -> Vec<(String, Option<String>, String)> {
    let none = Map::new();
    let of = |value: &'_ Option<Value>| value.as_ref().and_then(Value::as_object).cloned();
    let (before, after) = (of(&record.before), of(&record.after).unwrap_or_default());
    let known = before.as_ref().unwrap_or(&none);
    let names: BTreeSet<&String> = known.keys().chain(after.keys()).collect();
    let mut members = Vec::new();
    for name in names {
        let (old, new) = (known.get(name).unwrap_or(&Value::Null), after.get(name).unwrap_or(&Value::Null));
        if old == new {
            continue;
        }
        match (old.as_array(), new.as_array()) {
            (Some(old), Some(new)) if before.is_some() => lists(name, old, new, &mut members),
            _ => members.push((name.clone(), before.is_some().then(|| shown(old)), shown(new))),
        }
    }
    members
}

/// What is in one of two lists only.
fn lists(name: &str, old: &[Value], new: &[Value], members: &mut Vec<(String, Option<String>, String)>) {
    let id = |value: &Value| value.get("id").or_else(|| value.get("group")).unwrap_or(value).clone();
    for gone in old.iter().filter(|gone| !new.contains(gone)) {
        let now = new.iter().find(|other| id(other) == id(gone));
        members.push((name.to_owned(), Some(shown(gone)), now.map_or_else(|| "none".to_owned(), shown)));
    }
    for added in new.iter().filter(|added| !old.iter().any(|other| id(other) == id(added))) {
        members.push((name.to_owned(), Some("none".to_owned()), shown(added)));
    }
}

/// A value on one line, without what would be nothing.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.escape_debug().to_string(),
        Value::Array(elements) if elements.is_empty() => "none".to_owned(),
        Value::Array(elements) => elements.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(members) => {
            let is_something =
                |value: &&Value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
            let something = members.iter().filter(|(_, value)| is_something(value));
            something.map(|(name, value)| format!("{name} {}", shown(value))).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

fn count(changes: &[AuditRecord], sign: Sign) -> usize {
    changes.iter().filter(|record| Sign::of(record) == sign).count()
}

/// How many of each, in one line.
pub(super) fn summary(changes: &[AuditRecord]) -> String {
    if changes.is_empty() {
        return "nothing to change".to_owned();
    }
    let counts =
        [Sign::Added, Sign::Changed, Sign::Removed].map(|sign| format!("{} {}", count(changes, sign), sign.name()));
    let waiting = match count(changes, Sign::Proposed) {
        0 => String::new(),
        proposed => format!(", {proposed} proposed, which count once another administrator has confirmed them"),
    };
    format!("{}{waiting}", counts.join(", "))
}

/// The same for programs.
pub(super) fn json(changes: &[AuditRecord]) -> Value {
    let change = |record: &AuditRecord| {
        json!({
            "change": Sign::of(record).name(), "action": record.action, "subject": record.subject,
            "identifier": record.identifier, "before": record.before, "after": record.after,
        })
    };
    json!({
        "changes": changes.iter().map(change).collect::<Vec<_>>(),
        "added": count(changes, Sign::Added), "changed": count(changes, Sign::Changed),
        "removed": count(changes, Sign::Removed), "proposed": count(changes, Sign::Proposed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::UnixTime,
        domain::{Act, Actor, ConsumerSystem, RegistrationStatus, Via},
    };

    #[test]
    fn a_plan_shows_what_is_added_changed_and_removed_and_colours_it_on_a_terminal() {
        let act = Act {
            actor: Actor { name: "a".to_owned(), via: Via::CommandLine },
            at: UnixTime(7),
            reason: None,
            trace_id: None,
            four_eyes: false,
            repeatable: None,
        };
        let one = ConsumerSystem { client_id: "one".parse().unwrap(), ..ConsumerSystem::example() };
        let named =
            ConsumerSystem { name: "Other\u{e9}".parse().unwrap(), requests_per_minute: Some(7), ..one.clone() };
        let retired = ConsumerSystem { status: RegistrationStatus::Retired { at: UnixTime(7) }, ..one.clone() };
        let changes = [
            AuditRecord::done(&act, None, &one),
            AuditRecord::done(&act, Some(&one), &named),
            AuditRecord::done(&act, Some(&one), &retired),
        ];
        let plain = PlanText { changes: &changes, colour: false }.to_string();
        for line in [
            "+ consumer one \"Example 111\"  registered",
            "    asid: 200000000205",
            "~ consumer one \"Otheré\"  changed",
            "    requests_per_minute: none → 7",
            "- consumer one \"Example 111\"  retired",
            "    status: active → retired",
            "1 added, 1 changed, 1 removed",
        ] {
            assert!(plain.lines().any(|shown| shown == line), "{line}\n{plain}");
        }
        let coloured = PlanText { changes: &changes, colour: true }.to_string();
        for start in ["\x1b[32m+ ", "\x1b[33m~ ", "\x1b[31m- "] {
            assert!(coloured.lines().any(|line| line.starts_with(start)), "{coloured:?}");
        }
        assert_eq!(json(&changes)["removed"], 1);
        assert_eq!(summary(&[]), "nothing to change");
    }
}

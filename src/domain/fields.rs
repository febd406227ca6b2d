//! Reads the members of a JSON object that somebody submits, and says all that is wrong with it at once.

use std::{fmt::Display, str::FromStr};

use serde_json::{Map, Value};

use super::{
    client_secret::{holds_secret, redacted},
    display_name::is_visible,
};
use crate::clock::UnixTime;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct Fault {
    /// JSON Pointer (RFC 6901) to the member; empty for the whole.
    pub pointer: String,
    /// What is wrong with it, and what was expected.
    pub detail: String,
}

/// The members of one object, of which every one must be asked for.
#[derive(Debug)]
pub struct Fields<'a> {
    members: Option<&'a Map<String, Value>>,
    pointer: String,
    known: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl<'a> Fields<'a> {
    /// Those of `value`, which is at `pointer`.
    pub fn at(pointer: impl Into<String>, value: &'a Value) -> Self {
        let pointer = pointer.into();
        let mut fields = Self { members: value.as_object(), pointer, known: Vec::new(), faults: Vec::new() };
        if fields.members.is_none() {
            fields.faults.push(Fault { pointer: fields.pointer.clone(), detail: "expected an object".to_owned() });
        }
        fields
    }

    /// Those of a whole document.
    pub fn of(value: &'a Value) -> Self {
        Self::at("", value)
    }

    /// A member that must be there; none when it is missing or wrong, which is noted.
    pub fn required<T>(&mut self, name: &'static str, read: impl FnOnce(&'a Value) -> Result<T, String>) -> Option<T> {
        match self.member(name) {
            None if self.members.is_none() => None,
            None => {
                self.fault(name, "it is missing");
                None
            }
            Some(value) => self.noted(name, read(value)),
        }
    }

    /// A member that may be left out, or be null.
    pub fn optional<T>(&mut self, name: &'static str, read: impl FnOnce(&'a Value) -> Result<T, String>) -> Option<T> {
        let value = self.member(name)?;
        self.noted(name, read(value))
    }

    /// The elements of a list that may be left out; those that are wrong are noted one by one.
    pub fn list<T>(&mut self, name: &'static str, read: impl Fn(&'a Value) -> Result<T, String>) -> Vec<T> {
        let Some(value) = self.member(name) else { return Vec::new() };
        let Some(elements) = value.as_array() else {
            self.fault(name, "expected a list");
            return Vec::new();
        };
        let elements = elements.iter().enumerate();
        elements.filter_map(|(index, element)| self.noted(&format!("{name}/{index}"), read(element))).collect()
    }

    /// The objects of a list, each read with all its own faults.
    pub fn objects<T>(&mut self, name: &'static str, read: impl Fn(&mut Self) -> Option<T>) -> Vec<T> {
        self.each(name, |pointer, element| Self::at(pointer, element).read(&read))
    }

    /// The elements of a list of whatever kind, each read with its pointer and all its own faults.
    pub fn each<T>(&mut self, name: &'static str, read: impl Fn(String, &'a Value) -> Result<T, Vec<Fault>>) -> Vec<T> {
        let Some(value) = self.member(name) else { return Vec::new() };
        let Some(elements) = value.as_array() else {
            self.fault(name, "expected a list");
            return Vec::new();
        };
        let mut all = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            match read(format!("{}/{name}/{index}", self.pointer), element) {
                Ok(value) => all.push(value),
                Err(faults) => self.faults.extend(faults),
            }
        }
        all
    }

    /// What `read` makes of the members, or all that is wrong with them.
    pub fn read<T>(mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Result<T, Vec<Fault>> {
        let value = read(&mut self);
        let pointer = self.pointer.clone();
        let faults = self.faults();
        match value {
            Some(value) if faults.is_empty() => Ok(value),
            None if faults.is_empty() => Err(vec![Fault { pointer, detail: "it is incomplete".to_owned() }]),
            _ => Err(faults),
        }
    }

    /// Notes that something is wrong with a member, or with `name/0` of a list.
    pub fn fault(&mut self, name: &str, detail: impl Into<String>) {
        let pointer = if name.is_empty() { self.pointer.clone() } else { format!("{}/{name}", self.pointer) };
        self.fault_at(pointer, &detail.into());
    }

    /// Notes that something is wrong at a pointer of the whole document.
    pub fn fault_at(&mut self, pointer: String, detail: &str) {
        self.faults.push(Fault { pointer, detail: redacted(detail) });
    }

    /// Is the member there, and not null?
    pub fn has(&self, name: &str) -> bool {
        self.members.and_then(|members| members.get(name)).is_some_and(|value| !value.is_null())
    }

    /// Is the member a list with nothing in it?
    pub fn is_empty_list(&self, name: &str) -> bool {
        self.members.and_then(|members| members.get(name)?.as_array()).is_some_and(Vec::is_empty)
    }

    /// Is the member that text? It must be asked for all the same.
    pub fn says(&self, name: &str, text: &str) -> bool {
        self.members.and_then(|members| members.get(name)).is_some_and(|value| value == text)
    }

    /// All that is wrong, members that nobody asked for included.
    pub fn faults(mut self) -> Vec<Fault> {
        let unknown: Vec<String> = self
            .members
            .iter()
            .flat_map(|members| members.keys())
            .filter(|name| !self.known.contains(&name.as_str()))
            .cloned()
            .collect();
        for name in unknown {
            let nearest = self.known.iter().map(|known| (strsim::jaro_winkler(known, &name), known));
            let nearest = nearest.filter(|(likeness, _)| *likeness > 0.8).max_by(|a, b| a.0.total_cmp(&b.0));
            let hint = nearest.map_or_else(
                || format!("expected one of {}", self.known.join(", ")),
                |(_, known)| format!("did you mean {known}?"),
            );
            self.fault(&escaped(&name), format!("unknown field: {hint}"));
        }
        self.faults
    }

    fn member(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.members?.get(name).filter(|value| !value.is_null())
    }

    fn noted<T>(&mut self, name: &str, outcome: Result<T, String>) -> Option<T> {
        outcome.map_err(|detail| self.fault(name, detail)).ok()
    }
}

/// A name as a part of a pointer (RFC 6901 §3), of bounded length.
fn escaped(name: &str) -> String {
    let short: String = name.chars().take(64).collect();
    short.replace('~', "~0").replace('/', "~1")
}

/// A text that is something.
pub fn parsed<T: FromStr<Err: Display>>(value: &Value) -> Result<T, String> {
    text(value)?.parse().map_err(|error: T::Err| error.to_string())
}

/// A text.
pub fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("expected a text, not {}", kind_of(value)))
}

/// A line of at most 1,000 characters that can be seen, of which not all are spaces.
pub fn sentence(value: &Value) -> Result<String, String> {
    let text = text(value)?;
    check_sentence(text).map(|()| text.to_owned())
}

/// Is the text such a line?
pub fn check_sentence(text: &str) -> Result<(), String> {
    if text.trim().is_empty() || text.chars().count() > 1_000 || !is_visible(text) {
        return Err("expected 1 to 1000 characters on one line".to_owned());
    }
    if holds_secret(text) {
        return Err("it has a secret in it, which everybody who reads the audit would see".to_owned());
    }
    Ok(())
}

/// `true` or `false`.
pub fn boolean(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("expected true or false, not {}", kind_of(value)))
}

/// A whole number that is not negative; 300.0 and 3e2 are the same one (JSON Schema 2020-12 §4.2.3).
pub fn number<T: TryFrom<u64>>(value: &Value) -> Result<T, String> {
    let whole = value.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0);
    let number = value.as_u64().or_else(|| format!("{:.0}", whole?.abs()).parse().ok());
    number
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("expected a whole number in its range, not {}", shown(value)))
}

/// A time as RFC 3339 writes it, to the second.
pub fn time(value: &Value) -> Result<UnixTime, String> {
    let time = text(value)?.parse::<UnixTime>();
    time.map_err(|_| format!("expected a time such as 2027-01-15T08:00:00Z, not {}", shown(value)))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("{:?}", text.chars().take(64).collect::<String>()),
        other => kind_of(other).to_owned(),
    }
}

const fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use careconnect_verifier::Asid;
    use serde_json::json;

    use super::*;

    #[test]
    fn all_that_is_wrong_is_said_at_once_each_with_its_pointer() {
        let value = json!({"asid": "12", "naem": "x", "ends_at": "soon", "of/a~kind": 1, "roles": ["a", 1]});
        let mut fields = Fields::of(&value);
        fields.required("asid", parsed::<Asid>);
        fields.required("name", sentence);
        fields.optional("ends_at", time);
        fields.list("roles", |value| text(value).map(str::to_owned));
        let pointers: Vec<String> = fields.faults().into_iter().map(|fault| fault.pointer).collect();
        assert_eq!(pointers, ["/asid", "/name", "/ends_at", "/roles/1", "/naem", "/of~1a~0kind"]);
    }

    #[test]
    fn a_whole_number_is_one_however_json_writes_it() {
        for (text, expected) in [("300", 300_u32), ("300.0", 300), ("3e2", 300), ("-0", 0), ("4294967295.0", u32::MAX)]
        {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(number(&value), Ok(expected), "{text}");
        }
        for text in ["0.5", "-1", "-1.0", "4294967296", "4294967296.0", "1e300", "\"1\"", "null"] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert!(number::<u32>(&value).is_err(), "{text}");
        }
    }

    #[test]
    fn a_list_of_objects_has_faults_of_its_own() {
        let value = json!({"keys": [{"id": "a"}, {"id": 1, "x": 2}, 3]});
        let mut fields = Fields::of(&value);
        let keys = fields.objects("keys", |key| key.required("id", sentence));
        assert_eq!(keys, ["a"]);
        let faults: Vec<String> = fields.faults().iter().map(ToString::to_string).collect();
        assert_eq!(
            faults,
            [
                "/keys/1/id: expected a text, not a number",
                "/keys/1/x: unknown field: expected one of id",
                "/keys/2: expected an object"
            ]
        );
    }
}

//! Why an operation refused, as a problem: the one place where the two meet.

use serde_json::Value;

use super::problem::Problem;
use crate::{
    domain::{Fault, ProblemKind},
    operations::change_refused::ChangeRefused,
    signing::SigningError,
    storage::StorageError,
};

/// Members in which people write what they like.
const PROSE: [&str; 2] = ["reason", "evidence"];

impl Problem {
    /// Of a change to what `submitted` says. What is missing is wrong in the body where the body names it (422), and else
    /// it is what the path names (404).
    pub fn of(refused: ChangeRefused, submitted: &Value) -> Self {
        match refused {
            ChangeRefused::Storage(error) => Self::of_storage(error, submitted),
            ChangeRefused::Stale(failed) => failed.into(),
            ChangeRefused::Invalid(faults) => faults.into(),
            ChangeRefused::Conflict(detail) => Self::conflict(detail),
            ChangeRefused::Signing(error @ (SigningError::Unusable(_) | SigningError::KeyShared { .. })) => {
                Self::conflict(error.to_string())
            }
            ChangeRefused::Signing(error) => Self::internal(error),
            ChangeRefused::NotAllowed(detail) => Self::not_permitted(detail),
        }
    }

    fn of_storage(error: StorageError, submitted: &Value) -> Self {
        match &error {
            StorageError::NotFound { what, name } | StorageError::UnknownReference { what, name } => {
                let detail = format!("{what} {name:?} is not registered");
                match pointer_to(name, submitted) {
                    Some(pointer) => Self::invalid(vec![Fault { pointer, detail }]),
                    None => Self::not_found(detail),
                }
            }
            StorageError::AlreadyExists { .. } | StorageError::Repeated { .. } => Self::conflict(error.to_string()),
            StorageError::KeyTaken => Self::new(ProblemKind::Invalid, format!("Idempotency-Key: {error}")),
            _ if error.is_unavailable() => Self::unavailable(error),
            _ => Self::internal(error),
        }
    }
}

impl From<ChangeRefused> for Problem {
    fn from(refused: ChangeRefused) -> Self {
        Self::of(refused, &Value::Null)
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        Self::of_storage(error, &Value::Null)
    }
}

/// Where in a document the text `name` stands, in upper or lower case.
fn pointer_to(name: &str, document: &Value) -> Option<String> {
    match document {
        Value::String(text) => text.eq_ignore_ascii_case(name).then(String::new),
        Value::Array(elements) => {
            let mut found = elements.iter().enumerate();
            found.find_map(|(index, element)| Some(format!("/{index}{}", pointer_to(name, element)?)))
        }
        Value::Object(members) => {
            let mut found = members.iter().filter(|(member, _)| !PROSE.contains(&member.as_str()));
            found.find_map(|(member, value)| {
                let rest = pointer_to(name, value)?;
                Some(format!("/{}{rest}", member.replace('~', "~0").replace('/', "~1")))
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_missing_is_sought_where_the_body_names_it() {
        let body = json!({"reason": "x", "groups": ["a", "urn:x"], "a/b": {"type": "Y"}});
        assert_eq!(pointer_to("urn:x", &body).as_deref(), Some("/groups/1"));
        assert_eq!(pointer_to("y", &body).as_deref(), Some("/a~1b/type"));
        assert_eq!(pointer_to("x", &body), None);
        let status = |name: &str| Problem::of(StorageError::not_found("group", name).into(), &body).status().as_u16();
        assert_eq!([status("urn:x"), status("urn:y")], [422, 404]);
    }
}

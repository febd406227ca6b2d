//! Bodies of changes: the members that people may set, and why they set them.

use serde_json::Value;

use super::submission::Submission;
use crate::{
    domain::{Act, Fault, Fields, fields::sentence, merge_patch, submitted::Editable},
    operations::change_refused::ChangeRefused,
};

const REASON: &str = "reason";

/// The act with the reason that the body gives, and the body. Whoever reads the body says what is wrong with the reason.
pub fn reasoned(Submission { mut act, value }: Submission) -> (Act, Value) {
    act.reason = value.get(REASON).and_then(|reason| sentence(reason).ok());
    (act, value)
}

/// What `read` makes of the members of something new.
pub fn submitted<T>(value: &Value, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Result<T, Vec<Fault>> {
    Fields::of(value).read(|fields| {
        fields.optional(REASON, sentence);
        read(fields)
    })
}

/// What `read` makes of `before` with the members that `patch` has.
pub fn patched<T: Editable>(
    before: &T,
    patch: &Value,
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Result<T, ChangeRefused> {
    let mut merged = merge_patch(before.editable(), patch);
    if let (Value::Object(merged), Value::Object(patch)) = (&mut merged, patch) {
        for (name, _) in patch.iter().filter(|(_, value)| value.is_null()) {
            merged.entry(name).or_insert(Value::Null); // what nobody knows is refused also where it is taken away
        }
    }
    submitted(&merged, read).map_err(ChangeRefused::Invalid)
}

#[cfg(test)]
mod tests {
    use careconnect_verifier::OrganisationType;
    use serde_json::json;

    use super::*;
    use crate::domain::{OrganisationTypeDefinition, submitted::organisation_type};

    #[test]
    fn what_nobody_knows_is_refused_whatever_its_value() {
        let code: OrganisationType = "gp-practice".parse().unwrap();
        let before = OrganisationTypeDefinition { code: code.clone(), display: "GP".to_owned() };
        let patch = |patch: Value| {
            let after = patched(&before, &patch, |fields| organisation_type(fields, Some(&code)));
            after.map_err(|refused| match refused {
                ChangeRefused::Invalid(faults) => faults.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>(),
                other => panic!("{other}"),
            })
        };
        assert_eq!(patch(json!({"reason": "x"})), Ok(before.clone()));
        assert_eq!(patch(json!({"display": "Surgery"})).unwrap().display, "Surgery");
        let faults = patch(json!({"display": null, "code": "other", "sort": null, "reason": 7})).unwrap_err();
        assert_eq!(faults, ["/reason", "/display", "/code", "/sort"]);
        assert_eq!(patch(json!("GP")).unwrap_err(), [""]);
    }
}

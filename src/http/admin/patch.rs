//! What a merge patch makes of the members that may be changed.

use serde_json::Value;

use crate::domain::merge_patch;

/// `editable` with `patch` merged into it. Members that the patch takes away are null in it, so that unknown ones show.
pub(super) fn patched(editable: Value, patch: &Value) -> Value {
    let mut merged = merge_patch(editable, patch);
    if let (Some(merged), Some(patch)) = (merged.as_object_mut(), patch.as_object()) {
        for (name, _) in patch.iter().filter(|(_, value)| value.is_null()) {
            merged.insert(name.clone(), Value::Null);
        }
    }
    merged
}

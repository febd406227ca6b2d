//! The `entra` claims profile: code written against the original Azure AD tokens finds in ours what it looks for.

use careconnect_verifier::{AccessTokenClaims, Group};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Adds `appid`, `appidacr` (`"1"` for a secret, `"2"` for a certificate) and `ver`, and writes the groups that have an
/// object id as that id. The groups stay sorted.
pub(super) fn entra_claims(
    claims: &AccessTokenClaims,
    appidacr: &str,
    object_id_of: impl Fn(&Group) -> Option<Uuid>,
) -> Result<Map<String, Value>, serde_json::Error> {
    let mut groups: Vec<String> = claims
        .groups
        .iter()
        .map(|group| object_id_of(group).map_or_else(|| group.to_string(), |object_id| object_id.to_string()))
        .collect();
    groups.sort();
    let mut members = match serde_json::to_value(claims)? {
        Value::Object(members) => members,
        _ => Map::new(), // a struct is an object
    };
    members.insert("groups".to_owned(), groups.into());
    members.insert("appid".to_owned(), claims.client_id.as_str().into());
    members.insert("appidacr".to_owned(), appidacr.into());
    members.insert("ver".to_owned(), "1.0".into());
    Ok(members)
}

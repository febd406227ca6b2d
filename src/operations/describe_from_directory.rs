//! Fills in what the Spine Directory Service knows of a system that is to be registered.

use std::{fmt::Display, str::FromStr};

use careconnect_verifier::OdsCode;
use serde_json::{Map, Value};

use crate::{
    directory::DirectorySystem,
    domain::{DisplayName, Fault, PartyKey},
};

/// Adds the members of a consumer that `submitted` lacks and `system` has. Members that are there must agree with it, or
/// each is a fault: what is wrong in the directory is mended there, or left aside altogether.
pub fn describe_from_directory(submitted: &mut Map<String, Value>, system: &DirectorySystem) -> Vec<Fault> {
    let mut faults = Vec::new();
    let text = |known: &Option<String>| known.as_deref().map(str::to_owned);
    let (ods_code, supplier) = (system.ods_code.as_ref(), system.manufacturer.as_ref());
    agree::<OdsCode>(submitted, "ods_code", ods_code.map(ToString::to_string), &mut faults);
    agree::<OdsCode>(submitted, "supplier_ods_code", supplier.map(ToString::to_string), &mut faults);
    agree::<DisplayName>(submitted, "product", text(&system.product), &mut faults);
    agree::<DisplayName>(submitted, "product_version", text(&system.version), &mut faults);
    agree::<PartyKey>(submitted, "party_key", text(&system.party_key), &mut faults);
    faults
}

/// What either side cannot read as a `T` is for others to refuse.
fn agree<T: FromStr + Display + PartialEq>(
    submitted: &mut Map<String, Value>,
    name: &'static str,
    known: Option<String>,
    faults: &mut Vec<Fault>,
) {
    let Some(known) = known.and_then(|known| known.parse::<T>().ok()) else { return };
    match submitted.get(name) {
        None | Some(Value::Null) => drop(submitted.insert(name.to_owned(), known.to_string().into())),
        Some(given) => {
            if let Some(given) =
                given.as_str().and_then(|given| given.parse::<T>().ok()).filter(|given| *given != known)
            {
                let what = name.replace('_', " ");
                let detail = format!("the directory says that the {what} is {known}, not {given}");
                faults.push(Fault { pointer: format!("/{name}"), detail });
            }
        }
    }
}

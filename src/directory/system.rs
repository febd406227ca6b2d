use std::collections::BTreeSet;

use careconnect_verifier::{Asid, InteractionId, OdsCode};
use serde::Serialize;

use super::{endpoint::DirectoryEndpoint, entry::Entry, problems::Problems};

/// What the directory knows of an accredited system (`nhsAs`), with the endpoints of its party (`nhsMhs`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DirectorySystem {
    /// Which one.
    pub asid: Asid,
    /// Who owns it; `None` when the directory contradicts itself, or has no such code.
    pub ods_code: Option<OdsCode>,
    /// Who exchanges messages for it; compared in any case.
    pub party_key: Option<String>,
    /// Who made it.
    pub manufacturer: Option<OdsCode>,
    /// Whom it serves.
    pub client_ods_codes: BTreeSet<OdsCode>,
    /// What it may do, as one who asks.
    pub interactions: BTreeSet<InteractionId>,
    /// What it is called.
    pub product: Option<String>,
    /// The number of the product in the directory.
    pub product_key: Option<String>,
    /// Which version of the product.
    pub version: Option<String>,
    /// Where its party can be asked, in the order of the interactions.
    pub endpoints: Vec<DirectoryEndpoint>,
    /// Whether those are all that it has.
    #[serde(skip)]
    pub has_all_endpoints: bool,
    /// What is odd about all this, in sentences for people: values left out, and contradictions.
    pub problems: Vec<String>,
}

pub(super) const ATTRIBUTES: &[&str] = &[
    "uniqueIdentifier",
    "nhsIDCode",
    "nhsMHSPartyKey",
    "nhsMhsManufacturerOrg",
    "nhsAsClient",
    "nhsAsSvcIA",
    "nhsProductKey",
    "nhsProductName",
    "nhsProductVersion",
];

/// From the entries that have this ASID, at least one.
pub(super) fn read(asid: &Asid, entries: &[&Entry], problems: &mut Problems) -> Option<DirectorySystem> {
    let entry = entries.iter().min_by_key(|entry| entry.name())?;
    let owners: BTreeSet<_> = entries.iter().filter_map(|entry| entry.one::<OdsCode>("nhsIDCode", problems)).collect();
    if entries.len() > 1 {
        problems.push(&format!("{} entries have this ASID: {} counts", entries.len(), entry.name()));
    }
    let ods_code = match owners.len() {
        0 => {
            problems.push("no entry says who owns it (nhsIDCode)");
            None
        }
        1 => owners.first().cloned(),
        _ => {
            let names: Vec<_> = owners.iter().map(OdsCode::as_str).collect();
            problems.push(&format!("entries contradict each other about who owns it: {}", names.join(", ")));
            None
        }
    };
    let mut text = |attribute| entry.text(attribute, problems).map(str::to_owned);
    let (party_key, product) = (text("nhsMHSPartyKey"), text("nhsProductName"));
    let (product_key, version) = (text("nhsProductKey"), text("nhsProductVersion"));
    Some(DirectorySystem {
        asid: asid.clone(),
        ods_code,
        party_key,
        manufacturer: entry.one("nhsMhsManufacturerOrg", problems),
        client_ods_codes: entry.all("nhsAsClient", problems).into_iter().collect(),
        interactions: entry.all("nhsAsSvcIA", problems).into_iter().collect(),
        product,
        product_key,
        version,
        endpoints: Vec::new(),
        has_all_endpoints: true,
        problems: Vec::new(),
    })
}

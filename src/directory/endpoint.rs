use careconnect_verifier::InteractionId;
use serde::{Serialize, Serializer};
use url::Url;

use super::{entry::Entry, problems::Problems};
use crate::domain::DnsName;

/// Where a party can be asked for an interaction (`nhsMhs`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DirectoryEndpoint {
    /// For what.
    pub interaction: InteractionId,
    /// An http or https URL, without a slash at its end.
    pub address: Option<String>,
    /// The name in the party's certificate.
    #[serde(serialize_with = "name")]
    pub fqdn: Option<DnsName>,
}

pub(super) const ATTRIBUTES: &[&str] =
    &["uniqueIdentifier", "nhsMHSPartyKey", "nhsMhsSvcIA", "nhsMHsSN", "nhsMHsIN", "nhsMHSEndPoint", "nhsMhsFQDN"];

/// One for each address; none when there is no telling what for.
pub(super) fn read(entry: &Entry, problems: &mut Problems) -> Vec<DirectoryEndpoint> {
    let Some(interaction) = entry.one::<InteractionId>("nhsMhsSvcIA", problems) else {
        problems.push(&format!("{} has no interaction (nhsMhsSvcIA): it is left out", entry.name()));
        return Vec::new();
    };
    let parts = (entry.text("nhsMHsSN", problems), entry.text("nhsMHsIN", problems));
    if let (Some(service), Some(name)) = parts
        && format!("{service}:{name}") != interaction.as_str()
    {
        problems.push(&format!(
            "{}: nhsMHsSN and nhsMHsIN say {service}:{name}, nhsMhsSvcIA says {interaction}, which counts",
            entry.name()
        ));
    }
    let fqdn = entry.text("nhsMhsFQDN", problems).and_then(|text| fqdn(text, problems));
    let texts = entry.texts("nhsMHSEndPoint", problems);
    let mut addresses: Vec<_> = texts.into_iter().filter_map(|text| address(text, problems).map(Some)).collect();
    if addresses.is_empty() {
        addresses.push(None);
    }
    addresses.sort();
    let endpoint = |address| DirectoryEndpoint { interaction: interaction.clone(), address, fqdn: fqdn.clone() };
    addresses.into_iter().map(endpoint).collect()
}

fn address(text: &str, problems: &mut Problems) -> Option<String> {
    match web_address(text) {
        Some(url) => Some(url.as_str().trim_end_matches('/').to_owned()),
        None => {
            problems.push(&format!("nhsMHSEndPoint is {text:?}; expected an http or https URL"));
            None
        }
    }
}

/// Some hold a whole URL, of which the host is meant.
fn fqdn(text: &str, problems: &mut Problems) -> Option<DnsName> {
    let url = web_address(text);
    let host = url.as_ref().and_then(Url::host_str);
    if host.is_some() {
        problems.push(&format!("nhsMhsFQDN is {text:?}; expected a host name: the URL's counts"));
    }
    let name = host.unwrap_or(text).trim_end_matches(['/', '.']).parse();
    name.map_err(|error| problems.push(&format!("nhsMhsFQDN: {error}"))).ok()
}

fn web_address(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host())
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn name<S: Serializer>(name: &Option<DnsName>, serializer: S) -> Result<S::Ok, S::Error> {
    name.as_ref().map(ToString::to_string).serialize(serializer)
}

//! Envoy's `X-Forwarded-Client-Cert`: elements separated by commas, each of `Key=value` separated by semicolons.

use std::{iter::Peekable, str::Chars};

use super::{Chain, Unreadable, pem};
use crate::domain::CertificateThumbprint;

const WRONG: Unreadable = Unreadable("elements of Key=value pairs as Envoy writes them");
const NO_CERTIFICATE: Unreadable =
    Unreadable("Cert or Chain in the last element: set_current_client_cert_details has to name them");
const CONTRADICTION: Unreadable = Unreadable("Cert, Chain and Hash of one and the same certificate");
const UNQUOTED: Unreadable = Unreadable("one element, where it has URI or DNS: Envoy does not quote their values");

/// The chain in the last element, which is the one that the proxy itself added.
pub(super) fn last_element(text: &str) -> Result<Chain, Unreadable> {
    let elements = elements(text)?;
    // A comma in a name of the client's choosing would begin an element of its choosing.
    let has_name = |element: &Element| element.0.iter().any(|(key, _)| matches!(key.as_str(), "uri" | "dns"));
    if elements.len() > 1 && elements.iter().any(has_name) {
        return Err(UNQUOTED);
    }
    let last = elements.last().ok_or(WRONG)?;
    let read = |text: Option<&str>| text.map(pem::percent_encoded).transpose();
    let chain = match (read(last.one("cert")?)?, read(last.one("chain")?)?) {
        (None, None) => return Err(NO_CERTIFICATE),
        (Some(certificate), None) if certificate.len() == 1 => certificate,
        (None, Some(chain)) => chain,
        (Some(certificate), Some(chain)) if certificate.len() == 1 && certificate.first() == chain.first() => chain,
        _ => return Err(CONTRADICTION),
    };
    let hash = chain.first().map(|leaf| CertificateThumbprint::of_der(leaf));
    if last.one("hash")?.is_some_and(|claimed| claimed.parse().ok() != hash) {
        return Err(CONTRADICTION);
    }
    Ok(chain)
}

/// Keys in lower case, for Envoy compares them so, and their values.
struct Element(Vec<(String, String)>);

impl Element {
    /// The value of a key that may come once.
    fn one(&self, key: &str) -> Result<Option<&str>, Unreadable> {
        let mut values = self.0.iter().filter(|(known, _)| known == key).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(WRONG),
            (value, None) => Ok(value),
        }
    }
}

fn elements(text: &str) -> Result<Vec<Element>, Unreadable> {
    let mut rest = text.chars().peekable();
    let mut elements = vec![Element(Vec::new())];
    loop {
        while rest.next_if_eq(&' ').is_some() {}
        let key = until(&mut rest, &['=', ';', ',', '"']);
        if key.is_empty() || rest.next() != Some('=') {
            return Err(WRONG);
        }
        let value = match rest.next_if_eq(&'"') {
            Some(_) => quoted(&mut rest)?,
            None => until(&mut rest, &[';', ',', '"']),
        };
        elements.last_mut().ok_or(WRONG)?.0.push((key.to_ascii_lowercase(), value));
        match rest.next() {
            None => return Ok(elements),
            Some(';') => {}
            Some(',') => elements.push(Element(Vec::new())),
            Some(_) => return Err(WRONG),
        }
    }
}

fn until(rest: &mut Peekable<Chars<'_>>, ends: &[char]) -> String {
    std::iter::from_fn(|| rest.next_if(|character| !ends.contains(character))).collect()
}

fn quoted(rest: &mut Peekable<Chars<'_>>) -> Result<String, Unreadable> {
    let mut value = String::new();
    loop {
        match rest.next() {
            None => return Err(WRONG),
            Some('"') => return Ok(value),
            Some('\\') => value.push(rest.next().ok_or(WRONG)?),
            Some(character) => value.push(character),
        }
    }
}

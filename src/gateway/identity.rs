//! The headers in which a back-end learns who is calling, from nobody but the gateway.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use careconnect_verifier::{Caller, Requester};

/// Of the back-end's requests; a caller that sends one of them, in whatever spelling, has it removed.
const PREFIX: &str = "x-careconnect-";

const NAMES: [HeaderName; 5] = [
    HeaderName::from_static("x-careconnect-asid"),
    HeaderName::from_static("x-careconnect-ods-code"),
    HeaderName::from_static("x-careconnect-org-type"),
    HeaderName::from_static("x-careconnect-groups"),
    HeaderName::from_static("x-careconnect-client-id"),
];

/// Who is calling. Empty for whom nothing is proven of, so that a proxy that copies them overwrites what came.
pub(super) fn headers_of(caller: &Caller) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let values = match caller {
        Caller::Verified(requester) => values(requester),
        _ => Default::default(),
    };
    // Each is of letters, digits and punctuation that headers may have.
    NAMES
        .into_iter()
        .zip(values)
        .map(|(name, value)| (name, HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static(""))))
}

fn values(requester: &Requester) -> [String; 5] {
    let groups: Vec<_> = requester.groups().iter().map(|group| group.as_str()).collect();
    [
        requester.asid().to_string(),
        requester.ods_code().to_string(),
        requester.organisation_type().to_string(),
        groups.join(" "),
        requester.client_id().to_string(),
    ]
}

/// Removes what only the gateway may say.
pub(super) fn strip(headers: &mut HeaderMap) {
    let forged: Vec<_> = headers.keys().filter(|name| is_ours(name)).cloned().collect();
    for name in forged {
        headers.remove(name);
    }
}

/// Is there a header that a back-end may take for one of ours, and that a proxy which sets ours leaves as it is?
pub(super) fn is_forged(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| is_ours(name) && !NAMES.contains(name))
}

/// Frameworks read whatever is no letter or digit as the same character, so it is read so here, too.
fn is_ours(name: &HeaderName) -> bool {
    let plain = |character: char| if character.is_ascii_alphanumeric() { character } else { '-' };
    name.as_str().chars().map(plain).collect::<String>().starts_with(PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_of_our_headers_comes_from_outside() {
        let mut headers = HeaderMap::new();
        let spellings = [
            "X-Careconnect-Asid",
            "x_careconnect_asid",
            "X-CareConnect_Groups",
            "x.careconnect!asid",
            "x-careconnect-anything",
        ];
        for name in spellings {
            headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_static("200000000205"));
        }
        headers.append("x-other", HeaderValue::from_static("1"));
        assert!(is_forged(&headers));
        strip(&mut headers);
        assert!(!is_forged(&headers));
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-other"]);
    }
}

//! Notes which provider has fetched the key set, if it says so: operators want to know who knows a key before it signs.

use careconnect_verifier::Asid;

use super::introspect_token::providers_of;
use crate::{
    app::App,
    authentication::peer::PeerConnection,
    domain::{Audience, KeySetFetch},
};

/// The parameter by which a provider without a certificate says who it is.
const PROVIDER: &str = "provider";

/// By the caller's certificate, and else by the ASID in its query, which anybody could write there; `kids` is what it gets. A
/// caller that says nothing, or something else, gets its keys all the same.
pub fn note_key_set_fetch(app: &App, peer: &PeerConnection, query: Option<&str>, kids: &[Box<str>]) {
    if peer.certificate.is_none() && query.is_none() {
        return;
    }
    let now = app.clock.now();
    let note = |asid: Asid, proven| {
        app.key_set_fetches.note(KeySetFetch { asid, proven, fetched_at: now, kids: kids.to_vec() });
    };
    let (proven, _) = providers_of(app, peer, now);
    if let Some(provider) = proven {
        return note(provider.asid.clone(), true);
    }
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let named = pairs.filter(|(name, _)| name == PROVIDER).find_map(|(_, asid)| Asid::parse(&asid).ok());
    if let Some(asid) = named.filter(|asid| app.registry.provider(&Audience::Asid(asid.clone())).is_some()) {
        note(asid, false);
    }
}

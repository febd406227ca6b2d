//! How old each revocation list is, and whether those that are fetched can be had.

use super::Finding;
use crate::{
    authentication::revocation_list::RevocationList,
    clock::UnixTime,
    config::{ClientAuthority, Config, InDoubt},
    expiries::is_due,
    server::revocation_fetch::trust_at_start,
};

const CHECK: &str = "revocation";

/// One finding per list. Files that cannot be used are the business of the configuration's check.
pub(super) async fn examine(config: &Config, now: UnixTime) -> Vec<Finding> {
    let authorities = config.tls.all_client_authorities();
    let Ok((trust, failures)) = trust_at_start(&authorities).await else { return Vec::new() };
    let configured = |name: &str| authorities.iter().find(|authority| authority.name == name);
    let failures = failures.iter().filter_map(|(name, url, failure)| {
        let detail = format!("{name}: {url}: {failure}");
        Some(finding(configured(name)?.without_crl, detail, "open the way to it, or see `without_crl`"))
    });
    let lists = trust.list_sources().flat_map(|(name, source)| {
        source.lists.iter().filter_map(move |list| Some(examine_list(configured(name)?, &source.name, list, now)))
    });
    failures.chain(lists).collect()
}

fn examine_list(authority: &ClientAuthority, source: &str, list: &RevocationList, now: UnixTime) -> Finding {
    let detail = format!(
        "{}: {source}: made at {} ({} s ago) by {}, next at {}",
        authority.name,
        list.this_update,
        now.since(list.this_update),
        list.issuer,
        list.next_update
    );
    if list.next_update <= now {
        return finding(authority.expired_crl, detail, "it is overdue: ask the authority, or see `expired_crl`");
    }
    if is_due(list, now) {
        return Finding::warning(CHECK, detail, "it ends soon: see that its successor arrives");
    }
    Finding::ok(CHECK, detail)
}

/// What keeps every client of an authority out is a failure.
fn finding(in_doubt: InDoubt, detail: String, repair: &'static str) -> Finding {
    match in_doubt {
        InDoubt::Refuse => Finding::failure(CHECK, detail, repair),
        InDoubt::Accept => Finding::warning(CHECK, detail, repair),
    }
}

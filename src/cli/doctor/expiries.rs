//! What ends soon. Revocation lists and key sets have findings of their own.

use super::Finding;
use crate::{
    cli::examination::Register,
    clock::UnixTime,
    expiries::{Expiry, of_consumers},
};

const CHECK: &str = "expiry";
/// The first ones are enough to begin with.
const MOST: usize = 50;

/// Of what is in `files`, and of consumers. What has ended is a failure where it is the server's own; that a consumer let
/// its certificate end keeps nobody else out.
pub(super) fn examine(files: Vec<Expiry>, register: Option<&Register>, now: UnixTime) -> Vec<Finding> {
    let own = files.iter().filter(|expiry| expiry.kind != "revocation_list").map(|expiry| {
        if expiry.is_over(now) {
            Finding::failure(CHECK, expiry.sentence(now), expiry.repair())
        } else {
            Finding::warning(CHECK, expiry.sentence(now), expiry.repair())
        }
    });
    let of_consumers = register.map(|register| of_consumers(&register.consumers, &register.uses, now));
    let of_consumers = of_consumers.unwrap_or_default();
    let left_out = of_consumers.len().saturating_sub(MOST);
    let first = of_consumers.iter().take(MOST);
    let first = first.map(|expiry| Finding::warning(CHECK, expiry.sentence(now), expiry.repair()));
    let mut findings: Vec<Finding> = own.chain(first).collect();
    if left_out > 0 {
        let detail = format!("{left_out} more ways in of consumers end soon");
        findings.push(Finding::warning(CHECK, detail, "`careconnect-auth consumer show` tells the end of each"));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "nothing ends within 30 days"));
    }
    findings
}

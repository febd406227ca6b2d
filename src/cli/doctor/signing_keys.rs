//! The keys that sign: can this machine use them, and does their schedule go on?

use careconnect_verifier::Algorithm;

use super::Finding;
use crate::{
    cli::examination::{self, Register},
    clock::UnixTime,
    config::Config,
    domain::key_schedule::{active, next},
    signing::{KeyPlaces, pem_files},
};

const CHECK: &str = "signing keys";

pub(super) fn examine(register: &Register, config: &Config, now: UnixTime) -> Vec<Finding> {
    let keys = &register.signing_keys;
    if keys.is_empty() {
        return vec![Finding::warning(
            CHECK,
            "there are none yet",
            "`careconnect-auth serve` makes them when it starts",
        )];
    }
    let broken = examination::unusable_keys(config, keys).into_iter().map(|error| {
        Finding::failure(CHECK, error.to_string(), "see keys.sealing_key_file and keys.former_sealing_key_files; a damaged file comes back from its backup, and is seen within ten seconds")
    });
    let mut findings: Vec<_> = broken.collect();
    for file in pem_files(&config.keys.directory).unwrap_or_default() {
        let detail = format!("{} is a private key that is not sealed", file.path.display());
        findings.push(Finding::warning(CHECK, detail, "remove it when no node of an earlier release runs"));
    }
    findings
        .extend(register.algorithms().into_iter().filter_map(|algorithm| overdue(register, config, algorithm, now)));
    if findings.is_empty() {
        let names: Vec<&str> = register.algorithms().iter().map(|algorithm| algorithm.name()).collect();
        findings.push(Finding::ok(CHECK, names.join(" ")));
    }
    findings
}

/// A turn that should have ended: no server has tended the keys, or nobody has brought one that cannot be made here.
fn overdue(register: &Register, config: &Config, algorithm: Algorithm, now: UnixTime) -> Option<Finding> {
    let (keys, every) = (&register.signing_keys, config.key_schedule().rotate_every?);
    let active = active(keys, algorithm, now)?;
    let ends_at = active.activates_at.plus(every);
    if next(keys, algorithm, now).is_some() || ends_at > now {
        return None;
    }
    let detail = format!("{algorithm} is still signed with {}, whose turn ended at {ends_at}", active.kid);
    Some(if KeyPlaces::from(&config.keys).makes().contains(&algorithm) {
        Finding::warning(CHECK, detail, "a running server makes the next key: see its log for keys_not_tended")
    } else {
        Finding::warning(
            CHECK,
            detail,
            "this build, or keys.store, makes no such key: `careconnect-auth keys import`, or register its providers with another algorithm",
        )
    })
}

//! The database, and whether each provider can have its tokens.

use careconnect_verifier::Algorithm;

use super::Finding;
use crate::{cli::examination::Register, storage::StorageError};

pub(super) fn examine(register: &Result<Register, StorageError>) -> Vec<Finding> {
    const CHECK: &str = "database";
    let (keys, Register { consumers, providers, .. }) = match register {
        Ok(register) => (register.algorithms(), register),
        Err(error) => {
            return vec![Finding::failure(
                CHECK,
                error.to_string(),
                "see database.url or database.url_file; a new database needs `careconnect-auth migrate`",
            )];
        }
    };
    let lacks_key = |algorithm: Algorithm| !keys.is_empty() && !keys.contains(&algorithm);
    let counts = format!("{} consumers, {} providers", consumers.len(), providers.len());
    let mut findings = vec![Finding::ok(CHECK, counts)];
    findings.extend(providers.iter().filter(|provider| lacks_key(provider.signing_algorithm)).map(|provider| {
        let detail =
            format!("provider {} wants {}, for which there is no key", provider.asid, provider.signing_algorithm);
        Finding::failure("provider", detail, "import a key: careconnect-auth keys import")
    }));
    findings
}

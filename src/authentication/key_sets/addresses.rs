//! The names of key sets' hosts, looked up: never what is inside, unless the configuration says so (CWE-918, R50).

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::domain::key_set_address::{AddressRefused, Permitted};

/// Gives the HTTP client the permitted addresses only. It connects to exactly these, so a name that means something
/// else a moment later (DNS rebinding) does not help anybody. Addresses in URLs never come here.
impl Resolve for Permitted {
    fn resolve(&self, name: Name) -> Resolving {
        let permitted = *self;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let mut refused = AddressRefused::nowhere();
            let mut usable = Vec::with_capacity(found.len());
            for address in found {
                match permitted.check(address.ip()) {
                    Ok(()) => usable.push(address),
                    Err(refusal) => refused = refusal,
                }
            }
            if usable.is_empty() {
                return Err(refused.into());
            }
            let usable: Addrs = Box::new(usable.into_iter());
            Ok(usable)
        })
    }
}

//! Where a key set may be fetched from: never from inside, unless the configuration says so (CWE-918, R50).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use super::KeySetUri;

/// The addresses to which connections may be made.
#[derive(Debug, Clone, Copy)]
pub struct Permitted {
    /// Whether those of private networks, and this machine, are among them.
    pub private: bool,
}

/// A host that may not be fetched from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a public address, received {received}: private ones need assertions.allow_private_jwks_addresses, \
     link-local and special ones are never used"
)]
pub struct AddressRefused {
    received: String,
}

impl AddressRefused {
    /// Of a name that has no address at all.
    pub fn nowhere() -> Self {
        Self { received: "none".to_owned() }
    }
}

impl Permitted {
    /// May a connection be made to `address`?
    pub fn check(self, address: IpAddr) -> Result<(), AddressRefused> {
        let address = without_wrapping(address);
        if is_public(address) || self.private && is_private(address) {
            return Ok(());
        }
        Err(AddressRefused { received: address.to_string() })
    }

    /// May `uri` be registered? Of an address that is written out this is known at once; a name is looked up with each fetch.
    pub fn check_host(self, uri: &KeySetUri) -> Result<(), AddressRefused> {
        let url = Url::parse(uri.as_str()).ok();
        match url.as_ref().and_then(Url::host) {
            Some(Host::Ipv4(address)) => self.check(address.into()),
            Some(Host::Ipv6(address)) => self.check(address.into()),
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                let is_here = name == "localhost" || name.ends_with(".localhost"); // RFC 6761 §6.3
                match name.parse() {
                    Ok(address) => self.check(address),
                    Err(_) if is_here => self.check(Ipv4Addr::LOCALHOST.into()),
                    Err(_) => Ok(()),
                }
            }
            None => Ok(()),
        }
    }
}

/// The IPv4 address that an IPv6 address stands for (RFC 4291 §2.5.5.2, RFC 6052 §2.1, RFC 3056 §2), or itself.
fn without_wrapping(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            v4(high, low)
        }
        _ => address,
    }
}

/// Of this machine, or of a network that is not the internet but may well have key sets.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || is_shared(v4),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// Not in the IANA registry of special-purpose addresses (RFC 6890).
fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let is_special = v4.is_loopback()
        || v4.is_private()
        || is_shared(v4)
        || v4.is_link_local() // 169.254.169.254: the metadata of cloud machines
        || v4.is_documentation()
        || a == 0
        || (a, b, c) == (192, 0, 0)
        || (a, b, c) == (192, 88, 99)
        || a == 198 && (b == 18 || b == 19)
        || a >= 224;
    !is_special
}

/// Global unicast (2000::/3) but for protocols (2001::/23, with Teredo) and documentation.
fn is_public_v6(v6: Ipv6Addr) -> bool {
    let [a, b, ..] = v6.segments();
    let is_special = a == 0x2001 && (b < 0x200 || b == 0xdb8) || a == 0x3fff && b < 0x1000;
    (0x2000..0x4000).contains(&a) && !is_special
}

/// Of carriers, for their customers (RFC 6598).
fn is_shared(v4: Ipv4Addr) -> bool {
    let [a, b, ..] = v4.octets();
    a == 100 && (64..128).contains(&b)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: [&str; 8] = [
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.1",
        "172.32.0.1",
        "2606:4700::1111",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
    ];
    const PRIVATE: [&str; 15] = [
        "127.0.0.1",
        "127.255.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "100.127.255.255",
        "::1",
        "fc00::1",
        "fdff::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:a00:1::",
    ];
    const NEVER: [&str; 25] = [
        "0.0.0.0",
        "0.1.2.3",
        "169.254.169.254",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::7f00:1",
        "::ffff:0.0.0.0",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a00:1",
        "2002:a9fe:a9fe::",
        "2001::1",
        "2001:db8::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "100::1",
    ];

    // R50
    #[test]
    fn no_address_of_the_inside_is_fetched_from_in_any_notation() {
        let passes = |private: bool, text: &str| Permitted { private }.check(text.parse().unwrap()).is_ok();
        for text in PUBLIC {
            assert!(passes(false, text) && passes(true, text), "{text}");
        }
        for text in PRIVATE {
            assert!(!passes(false, text) && passes(true, text), "{text}");
        }
        for text in NEVER {
            assert!(!passes(false, text) && !passes(true, text), "{text}");
        }
    }
}

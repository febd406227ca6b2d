//! From where a client came, as its proxy says.

use std::net::{IpAddr, SocketAddr};

/// The last element of `X-Forwarded-For`, of `Forwarded` (RFC 7239) or of a header with one address: the one that the
/// proxy itself added. None when it is no address.
pub(super) fn last_address(header: &str, value: &str) -> Option<SocketAddr> {
    let last = value.rsplit(',').next()?.trim();
    let address = if header == "forwarded" {
        let pairs = last.split(';').filter_map(|pair| pair.trim().split_once('='));
        let mut addresses = pairs.filter(|(name, _)| name.eq_ignore_ascii_case("for"));
        addresses.next()?.1.trim_matches('"')
    } else {
        last
    };
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
    let ip = || bare.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 0));
    address.parse::<SocketAddr>().ok().or_else(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_element_counts() {
        for (header, value, expected) in [
            ("x-forwarded-for", "10.9.9.9, 192.0.2.1", "192.0.2.1:0"),
            ("x-forwarded-for", "192.0.2.1:4711", "192.0.2.1:4711"),
            ("x-forwarded-for", "2001:db8::1", "[2001:db8::1]:0"),
            ("x-real-ip", "[2001:db8::1]:4711", "[2001:db8::1]:4711"),
            ("forwarded", "for=10.9.9.9, for=192.0.2.1;proto=https;by=203.0.113.43", "192.0.2.1:0"),
            ("forwarded", "proto=https;For=\"[2001:db8::1]:4711\"", "[2001:db8::1]:4711"),
        ] {
            assert_eq!(last_address(header, value), Some(expected.parse().unwrap()), "{value}");
        }
    }

    #[test]
    fn what_is_no_address_is_none() {
        for (header, value) in [
            ("x-forwarded-for", ""),
            ("x-forwarded-for", "192.0.2.1,"),
            ("x-forwarded-for", "unix:"),
            ("forwarded", "for=unknown"),
            ("forwarded", "for=_hidden"),
            ("forwarded", "for=192.0.2.1, proto=https"),
        ] {
            assert_eq!(last_address(header, value), None, "{value}");
        }
    }
}

//! Which addresses a customer may have us speak to: public unicast alone.
//!
//! In: an address. Out: whether anybody on the Internet could be asked there. What an operator wrote under
//! `outbound.allow_addresses` is not looked at here.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

/// Addresses that begin alike.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    bits: u8,
}

/// It is not `ADDRESS` or `ADDRESS/BITS`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address or a network, as 127.0.0.1 or 10.1.0.0/16 are: {0}")]
pub struct InvalidNetwork(String);

/// IPv4 that is not public unicast (IANA's registry of special-purpose addresses), with why.
const NOT_PUBLIC_V4: [(&str, &str); 18] = [
    ("0.0.0.0/8", "this network"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared by carriers; Alibaba's metadata"),
    ("127.0.0.0/8", "loopback"),
    ("168.63.129.16/32", "Azure's platform, a public address that only its own machines reach"),
    ("169.254.0.0/16", "link-local; metadata of most clouds"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "protocol assignments; Oracle's metadata"),
    ("192.0.2.0/24", "documentation"),
    ("192.31.196.0/24", "AS112"),
    ("192.52.193.0/24", "AMT"),
    ("192.88.99.0/24", "6to4 relays"),
    ("192.168.0.0/16", "private"),
    ("192.175.48.0/24", "AS112"),
    ("198.18.0.0/15", "benchmarks"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/3", "multicast, reserved, broadcast"),
];

/// All of public IPv6; everything else is refused, so are `::ffff:0:0/96` (IPv4 written as IPv6), `64:ff9b::/96` (NAT64, by
/// which a private IPv4 address could be reached), `fc00::/7` and `fe80::/10`.
const PUBLIC_V6: &str = "2000::/3";

/// IPv6 within it that is not public unicast, with why.
const NOT_PUBLIC_V6: [(&str, &str); 5] = [
    ("2001::/23", "protocol assignments: Teredo, ORCHID, benchmarks"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4: an IPv4 address in it"),
    ("2620:4f:8000::/48", "AS112"),
    ("3fff::/20", "documentation"),
];

/// Whether it is public unicast.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    let within = |networks: &[(&str, &str)]| networks.iter().any(|(network, _)| holds(network, address));
    match address {
        IpAddr::V4(_) => !within(&NOT_PUBLIC_V4),
        IpAddr::V6(_) => holds(PUBLIC_V6, address) && !within(&NOT_PUBLIC_V6),
    }
}

/// A network of the tables above; one that were none would hold everything, which a test rules out.
fn holds(network: &str, address: IpAddr) -> bool {
    network.parse::<Network>().map_or(true, |network| network.holds(address))
}

impl Network {
    /// Whether the address begins like it. IPv4 written as IPv6 is another address.
    #[must_use]
    pub fn holds(self, address: IpAddr) -> bool {
        let high = |bits: u128| bits.checked_shr(128_u32.saturating_sub(u32::from(self.bits))).unwrap_or(0);
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => high(left(base)) == high(left(address)),
            (IpAddr::V6(base), IpAddr::V6(address)) => high(base.to_bits()) == high(address.to_bits()),
            _ => false,
        }
    }
}

/// An IPv4 address as the highest bits of 128.
const fn left(address: Ipv4Addr) -> u128 {
    (address.to_bits() as u128) << 96
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let invalid = || InvalidNetwork(text.to_owned());
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let base: IpAddr = address.trim().parse().map_err(|_| invalid())?;
        let most = match base {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        let bits = bits.map_or(Ok(most), |bits| bits.parse::<u8>()).map_err(|_| invalid())?;
        if bits > most { Err(invalid()) } else { Ok(Self { base, bits }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.bits)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use proptest::prelude::*;

    use super::*;

    /// ASVS 5.0: 1.3.6.
    #[test]
    fn what_is_not_public_unicast_is_refused_and_its_neighbours_are_not() {
        let check = |address: &str, expect: bool| {
            assert_eq!(is_public(address.parse().unwrap()), expect, "{address}");
        };
        for address in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.1",
            "100.64.0.0",
            "100.127.255.255",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::a00:1",
            "100::1",
            "2001::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            check(address, false);
        }
        for address in [
            "1.0.0.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "168.63.129.15",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "203.0.114.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2003::1",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "3ffe::1",
        ] {
            check(address, true);
        }
    }

    #[test]
    fn networks_are_read_and_written() {
        for text in ["127.0.0.0/8", "10.1.2.3/32", "::1/128", "2000::/3", "0.0.0.0/0"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
        assert_eq!("127.0.0.1".parse::<Network>().unwrap().to_string(), "127.0.0.1/32");
        for text in ["", "localhost", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0/8", "10.0.0.0/8/8"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
        for (network, _) in NOT_PUBLIC_V4.iter().chain(&NOT_PUBLIC_V6) {
            network.parse::<Network>().unwrap();
        }
        let all = "0.0.0.0/0".parse::<Network>().unwrap();
        assert!(all.holds("203.0.113.1".parse().unwrap()) && !all.holds("::1".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn what_the_standard_library_calls_special_is_never_public(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            let special = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified();
            prop_assert!(!(special && is_public(v4.into())), "{v4}");
            // No way of writing an IPv4 address as an IPv6 one is public.
            for written in [v4.to_ipv6_mapped(), v4.to_ipv6_compatible(), nat64(v4), six_to_four(v4)] {
                prop_assert!(!is_public(written.into()), "{written}");
            }
        }

        #[test]
        fn nothing_local_in_ipv6_is_public(bits: u128) {
            let v6 = Ipv6Addr::from_bits(bits);
            let special = v6.is_loopback() || v6.is_multicast() || v6.is_unspecified() || v6.is_unique_local()
                || v6.is_unicast_link_local() || v6.to_ipv4().is_some();
            prop_assert!(!(special && is_public(v6.into())), "{v6}");
            prop_assert!(!is_public(v6.into()) || v6.segments()[0] >> 13 == 1, "{v6}");
        }
    }

    fn nat64(v4: Ipv4Addr) -> Ipv6Addr {
        Ipv6Addr::from_bits(0x64_ff9b << 96 | u128::from(v4.to_bits()))
    }

    fn six_to_four(v4: Ipv4Addr) -> Ipv6Addr {
        Ipv6Addr::from_bits(0x2002 << 112 | u128::from(v4.to_bits()) << 80)
    }
}

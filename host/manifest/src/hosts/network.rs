//! A range of IP addresses: `10.0.0.0/8`.

use std::net::IpAddr;
use std::str::FromStr;

/// A network, or a single address. Addresses of IPv4 that are written in IPv6 (`::ffff:10.0.0.1`) count as what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// Leading bits that an address shares with this one.
    length: u32,
}

/// The text is not a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is neither an IP address nor a network such as `10.0.0.0/8`")]
pub struct NotANetwork;

/// What cannot be reached from one machine to another of the same link without a router, where clouds tell machines
/// their credentials.
const LINK_LOCAL: [&str; 2] = ["169.254.0.0/16", "fe80::/10"];

/// Everything that is not globally reachable, by IANA's registries for special purposes, and multicast.
const PRIVATE: [&str; 26] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    // Loopback, the unspecified address, and IPv4 in its oldest disguise.
    "::/96",
    // Translated to IPv4 by a machine of this network, which may know private ones.
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

// === impl Network ===

impl Network {
    /// The network of one address.
    pub fn of(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let length = width(address);
        Self { address, length }
    }

    /// The networks that only reach the same link: 169.254.0.0/16 and fe80::/10.
    pub fn link_local() -> Vec<Self> {
        LINK_LOCAL.map(constant).to_vec()
    }

    /// All networks that are not globally reachable: loopback, private, shared, link-local, reserved, multicast.
    pub fn private() -> Vec<Self> {
        PRIVATE.map(constant).to_vec()
    }

    /// Whether an address is part of it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let differing = bits(self.address) ^ bits(address);
        self.address.is_ipv4() == address.is_ipv4() && differing.leading_zeros() >= self.length
    }

    /// Whether every address of the other is part of it.
    pub fn covers(&self, other: &Self) -> bool {
        let differing = bits(self.address) ^ bits(other.address);
        self.address.is_ipv4() == other.address.is_ipv4()
            && self.length <= other.length
            && differing.leading_zeros() >= self.length
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let Some((address, length)) = text.split_once('/') else {
            return text.parse().map(Self::of).map_err(|_| NotANetwork);
        };
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let length: u32 = length.parse().map_err(|_| NotANetwork)?;
        match length <= width(address) {
            true => Ok(Self::canonical(address, length)),
            false => Err(NotANetwork),
        }
    }
}

impl Network {
    fn canonical(address: IpAddr, length: u32) -> Self {
        match (address, address.to_canonical()) {
            (IpAddr::V6(_), IpAddr::V4(mapped)) if length >= 96 => Self {
                address: mapped.into(),
                length: length - 96,
            },
            _ => Self { address, length },
        }
    }
}

// === functions ===

fn constant(text: &str) -> Network {
    text.parse().expect("the constants are networks")
}

fn width(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The bits of an address, the first of them in front.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        let network: Network = network.parse().expect("it is a network");
        network.contains(address.parse().expect("it is an address"))
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0/8",
            "fd00::/129",
            "10.0.0.0/-1",
            "example.com",
            "private",
        ] {
            assert_eq!(text.parse::<Network>(), Err(NotANetwork), "{text}");
        }
    }

    #[test]
    fn addresses_outside_are_not_contained() {
        assert!(!contains("10.0.0.0/8", "11.0.0.1"));
        assert!(!contains("10.0.0.128/25", "10.0.0.127"));
        assert!(!contains("10.0.0.1", "10.0.0.2"));
        assert!(!contains("fe80::/10", "fec0::1"));
        assert!(!contains("0.0.0.0/0", "::1"), "it is of the other family");
        assert!(!contains("::/0", "10.0.0.1"), "it is of the other family");
    }

    #[test]
    fn addresses_inside_are_contained() {
        assert!(contains("10.0.0.0/8", "10.255.0.1"));
        assert!(contains("10.1.2.3/8", "10.255.0.1"), "other bits are free");
        assert!(contains("10.0.0.128/25", "10.0.0.128"));
        assert!(contains("10.0.0.1", "10.0.0.1"));
        assert!(contains("0.0.0.0/0", "203.0.113.7"));
        assert!(contains("fe80::/10", "febf::1"));
        assert!(contains("::1", "::1"));
    }

    #[test]
    fn ipv4_that_is_written_in_ipv6_is_ipv4() {
        assert!(contains("169.254.0.0/16", "::ffff:169.254.169.254"));
        assert!(contains("::ffff:10.0.0.0/104", "10.1.2.3"));
        assert!(contains("::ffff:10.0.0.1", "10.0.0.1"));
        assert!(!contains("::/96", "::ffff:10.0.0.1"));
    }

    #[test]
    fn what_is_private_is_not_global() {
        let private = |address: &str| {
            let address = address.parse().expect("it is an address");
            Network::private().iter().any(|of| of.contains(address))
        };
        for address in [
            "127.0.0.1",
            "0.0.0.0",
            "10.1.1.1",
            "192.168.1.1",
            "169.254.169.254",
            "::1",
            "::",
            "fd00:ec2::254",
            "fe80::1",
        ] {
            assert!(private(address), "{address}");
        }
        for address in ["1.1.1.1", "172.32.0.1", "2606:4700:4700::1111"] {
            assert!(!private(address), "{address}");
        }
    }
}

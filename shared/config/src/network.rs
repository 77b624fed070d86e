//! Networks: addresses that begin alike.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A network, written as its first address and the length of the prefix that its
/// addresses share: `10.0.0.0/8`, `2001:db8::/32`; or as a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    prefix: u32,
}

/// Text that is not a [`Network`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a network is its first address and the length of its prefix, as in \"10.0.0.0/8\"")]
pub struct NetworkError;

impl Network {
    /// Whether the address belongs to the network; an IPv4 address in IPv6's
    /// clothes is taken for what it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        first(address.to_canonical(), self.prefix) == Some(self.first)
    }
}

/// The first address of the network of that prefix that holds `address`; none
/// where addresses are shorter.
fn first(address: IpAddr, prefix: u32) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => {
            let host = Ipv4Addr::BITS.checked_sub(prefix)?;
            let mask = u32::MAX.checked_shl(host).unwrap_or(0);
            Some(Ipv4Addr::from_bits(address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let host = Ipv6Addr::BITS.checked_sub(prefix)?;
            let mask = u128::MAX.checked_shl(host).unwrap_or(0);
            Some(Ipv6Addr::from_bits(address.to_bits() & mask).into())
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let prefix = match prefix {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| NetworkError)?
            }
            Some(_) => return Err(NetworkError),
            None if address.is_ipv4() => Ipv4Addr::BITS,
            None => Ipv6Addr::BITS,
        };
        // A host's address with a short prefix is a slip: nobody can tell what
        // was meant.
        (first(address, prefix) == Some(address))
            .then_some(Self {
                first: address,
                prefix,
            })
            .ok_or(NetworkError)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(network: &str, address: &str, expected: bool) {
        let network: Network = network.parse().unwrap();
        let contained = network.contains(address.parse().unwrap());
        assert_eq!(contained, expected, "{address} in {network}");
    }

    #[test]
    fn networks_hold_the_addresses_that_begin_like_them() {
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.0", false);
        check("10.0.0.0/8", "::ffff:10.1.2.3", true);
        check("10.0.0.0/8", "a00::", false);
        check("192.0.2.1", "192.0.2.1", true);
        check("192.0.2.1", "192.0.2.2", false);
        check("0.0.0.0/0", "255.255.255.255", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("2001:db8::/32", "2001:db8:ffff::1", true);
        check("2001:db8::/32", "2001:db9::", false);
        check("::1", "::1", true);
        check("::/0", "2001:db8::1", true);
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for wrong in [
            "",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.1/8",
            "2001:db8::/129",
            "10.0.0.0/8/8",
            "example.org",
        ] {
            assert_eq!(wrong.parse::<Network>(), Err(NetworkError), "{wrong:?}");
        }
    }
}

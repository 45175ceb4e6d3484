//! A range of IP addresses as `192.0.2.0/24` (RFC 4632 §3.1, RFC 4291 §2.3).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// All addresses that begin with the same bits. An IPv4 address within IPv6 (`::ffff:192.0.2.1`) is an IPv4 address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is no network.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NetworkError {
    /// The part before the slash.
    #[error("a network is an IP address, or one with a prefix as 192.0.2.0/24 or 2001:db8::/32")]
    Address,
    /// The part behind the slash.
    #[error("the prefix is a number from 0 to {max}")]
    Prefix {
        /// The address's length in bits.
        max: u8,
    },
    /// Bits behind the prefix are set: one of the two is mistyped.
    #[error("{network} does not begin at that address; write {network}")]
    HostBits {
        /// The network in which the address lies.
        network: Network,
    },
}

impl Network {
    /// The network of `prefix` bits in which `address` lies; a prefix longer than the address is one address.
    pub fn around(address: IpAddr, prefix: u8) -> Network {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let prefix = prefix.min(32);
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                Network { address: Ipv4Addr::from_bits(v4.to_bits() & mask).into(), prefix }
            }
            IpAddr::V6(v6) => {
                let prefix = prefix.min(128);
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                Network { address: Ipv6Addr::from_bits(v6.to_bits() & mask).into(), prefix }
            }
        }
    }

    /// Whether `address` lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && Network::around(address, self.prefix).address == self.address
    }

    /// The first address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// How many leading bits all addresses share.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Network {
        Network::around(address, u8::MAX)
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Network, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Address)?;
        let Some(digits) = prefix else { return Ok(address.into()) };
        // As written: in `::ffff:192.0.2.0/120` the prefix counts the bits of IPv6.
        let max = if address.is_ipv4() { 32 } else { 128 };
        let outside = NetworkError::Prefix { max };
        let plain = digits.len() <= 3 && digits.bytes().all(|digit| digit.is_ascii_digit());
        let prefix: u8 = Some(digits).filter(|_| plain).and_then(|digits| digits.parse().ok()).ok_or(outside)?;
        if prefix > max {
            return Err(outside);
        }
        let mapped = address.is_ipv6() && address.to_canonical().is_ipv4();
        let prefix = if mapped { prefix.checked_sub(96).ok_or(outside)? } else { prefix };
        let network = Network::around(address, prefix);
        if network.address != address.to_canonical() {
            return Err(NetworkError::HostBits { network });
        }
        Ok(network)
    }
}

/// A single address stands without a prefix.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = if self.address.is_ipv4() { 32 } else { 128 };
        if self.prefix == whole { self.address.fmt(f) } else { write!(f, "{}/{}", self.address, self.prefix) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, printed: &str) {
        let network: Network = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(network.to_string(), printed);
    }

    fn refused(text: &str, reason: &str) {
        let error = text.parse::<Network>().map(|network| network.to_string()).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }

    #[test]
    fn networks_are_read_and_printed() {
        check("192.0.2.0/24", "192.0.2.0/24");
        check("192.0.2.1", "192.0.2.1");
        check("192.0.2.1/32", "192.0.2.1");
        check("0.0.0.0/0", "0.0.0.0/0");
        check("2001:DB8::/32", "2001:db8::/32");
        check("::/0", "::/0");
        check("::1/128", "::1");
        check("::ffff:192.0.2.0/120", "192.0.2.0/24");
        check("::ffff:192.0.2.7", "192.0.2.7");
    }

    #[test]
    fn what_is_no_network_says_why() {
        for text in ["", "mail", "192.0.2", "192.0.2.0.0/8", "/8", "192.0.2.0 /24", "[::1]/128"] {
            refused(text, "is an IP address");
        }
        for text in ["192.0.2.0/", "192.0.2.0/33", "192.0.2.0/+8", "192.0.2.0/0024", "::/129", "::/-1"] {
            refused(text, "the prefix is a number");
        }
        refused("::ffff:0.0.0.0/95", "the prefix is a number");
        refused("192.0.2.1/24", "write 192.0.2.0/24");
        refused("2001:db8::1/64", "write 2001:db8::/64");
    }

    #[test]
    fn a_network_holds_its_addresses_only() {
        let holds =
            |network: &str, address: &str| network.parse::<Network>().unwrap().contains(address.parse().unwrap());
        assert!(holds("192.0.2.0/24", "192.0.2.255"));
        assert!(holds("192.0.2.0/24", "::ffff:192.0.2.255"));
        assert!(!holds("192.0.2.0/24", "192.0.3.0"));
        assert!(holds("0.0.0.0/0", "203.0.113.1"));
        assert!(!holds("0.0.0.0/0", "::1") && !holds("::/0", "192.0.2.1"));
        assert!(holds("2001:db8::/47", "2001:db8:1:ffff::1"));
        assert!(!holds("2001:db8::/47", "2001:db8:2::1"));
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(bits: u128, v4: bool, prefix in 0u8..=128) {
            let address = if v4 { IpAddr::from(Ipv4Addr::from_bits(bits as u32)) } else { Ipv6Addr::from_bits(bits).into() };
            let network = Network::around(address, prefix);
            prop_assert!(network.contains(address));
            prop_assert_eq!(network.to_string().parse(), Ok(network));
        }
    }
}

//! Failed logins, counted per client and per user by all who check passwords, so
//! that a guesser who is refused at one door is refused at every other.
//!
//! A first failure opens a window; when it has passed, counting begins anew. What
//! counts is kept for that long and no longer, and need not outlive the engine:
//! forgetting it gives a guesser as many guesses as there were at first.

mod counts;

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use async_trait::async_trait;
use message::AccountId;

use crate::StoreError;
pub use counts::Counts;

/// What counts as one client: an IPv4 address, or a /64 of IPv6, which is what one
/// customer has at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Client(IpAddr);

impl Client {
    /// The client at an address.
    pub fn at(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => {
                Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into()
            }
        })
    }

    /// Its address, or the first of them.
    pub fn address(self) -> IpAddr {
        self.0
    }
}

/// Who a client says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum User {
    /// Somebody who has an account.
    Account(AccountId),
    /// Names that no account has, 65,536 kinds of them. They count like accounts,
    /// so that a refusal does not tell who exists. The name itself is kept
    /// nowhere: people type passwords in its place.
    Nobody(u16),
}

impl User {
    /// No address is longer than that; a name may be.
    const NAME_MAX: usize = 320;

    /// A name that no account has.
    pub fn nobody(name: &str) -> Self {
        let name = name.chars().take(Self::NAME_MAX);
        let folded: String = name.flat_map(char::to_lowercase).collect();
        Self::Nobody(crc32fast::hash(folded.as_bytes()) as u16)
    }
}

/// How many logins failed in windows that have not passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FailedLogins {
    /// From a client, whoever it said it was.
    pub from_client: u32,
    /// For a user, wherever they came from.
    pub for_user: u32,
}

/// The port of failed logins.
#[async_trait]
pub trait LoginFailures: Send + Sync {
    /// How many logins failed.
    async fn failed_logins(&self, client: Client, user: User) -> Result<FailedLogins, StoreError>;

    /// Counts one more for both, and says how many there were before. Where this
    /// is the first, it counts until `window` has passed.
    async fn count_failed_login(
        &self,
        client: Client,
        user: User,
        window: Duration,
    ) -> Result<FailedLogins, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let client = |address: &str| Client::at(address.parse().unwrap());
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:0:0:2"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
        assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
    }

    #[test]
    fn nobody_is_known_by_any_case_and_not_by_name() {
        assert_eq!(User::nobody("Mallory"), User::nobody("mALLORY"));
        assert_ne!(User::nobody("mallory"), User::nobody("trudy"));
        let long = "x".repeat(1_000);
        assert_eq!(User::nobody(&long), User::nobody(&long[..User::NAME_MAX]));
    }
}

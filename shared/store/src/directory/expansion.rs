//! Following an address through aliases to where its mail ends.

use message::Address;

use super::{Account, Directory, Lookup, Via};
use crate::StoreError;

/// The most addresses that one recipient may become, and the most lookups that
/// following it may take.
const MAX_REACHED: usize = 1000;

/// Where mail to an address ends, each end once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expansion {
    /// The ends that take mail.
    pub reached: Vec<Reached>,
    /// Local addresses on the way that nobody has.
    pub unknown: Vec<Address>,
    /// More ends than one recipient may have; the rest was not followed.
    pub truncated: bool,
}

/// One end of an expansion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// A local account, under the address that named it last.
    Account {
        /// The account.
        account: Account,
        /// The address by which it was reached (with any `+detail`).
        address: Address,
        /// The rule that found it.
        via: Via,
        /// The aliases followed, the recipient itself first; empty if none.
        chain: Vec<Address>,
    },
    /// An address elsewhere.
    Remote {
        /// That address.
        address: Address,
        /// The aliases followed, the recipient itself first; empty if none.
        chain: Vec<Address>,
    },
}

/// Follows `address` through aliases, nested and across domains. An alias met
/// twice is followed once, so loops end.
///
/// # Errors
/// When the directory cannot be read.
pub async fn expand(directory: &dyn Directory, address: &Address) -> Result<Expansion, StoreError> {
    let mut expansion = Expansion::default();
    let mut seen = std::collections::HashSet::from([address.folded()]);
    let mut open = std::collections::VecDeque::from([(address.clone(), Vec::new())]);
    while let Some((address, chain)) = open.pop_front() {
        if expansion.reached.len() >= MAX_REACHED {
            expansion.truncated = true;
            break;
        }
        match directory.lookup(&address).await? {
            Lookup::NotLocal => expansion.reached.push(Reached::Remote { address, chain }),
            Lookup::Unknown => expansion.unknown.push(address),
            Lookup::Account { account, via } => {
                expansion.reached.push(Reached::Account {
                    account,
                    address,
                    via,
                    chain,
                });
            }
            Lookup::Alias { targets, via: _ } => {
                let chain: Vec<_> = chain.iter().chain([&address]).cloned().collect();
                let room = MAX_REACHED.saturating_sub(seen.len());
                let fresh: Vec<_> = targets
                    .into_iter()
                    .filter(|target| seen.insert(target.folded()))
                    .collect();
                expansion.truncated |= fresh.len() > room;
                open.extend(
                    fresh
                        .into_iter()
                        .take(room)
                        .map(|target| (target, chain.clone())),
                );
            }
        }
    }
    expansion.drop_repeated_accounts();
    Ok(expansion)
}

impl Expansion {
    /// One copy per account, however it was reached.
    fn drop_repeated_accounts(&mut self) {
        let mut seen = std::collections::HashSet::new();
        self.reached.retain(|end| match end {
            Reached::Account { account, .. } => seen.insert(account.id),
            Reached::Remote { .. } => true,
        });
    }

    /// Whether mail to the address reaches `account`.
    pub fn reaches(&self, id: message::AccountId) -> bool {
        self.reached
            .iter()
            .any(|end| matches!(end, Reached::Account { account, .. } if account.id == id))
    }
}

#[cfg(test)]
mod tests;

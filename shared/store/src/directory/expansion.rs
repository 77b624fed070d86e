//! Following an address through aliases to where its mail ends.
//!
//! Rewritten return paths ([`message::srs`]) are aliases that no directory
//! holds: they stand for the address they were made from. Nobody else reads
//! them, so that what is refused at RCPT is what routing would refuse.

use std::collections::{HashSet, VecDeque};

use message::srs::{Rewriter, SrsError};
use message::{AccountId, Address, Timestamp};

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
    /// Addresses on the way that lead no further.
    pub dead_ends: Vec<DeadEnd>,
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

impl Reached {
    /// The aliases followed, the recipient itself first; empty if none.
    pub fn chain(&self) -> &[Address] {
        match self {
            Self::Account { chain, .. } | Self::Remote { chain, .. } => chain,
        }
    }
}

/// An address that leads no further, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadEnd {
    /// The address.
    pub address: Address,
    /// Why.
    pub why: Impasse,
}

/// Why an address leads no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Impasse {
    /// Its domain is ours, and nobody has that name.
    Unknown,
    /// It looks like a return path that we rewrote, and is none.
    Srs(SrsError),
    /// It is an alias that passed the message on before.
    Loop,
}

/// Follows addresses.
#[derive(Clone, Copy)]
pub struct Expander<'a> {
    directory: &'a dyn Directory,
    srs: Option<(&'a Rewriter, Timestamp)>,
    visited: Option<&'a HashSet<Address>>,
}

impl<'a> Expander<'a> {
    /// Follows addresses through what the directory holds.
    pub fn new(directory: &'a dyn Directory) -> Self {
        Self {
            directory,
            srs: None,
            visited: None,
        }
    }

    /// Follows rewritten return paths, too, where there is a rewriter.
    pub fn with_srs(self, rewriter: Option<&'a Rewriter>, now: Timestamp) -> Self {
        let srs = rewriter.map(|rewriter| (rewriter, now));
        Self { srs, ..self }
    }

    /// Does not follow these aliases (folded) again.
    pub fn without(self, visited: &'a HashSet<Address>) -> Self {
        Self {
            visited: Some(visited),
            ..self
        }
    }

    /// Follows `address` through aliases, nested and across domains. An alias
    /// met twice is followed once, so loops end.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub async fn expand(self, address: &Address) -> Result<Expansion, StoreError> {
        let mut walk = Walk::from(address);
        while let Some((address, chain)) = walk.next() {
            match self.step(&address).await? {
                Step::End(why) => walk.expansion.dead_ends.push(DeadEnd { address, why }),
                Step::Found(Lookup::NotLocal) => walk.reach(Reached::Remote { address, chain }),
                Step::Found(Lookup::Unknown) => {
                    let why = Impasse::Unknown;
                    walk.expansion.dead_ends.push(DeadEnd { address, why });
                }
                Step::Found(Lookup::Account { account, via }) => {
                    walk.reach(Reached::Account {
                        account,
                        address,
                        via,
                        chain,
                    });
                }
                Step::Found(Lookup::Alias { targets, via: _ }) => {
                    walk.branch(address, chain, targets);
                }
            }
        }
        Ok(walk.expansion)
    }

    async fn step(self, address: &Address) -> Result<Step, StoreError> {
        let restored = self
            .srs
            .and_then(|(rewriter, now)| rewriter.restore(address, now));
        let found = match restored {
            Some(Ok(original)) => Lookup::Alias {
                targets: vec![original],
                via: Via::Exact,
            },
            Some(Err(error)) => return Ok(Step::End(Impasse::Srs(error))),
            None => self.directory.lookup(address).await?,
        };
        let visited = |address: &Address| {
            self.visited
                .is_some_and(|visited| visited.contains(&address.folded()))
        };
        match found {
            Lookup::Alias { .. } if visited(address) => Ok(Step::End(Impasse::Loop)),
            found => Ok(Step::Found(found)),
        }
    }
}

/// What one address came to.
enum Step {
    Found(Lookup),
    End(Impasse),
}

/// Follows `address` through what the directory holds: see [`Expander::expand`].
///
/// # Errors
/// When the directory cannot be read.
pub async fn expand(directory: &dyn Directory, address: &Address) -> Result<Expansion, StoreError> {
    Expander::new(directory).expand(address).await
}

/// The way through aliases, breadth first.
struct Walk {
    open: VecDeque<(Address, Vec<Address>)>,
    /// Addresses as written: the case of remote ones is not ours to ignore
    /// (RFC 5321 §2.4).
    met: HashSet<Address>,
    /// Aliases followed, folded.
    followed: HashSet<Address>,
    accounts: HashSet<AccountId>,
    expansion: Expansion,
}

impl Walk {
    fn from(address: &Address) -> Self {
        Self {
            open: VecDeque::from([(address.clone(), Vec::new())]),
            met: HashSet::from([address.clone()]),
            followed: HashSet::new(),
            accounts: HashSet::new(),
            expansion: Expansion::default(),
        }
    }

    fn next(&mut self) -> Option<(Address, Vec<Address>)> {
        let next = self.open.pop_front()?;
        let full = self.expansion.reached.len() >= MAX_REACHED;
        self.expansion.truncated |= full;
        (!full).then_some(next)
    }

    /// One copy per account, however it was reached.
    fn reach(&mut self, end: Reached) {
        let again =
            matches!(&end, Reached::Account { account, .. } if !self.accounts.insert(account.id));
        if !again {
            self.expansion.reached.push(end);
        }
    }

    fn branch(&mut self, alias: Address, mut chain: Vec<Address>, targets: Vec<Address>) {
        if !self.followed.insert(alias.folded()) {
            return;
        }
        chain.push(alias);
        let room = MAX_REACHED.saturating_sub(self.met.len());
        let mut fresh: Vec<_> = targets
            .into_iter()
            .filter(|target| self.met.insert(target.clone()))
            .collect();
        self.expansion.truncated |= fresh.len() > room;
        fresh.truncate(room);
        let open = fresh.into_iter().map(|target| (target, chain.clone()));
        self.open.extend(open);
    }
}

impl Expansion {
    /// Whether mail to the address reaches `account`.
    pub fn reaches(&self, id: AccountId) -> bool {
        self.reached
            .iter()
            .any(|end| matches!(end, Reached::Account { account, .. } if account.id == id))
    }

    /// The aliases that lead to one of the ends.
    pub fn aliases(&self) -> impl Iterator<Item = &Address> {
        self.reached.iter().flat_map(Reached::chain)
    }
}

#[cfg(test)]
mod tests;

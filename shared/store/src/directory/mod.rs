//! The directory: domains, accounts, aliases, credentials and quotas.
//!
//! Addresses are looked up by [`Address::folded`]: local parts are case
//! insensitive here, as mail users expect (RFC 5321 §2.4 leaves it to us), and
//! compared in one normal form (RFC 6530 §10.1).

mod expansion;
pub(crate) mod lookup;

use std::fmt;

use async_trait::async_trait;
use message::{AccountId, Address, Domain};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::mailbox::Quota;
pub use expansion::{DeadEnd, Expander, Expansion, Impasse, Reached, expand};

/// A domain whose recipients live here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainRecord {
    /// Its name.
    pub name: Domain,
    /// Who reads mail to `postmaster` and `abuse` (RFC 5321 §4.5.1, RFC 2142).
    pub postmaster: Address,
    /// Who gets mail to recipients that do not exist, if anyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catch_all: Option<Address>,
}

/// An account: credentials and mailboxes of one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id, which never changes.
    pub id: AccountId,
    /// Its address, folded; also its login name.
    pub address: Address,
    /// The argon2id hash of its password.
    pub password: PasswordHash,
    /// What its mailboxes may hold.
    #[serde(flatten)]
    pub quota: Quota,
}

/// A password hash in PHC string form; never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps a PHC string such as `$argon2id$v=19$…`.
    pub fn new(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string, for verification only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// A name that stands for other addresses, here or elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// The name, folded.
    pub address: Address,
    /// At least one address.
    pub targets: Vec<Address>,
}

/// What an address stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// Its domain is not ours.
    NotLocal,
    /// Its domain is ours, and nobody has that name.
    Unknown,
    /// One account.
    Account {
        /// The account.
        account: Account,
        /// By which rule it was found.
        via: Via,
    },
    /// Other addresses, to be looked up in turn.
    Alias {
        /// Those addresses.
        targets: Vec<Address>,
        /// By which rule they were found.
        via: Via,
    },
}

/// By which rule a local address was found, for `rohrpost trace`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// The very address.
    Exact,
    /// The address without its `+detail`.
    Subaddress,
    /// `postmaster` or `abuse`, which always resolve.
    Postmaster,
    /// The catch-all of its domain.
    CatchAll,
}

/// Why an edit of the directory was refused.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The name is taken, by an account, an alias or a domain.
    #[error("{0} exists already")]
    Exists(String),
    /// There is no such domain, account or alias.
    #[error("{0} does not exist")]
    Missing(String),
    /// A domain that still has accounts or aliases cannot be removed.
    #[error("{0} still has accounts or aliases; remove them first")]
    InUse(Domain),
    /// The engine failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The port of the directory.
///
/// Lists are in the order of names (addresses by domain, then local part) and
/// come in pages: `after` is the last name of the page before, `limit` at most
/// how many. Adding the very record that is there already succeeds, so that an
/// edit whose answer was lost can be repeated.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Adds a domain. The first one added is the primary domain.
    async fn add_domain(&self, domain: DomainRecord) -> Result<(), DirectoryError>;

    /// Changes postmaster and catch-all of a domain that exists.
    async fn update_domain(&self, domain: DomainRecord) -> Result<(), DirectoryError>;

    /// The domain of that name.
    async fn domain(&self, name: &Domain) -> Result<Option<DomainRecord>, StoreError>;

    /// The domain that stands in where an address has none: `postmaster`
    /// alone (RFC 5321 §4.5.1) and the sender of notices.
    async fn primary_domain(&self) -> Result<Option<DomainRecord>, StoreError>;

    /// A page of domains.
    async fn domains(
        &self,
        after: Option<&Domain>,
        limit: usize,
    ) -> Result<Vec<DomainRecord>, StoreError>;

    /// Removes a domain that has neither accounts nor aliases.
    async fn remove_domain(&self, name: &Domain) -> Result<(), DirectoryError>;

    /// Adds an account; its address is folded and its domain must exist.
    async fn add_account(&self, account: Account) -> Result<(), DirectoryError>;

    /// The account with that id.
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError>;

    /// The account with exactly that address; aliases do not count.
    async fn account_at(&self, address: &Address) -> Result<Option<Account>, StoreError>;

    /// A page of accounts.
    async fn accounts(
        &self,
        after: Option<&Address>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError>;

    /// Changes an account's password.
    async fn set_password(
        &self,
        address: &Address,
        password: PasswordHash,
    ) -> Result<(), DirectoryError>;

    /// Changes an account's quota.
    async fn set_quota(&self, address: &Address, quota: Quota) -> Result<(), DirectoryError>;

    /// Removes an account and returns it; its mailboxes are removed by
    /// [`crate::MailboxStore::remove_account`].
    async fn remove_account(&self, address: &Address) -> Result<Account, DirectoryError>;

    /// Adds an alias; its domain must exist. Names are folded, targets kept as
    /// they are.
    async fn add_alias(&self, alias: Alias) -> Result<(), DirectoryError>;

    /// The alias of exactly that name.
    async fn alias(&self, address: &Address) -> Result<Option<Alias>, StoreError>;

    /// A page of aliases.
    async fn aliases(
        &self,
        after: Option<&Address>,
        limit: usize,
    ) -> Result<Vec<Alias>, StoreError>;

    /// Removes an alias.
    async fn remove_alias(&self, address: &Address) -> Result<(), DirectoryError>;

    /// What an address stands for, by the first rule that fits: the very
    /// address, the address without `+detail`, `postmaster` and `abuse`, the
    /// catch-all.
    async fn lookup(&self, address: &Address) -> Result<Lookup, StoreError>;
}

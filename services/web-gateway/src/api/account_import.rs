//! Many accounts at once.

use message::Address;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Password;

/// Accounts to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountImport {
    /// At most 1000 of them; of those with a password in clear, which takes a
    /// while to hash, at most 100.
    pub accounts: Vec<ImportedAccount>,
}

impl AccountImport {
    /// The most accounts in one request.
    pub const MOST: usize = 1000;

    /// The most of them with a password in clear.
    pub const MOST_IN_CLEAR: usize = 100;
}

/// An account as it is brought along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportedAccount {
    /// Its address, in a domain that exists.
    #[schema(value_type = String)]
    pub address: Address,
    /// Its credentials; nobody can log in without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// How many octets it may hold; unlimited where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<u64>,
    /// How many messages it may hold; unlimited where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_quota: Option<u64>,
}

/// What a user proves to be himself by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Credentials {
    /// A password in clear.
    Password(Password),
    /// The hash of one, `$argon2id$v=19$…`.
    Hash(Password),
}

/// What became of accounts that were to be created.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct AccountsImported {
    /// How many are new.
    pub added: u64,
    /// How many addresses had an account already, which stays as it is.
    pub present: u64,
    /// Those that cannot be created.
    pub refused: Vec<RefusedAccount>,
}

/// An account that cannot be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusedAccount {
    /// Its address.
    #[schema(value_type = String)]
    pub address: Address,
    /// Why not.
    pub reason: String,
}

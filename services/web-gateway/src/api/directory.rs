//! Domains, accounts and aliases.

use std::fmt;
use std::str::FromStr;

use message::{AccountId, Address};
use serde::{Deserialize, Serialize};
use store::directory::{Alias as AliasRecord, DomainRecord};
use utoipa::ToSchema;

use super::Password;

/// A domain whose recipients live here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// Its name.
    #[schema(value_type = String, example = "example.org")]
    pub name: message::Domain,
    /// Who reads mail to `postmaster` and `abuse`.
    #[schema(value_type = String, example = "alice@example.org")]
    pub postmaster: Address,
    /// Who gets mail to recipients that do not exist; they are refused where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub catch_all: Option<Address>,
}

impl From<DomainRecord> for Domain {
    fn from(record: DomainRecord) -> Self {
        let DomainRecord {
            name,
            postmaster,
            catch_all,
        } = record;
        Self {
            name,
            postmaster,
            catch_all,
        }
    }
}

impl From<Domain> for DomainRecord {
    fn from(domain: Domain) -> Self {
        let Domain {
            name,
            postmaster,
            catch_all,
        } = domain;
        Self {
            name,
            postmaster,
            catch_all,
        }
    }
}

/// What can be changed about a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DomainChange {
    /// Who reads mail to `postmaster` and `abuse`.
    #[schema(value_type = String)]
    pub postmaster: Address,
    /// Who gets mail to recipients that do not exist; they are refused where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub catch_all: Option<Address>,
}

/// A record that DNS should have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DnsRecord {
    /// Its name, with the root's dot.
    #[schema(example = "example.org.")]
    pub name: String,
    /// Its type, such as `MX`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its value, as in a zone file.
    #[schema(example = "10 mail.example.org.")]
    pub value: String,
}

/// An account and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// Its address in lower case; also its login name.
    #[schema(value_type = String, example = "alice@example.org")]
    pub address: Address,
    /// Its id, which outlives a change of the address.
    #[schema(value_type = String, example = "3f6c0d9a2b41e875")]
    pub id: AccountId,
    /// How many octets it may hold; unlimited where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<u64>,
    /// How many messages it may hold; unlimited where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_quota: Option<u64>,
    /// How many octets it holds.
    pub octets: u64,
    /// How many messages it holds.
    pub messages: u64,
}

/// An account to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// Its address, in a domain that exists.
    #[schema(value_type = String)]
    pub address: Address,
    /// Its password.
    pub password: Password,
    /// How many octets it may hold; unlimited where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<u64>,
    /// How many messages it may hold; unlimited where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_quota: Option<u64>,
}

/// A new password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The new password.
    pub password: Password,
}

/// A new quota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaChange {
    /// How many octets the account may hold; unlimited where null.
    pub quota: Option<u64>,
    /// How many messages it may hold; unlimited where absent or null.
    #[serde(default)]
    pub message_quota: Option<u64>,
}

/// A name that stands for other addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Alias {
    /// The name, in lower case.
    #[schema(value_type = String, example = "info@example.org")]
    pub address: Address,
    /// 1 to 1000 addresses, here or elsewhere.
    #[schema(value_type = Vec<String>)]
    pub targets: Vec<Address>,
}

impl From<AliasRecord> for Alias {
    fn from(record: AliasRecord) -> Self {
        let AliasRecord { address, targets } = record;
        Self { address, targets }
    }
}

impl From<Alias> for AliasRecord {
    fn from(alias: Alias) -> Self {
        let Alias { address, targets } = alias;
        Self { address, targets }
    }
}

/// What an account is called by: its address, or its id where it has none any
/// more.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum AccountName {
    /// The login name.
    Address(Address),
    /// The id, as the integrity check tells it.
    Id(AccountId),
}

/// Text that is not an [`AccountName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an account is called by its address, or by its id of 16 hexadecimal digits")]
pub struct AccountNameError;

impl FromStr for AccountName {
    type Err = AccountNameError;

    fn from_str(text: &str) -> Result<Self, AccountNameError> {
        let address = || text.parse().map(Self::Address);
        let id = text.parse().map(Self::Id);
        id.or_else(|_| address()).map_err(|_| AccountNameError)
    }
}

impl TryFrom<String> for AccountName {
    type Error = AccountNameError;

    fn try_from(text: String) -> Result<Self, AccountNameError> {
        text.parse()
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Id(id) => id.fmt(f),
        }
    }
}

//! How records stand in Redis.

use message::Address;
use redis::FromRedisValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::failure::corrupt;
use super::KEY;
use crate::StoreError;
use crate::directory::{Account, PasswordHash};

/// What an address is found by: its domain, a NUL, its folded local part.
pub(super) fn name(address: &Address) -> String {
    let local_part = address.local_part().folded();
    format!("{}\0{}", address.domain().as_str(), local_part.as_str())
}

/// An account as the functions give it.
pub(super) struct AccountFields {
    id: String,
    address: String,
    password: String,
    quota: String,
}

impl From<[String; 4]> for AccountFields {
    fn from([id, address, password, quota]: [String; 4]) -> Self {
        Self {
            id,
            address,
            password,
            quota,
        }
    }
}

impl redis::FromRedisValue for AccountFields {
    fn from_redis_value(value: redis::Value) -> Result<Self, redis::ParsingError> {
        let (id, address, password, quota) = FromRedisValue::from_redis_value(value)?;
        Ok([id, address, password, quota].into())
    }
}

impl TryFrom<AccountFields> for Account {
    type Error = StoreError;

    fn try_from(fields: AccountFields) -> Result<Self, StoreError> {
        let key = format!("{KEY}:account:{}", fields.id);
        Ok(Self {
            id: fields.id.parse().map_err(|error| corrupt(&key, error))?,
            address: fields
                .address
                .parse()
                .map_err(|error| corrupt(&key, error))?,
            password: PasswordHash::new(fields.password),
            quota: match fields.quota.as_str() {
                "" => None,
                number => Some(number.parse().map_err(|error| corrupt(&key, error))?),
            },
        })
    }
}

/// A quota as the functions take it: the empty string for none.
pub(super) fn quota_text(quota: Option<u64>) -> String {
    quota.map_or(String::new(), |octets| octets.to_string())
}

pub(super) fn json(record: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(record).map_err(|error| StoreError::Misused(error.to_string()))
}

pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| corrupt(KEY, error))
}

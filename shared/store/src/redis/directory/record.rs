//! How records stand in Redis.

use message::Address;
use redis::FromRedisValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::failure::corrupt;
use super::KEY;
use crate::StoreError;
use crate::directory::{Account, PasswordHash};
use crate::mailbox::Quota;

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
    octets: String,
    messages: String,
}

impl AccountFields {
    /// The fields in their order, if there are as many as an account has.
    pub(super) fn read(fields: Vec<String>) -> Option<Self> {
        let [id, address, password, octets, messages] = fields.try_into().ok()?;
        Some(Self {
            id,
            address,
            password,
            octets,
            messages,
        })
    }
}

impl redis::FromRedisValue for AccountFields {
    fn from_redis_value(value: redis::Value) -> Result<Self, redis::ParsingError> {
        let fields = FromRedisValue::from_redis_value(value)?;
        Self::read(fields).ok_or_else(|| "no account".into())
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
            quota: Quota {
                octets: limit(&fields.octets).map_err(|error| corrupt(&key, error))?,
                messages: limit(&fields.messages).map_err(|error| corrupt(&key, error))?,
            },
        })
    }
}

/// A limit as the functions give it: the empty string for none.
fn limit(text: &str) -> Result<Option<u64>, std::num::ParseIntError> {
    match text {
        "" => Ok(None),
        number => number.parse().map(Some),
    }
}

pub(super) fn json(record: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(record).map_err(|error| StoreError::Misused(error.to_string()))
}

pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| corrupt(KEY, error))
}

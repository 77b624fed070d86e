//! Reading replies: arrays whose elements come one after another.

use std::fmt::Display;
use std::str::FromStr;

use message::Timestamp;
use redis::Value;
use serde::de::DeserializeOwned;

use super::super::failure::corrupt;
use crate::StoreError;

/// The elements of an array.
pub(super) struct Reply(std::vec::IntoIter<Value>);

impl Reply {
    /// Reads an array.
    pub(super) fn of(value: Value) -> Result<Self, StoreError> {
        match value {
            Value::Array(values) => Ok(Self(values.into_iter())),
            other => Err(unexpected(&other, "an array")),
        }
    }

    /// Reads an array where there is one.
    pub(super) fn some(value: Value) -> Result<Option<Self>, StoreError> {
        match value {
            Value::Nil => Ok(None),
            value => Self::of(value).map(Some),
        }
    }

    /// The next element, whatever it is; nothing behind the last one.
    pub(super) fn value(&mut self) -> Value {
        self.0.next().unwrap_or(Value::Nil)
    }

    pub(super) fn text(&mut self) -> Result<String, StoreError> {
        self.optional_text()?
            .ok_or_else(|| unexpected(&Value::Nil, "text"))
    }

    pub(super) fn optional_text(&mut self) -> Result<Option<String>, StoreError> {
        text(self.value())
    }

    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self) -> Result<T, StoreError> {
        parsed(&self.text()?)
    }

    pub(super) fn json<T: DeserializeOwned>(&mut self) -> Result<T, StoreError> {
        from_json(&self.text()?)
    }

    pub(super) fn optional_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, StoreError> {
        self.optional_text()?.as_deref().map(from_json).transpose()
    }

    pub(super) fn number<T: TryFrom<i64>>(&mut self) -> Result<T, StoreError> {
        let value = self.value();
        number(&value)?.ok_or_else(|| unexpected(&value, "a number"))
    }

    pub(super) fn flag(&mut self) -> Result<bool, StoreError> {
        Ok(self.number::<i64>()? != 0)
    }

    pub(super) fn time(&mut self) -> Result<Timestamp, StoreError> {
        self.optional_time()?
            .ok_or_else(|| unexpected(&Value::Nil, "a time"))
    }

    pub(super) fn optional_time(&mut self) -> Result<Option<Timestamp>, StoreError> {
        time(&self.value())
    }

    pub(super) fn list(&mut self) -> Result<Self, StoreError> {
        Self::of(self.value())
    }
}

impl Iterator for Reply {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        self.0.next()
    }
}

/// Text, where there is any.
pub(super) fn text(value: Value) -> Result<Option<String>, StoreError> {
    match value {
        Value::Nil => Ok(None),
        Value::BulkString(octets) => String::from_utf8(octets)
            .map(Some)
            .map_err(|error| corrupt("a reply", error)),
        other => Err(unexpected(&other, "text")),
    }
}

/// A time, where there is one.
pub(super) fn time(value: &Value) -> Result<Option<Timestamp>, StoreError> {
    let micros: Option<i64> = number(value)?;
    micros
        .map(|micros| Timestamp::from_microsecond(micros).map_err(|e| corrupt("a reply", e)))
        .transpose()
}

/// A number, computed (an integer) or read from a field (digits).
fn number<T: TryFrom<i64>>(value: &Value) -> Result<Option<T>, StoreError> {
    let number = match value {
        Value::Nil => return Ok(None),
        Value::Int(number) => Some(*number),
        Value::BulkString(octets) => std::str::from_utf8(octets)
            .ok()
            .and_then(|t| t.parse().ok()),
        _not_a_number => None,
    };
    let number = number.and_then(|number: i64| T::try_from(number).ok());
    number
        .map(Some)
        .ok_or_else(|| unexpected(value, "a number"))
}

pub(super) fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|error| corrupt(text, error))
}

pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| corrupt("a field of a message", error))
}

fn unexpected(value: &Value, expected: &str) -> StoreError {
    corrupt("a reply", format!("{value:?} is not {expected}"))
}

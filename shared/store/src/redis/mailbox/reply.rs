//! What the functions answer.

use redis::{FromRedisValue, ParsingError, Value};

use super::account::{Owner, role_from};
use crate::StoreError;
use crate::mailbox::{AllAppended, Appended, Copied, MailboxId, MailboxInfo};

/// Blocks of states, each behind its number.
#[derive(Debug, Default)]
pub(super) struct Blocks(pub(super) Vec<(u64, Vec<u8>)>);

impl FromRedisValue for Blocks {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        FromRedisValue::from_redis_value(value).map(Self)
    }
}

/// A word, and the numbers behind it.
fn word_and_numbers(value: Value) -> Result<(String, Vec<u32>), ParsingError> {
    let mut values = Vec::<Value>::from_redis_value(value)?.into_iter();
    let word = values.next().ok_or("an answer without a word")?;
    let numbers = values.map(u32::from_redis_value);
    Ok((
        String::from_redis_value(word)?,
        numbers.collect::<Result<_, _>>()?,
    ))
}

/// What an append came to.
pub(super) enum AppendReply {
    /// The UIDVALIDITY, and the UIDs.
    Stored(u32, Vec<u32>),
    Delivered,
    OverQuota,
    NoMailbox,
}

impl FromRedisValue for AppendReply {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let (word, mut numbers) = word_and_numbers(value)?;
        match word.as_str() {
            "stored" if !numbers.is_empty() => Ok(Self::Stored(numbers.remove(0), numbers)),
            "delivered" => Ok(Self::Delivered),
            "over quota" => Ok(Self::OverQuota),
            "no mailbox" => Ok(Self::NoMailbox),
            other => Err(format!("{other:?} is no answer to an append").into()),
        }
    }
}

impl AppendReply {
    /// Of an append of one.
    pub(super) fn one(self) -> Appended {
        match self {
            Self::Stored(uid_validity, uids) => Appended::Stored {
                uid: uids.first().copied().unwrap_or_default(),
                uid_validity,
            },
            Self::Delivered => Appended::AlreadyDelivered,
            Self::OverQuota => Appended::OverQuota,
            Self::NoMailbox => Appended::NoSuchMailbox,
        }
    }

    /// Of an append of several.
    pub(super) fn all(self) -> Result<AllAppended, StoreError> {
        match self {
            Self::Stored(uid_validity, uids) => Ok(AllAppended::Stored { uids, uid_validity }),
            Self::OverQuota => Ok(AllAppended::OverQuota),
            Self::NoMailbox => Ok(AllAppended::NoSuchMailbox),
            Self::Delivered => {
                let reason = "several entries were called one delivery";
                Err(StoreError::Misused(reason.to_owned()))
            }
        }
    }
}

/// What a copy or a move came to.
pub(super) struct CopyReply(pub(super) Copied);

impl FromRedisValue for CopyReply {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let (word, numbers) = word_and_numbers(value)?;
        Ok(Self(match (word.as_str(), numbers.as_slice()) {
            ("copied", [uid_validity, first, uids @ ..]) => Copied::Copied {
                uid_validity: *uid_validity,
                pairs: uids.iter().copied().zip(*first..).collect(),
            },
            ("over quota", []) => Copied::OverQuota,
            ("no mailbox", []) => Copied::NoSuchMailbox,
            other => return Err(format!("{other:?} is no answer to a copy").into()),
        }))
    }
}

/// A mailbox: its name, role, and numbers.
pub(super) struct InfoReply(String, String, [u64; 8]);

impl FromRedisValue for InfoReply {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let (name, role, numbers) = FromRedisValue::from_redis_value(value)?;
        let numbers = Vec::<u64>::try_into(numbers).map_err(|_| "not eight numbers")?;
        Ok(Self(name, role, numbers))
    }
}

impl InfoReply {
    pub(super) fn info(self, owner: &Owner<'_>) -> Result<MailboxInfo, StoreError> {
        let Self(name, role, numbers) = self;
        let [
            id,
            uid_validity,
            uid_next,
            messages,
            unseen,
            deleted,
            octets,
            highest_modseq,
        ] = numbers;
        let short = |number: u64| u32::try_from(number).map_err(|_| owner.corrupt("a number"));
        Ok(MailboxInfo {
            id: MailboxId::from_number(short(id)?),
            name: owner.name(name)?,
            role: role_from(&role).ok_or_else(|| owner.corrupt("a role"))?,
            uid_validity: short(uid_validity)?,
            uid_next: short(uid_next)?,
            messages,
            unseen,
            deleted,
            octets,
            highest_modseq,
        })
    }
}

/// The mailbox, the log of what vanished if it reaches back so far, and the
/// blocks in which anything changed.
pub(super) struct DeltaReply(
    pub(super) InfoReply,
    pub(super) Option<Vec<Vec<u8>>>,
    pub(super) Blocks,
);

impl FromRedisValue for DeltaReply {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let (info, vanished, blocks) = FromRedisValue::from_redis_value(value)?;
        Ok(Self(info, vanished, blocks))
    }
}

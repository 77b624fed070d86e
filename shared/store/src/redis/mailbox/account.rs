//! Calls on the keys of one account.

use message::AccountId;
use redis::FromRedisValue;

use super::super::connection::{Call, Link};
use super::super::failure;
use super::state::{RawState, States};
use crate::StoreError;
use crate::mailbox::{EntryState, MailboxName, Quota, Role, STANDARD, Usage};

/// What the keys that span accounts begin with.
pub(super) const INDEX: &str = "m:{index}";

/// How often a step is tried whose mark ran out before it came to pass.
const TRIES: u32 = 5;

/// An account, and how to get at its keys.
pub(super) struct Owner<'l> {
    pub(super) link: &'l Link,
    pub(super) account: AccountId,
    pub(super) key: String,
    /// The account's numbers are to be of this epoch.
    epoch: u64,
}

impl<'l> Owner<'l> {
    pub(super) fn new(link: &'l Link, account: AccountId, epoch: u64) -> Self {
        Self {
            link,
            account,
            key: format!("m:{{{account}}}"),
            epoch,
        }
    }

    /// A call that changes the account, to go by [`Owner::call`].
    pub(super) fn write(&self, function: &str) -> Call {
        Call::write(function, &self.key).arg(self.epoch)
    }

    /// A call that only reads it, to go by [`Owner::call`].
    pub(super) fn read(&self, function: &str) -> Call {
        Call::read(function, &self.key).arg(self.epoch)
    }

    /// A call that puts something into a mailbox.
    pub(super) fn place(&self, function: &str, mailbox: &MailboxName, quota: Quota) -> Call {
        self.write(function)
            .arg(self.link.now())
            .arg(mailbox.as_str())
            .arg(limits(quota))
    }

    /// Calls a function that needs the account's mailboxes, and opens the
    /// account if they are missing.
    pub(super) async fn call<T: FromRedisValue>(&self, call: Call) -> Result<T, StoreError> {
        match self.link.try_call(&call).await {
            Err(error) if error.code() == Some("UNKNOWN") => self.open().await?,
            called => return called.map_err(|error| failure::translated(&error)),
        }
        self.link.call(call).await
    }

    /// Calls a function that may leave something to release, after the account
    /// is entered as one that does. A repetition would answer less than was
    /// done, and is left to the caller.
    pub(super) async fn busy<T: FromRedisValue>(
        &self,
        function: &str,
        arguments: impl Fn(Call) -> Call,
    ) -> Result<T, StoreError> {
        for _ in 0..TRIES {
            let mark = Call::write("mailbox_mark_busy", INDEX).arg(self.account.to_string());
            let marked: String = self.link.call(mark).await?;
            let call = arguments(self.write(function).arg(marked)).once();
            match self.link.try_call(&call).await {
                Err(error) if error.code() == Some("UNKNOWN") => self.open().await?,
                Err(error) if error.code() == Some("UNMARKED") => {}
                called => return called.map_err(|error| failure::translated(&error)),
            }
        }
        let reason = "the steps took longer than the account stays marked";
        Err(StoreError::Unavailable(reason.to_owned()))
    }

    /// What the account's mailboxes hold.
    pub(super) async fn usage(&self) -> Result<Usage, StoreError> {
        let call = Call::read("mailbox_usage", &self.key);
        let (octets, messages): (Option<u64>, Option<u64>) = self.link.call(call).await?;
        Ok(Usage {
            octets: octets.unwrap_or(0),
            messages: messages.unwrap_or(0),
        })
    }

    /// Enters the account among all, and makes its standard mailboxes.
    async fn open(&self) -> Result<(), StoreError> {
        let register = Call::write("mailbox_register", INDEX).arg(self.account.to_string());
        self.link.call::<u64>(register).await?;
        let mut open = self.write("mailbox_open").arg(self.link.now());
        for (name, role) in STANDARD {
            open = open.arg(name).arg(role_text(Some(role)));
        }
        self.link.call::<String>(open).await.map(drop)
    }

    /// States with the flags that their octets stand for.
    pub(super) async fn flagged(&self, states: States) -> Result<Vec<EntryState>, StoreError> {
        let numbers = states.keyword_sets();
        let sets: Vec<String> = if numbers.is_empty() {
            Vec::new()
        } else {
            let call = Call::read("mailbox_keyword_sets", &self.key);
            self.link.call(call.arg(&numbers)).await?
        };
        states
            .flagged(&numbers, &sets)
            .ok_or_else(|| self.corrupt("a set of keywords"))
    }

    pub(super) fn name(&self, text: String) -> Result<MailboxName, StoreError> {
        text.try_into()
            .map_err(|error| failure::corrupt(&self.key, error))
    }

    pub(super) fn corrupt(&self, what: &str) -> StoreError {
        failure::corrupt(&self.key, format_args!("{what} cannot be read"))
    }
}

/// A quota as the functions take it.
pub(in super::super) fn limits(quota: Quota) -> (String, String) {
    let text = |most: Option<u64>| most.map_or(String::new(), |most| most.to_string());
    (text(quota.octets), text(quota.messages))
}

/// A role as it stands in a record.
pub(super) fn role_text(role: Option<Role>) -> &'static str {
    match role {
        None => "",
        Some(Role::Inbox) => "inbox",
        Some(Role::Sent) => "sent",
        Some(Role::Drafts) => "drafts",
        Some(Role::Junk) => "junk",
        Some(Role::Trash) => "trash",
        Some(Role::Archive) => "archive",
    }
}

/// What a record says of the role; `None` if that is none we know.
pub(super) fn role_from(text: &str) -> Option<Option<Role>> {
    match text {
        "" => Some(None),
        text => STANDARD
            .iter()
            .map(|(_, role)| Some(*role))
            .find(|role| role_text(*role) == text),
    }
}

impl FromRedisValue for States {
    /// As [`mailbox_store_flags`](../functions/mailbox/change.lua) answers.
    fn from_redis_value(value: redis::Value) -> Result<Self, redis::ParsingError> {
        let rows = Vec::<(u32, u64, u8, u16)>::from_redis_value(value)?;
        let states = rows
            .into_iter()
            .map(|(uid, modseq, bits, keywords)| RawState {
                uid,
                modseq,
                bits,
                keywords,
            });
        Ok(states.collect())
    }
}

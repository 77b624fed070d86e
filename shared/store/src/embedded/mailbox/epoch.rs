//! The store's epoch on the embedded engine.
//!
//! One process has the files, so nobody remembers what an older copy of them has
//! forgotten. What the store can tell is when nobody used it: it notes once a
//! minute that somebody does, and what it finds at its first use is kept as the
//! last absence.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use message::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::EmbeddedStore;
use super::super::engine::{Durability, Read, Step, from_json};
use super::super::key::{Key, Space};
use super::record::{self, AccountRecord, account_key};
use super::{CHUNK, account_in, page};
use crate::StoreError;
use crate::mailbox::{ABSENCE, Absence, Cause, Epochs, Standing};

/// How often it is noted that the store is in use.
const INTERVAL: Duration = Duration::from_secs(60);

/// Beyond this many no number is given that an older copy may have given.
const JUMP: u32 = 1_000_000;

/// Accounts whose numbers jump in one step; each has some mailboxes.
const ACCOUNTS: usize = CHUNK / 10;

/// Whether this process has used the store.
#[derive(Debug, Default)]
pub(in super::super) struct Watch {
    used: AtomicBool,
}

/// What is kept of it.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct EpochRecord {
    #[serde(flatten)]
    standing: Standing,
    /// When the store was last in use.
    #[serde(default)]
    used: Option<Timestamp>,
}

impl EpochRecord {
    fn read(read: &impl Read) -> Result<Self, StoreError> {
        let record = read.get_json(&Key::new(Space::Epoch))?;
        Ok(record.unwrap_or_default())
    }

    fn put(&self, step: &mut Step<'_>) -> Result<(), StoreError> {
        step.put_json(Key::new(Space::Epoch), self)
    }

    /// The store is in use at `now`, by this process for the first time or not.
    fn note(&mut self, now: Timestamp, first: bool) {
        let from = self.used;
        if first && from.is_none_or(|from| from + ABSENCE < now) {
            self.standing.absence = Some(Absence { from, until: now });
        }
        self.used = from.max(Some(now));
    }

    fn is_noted(&self, now: Timestamp) -> bool {
        self.used.is_some_and(|used| used + INTERVAL > now)
    }
}

#[async_trait]
impl Epochs for EmbeddedStore {
    async fn standing(&self) -> Result<Standing, StoreError> {
        let now = self.clock.now();
        let first = !self.watch.used.load(Ordering::Relaxed);
        let record = self.engine.read(|read| EpochRecord::read(read))?;
        if record.is_noted(now) && !first {
            return Ok(record.standing);
        }
        let note = move |step: &mut Step<'_>| {
            let mut record = EpochRecord::read(step)?;
            record.note(now, first);
            record.put(step)?;
            Ok(record.standing)
        };
        let standing = self.engine.write(Durability::Relaxed, note).await?;
        self.watch.used.store(true, Ordering::Relaxed);
        Ok(standing)
    }

    async fn raise_epoch(&self, cause: Cause) -> Result<Standing, StoreError> {
        let epoch = self.standing().await?.epoch + 1;
        // Who is broken off in between raises it again.
        self.jump_to(epoch).await?;
        let raise = move |step: &mut Step<'_>| {
            let mut record = EpochRecord::read(step)?;
            record.standing.raise(cause);
            record.put(step)?;
            Ok(record.standing)
        };
        self.engine.write(Durability::Durable, raise).await
    }

    async fn confirm_epoch(&self, epoch: u64) -> Result<Standing, StoreError> {
        let confirm = move |step: &mut Step<'_>| {
            let mut record = EpochRecord::read(step)?;
            record.standing.confirm(epoch);
            record.put(step)?;
            Ok(record.standing)
        };
        self.engine.write(Durability::Durable, confirm).await
    }
}

impl EmbeddedStore {
    /// Lets the numbers of all accounts jump that have not for this epoch.
    async fn jump_to(&self, epoch: u64) -> Result<(), StoreError> {
        let mut after: Option<AccountId> = None;
        loop {
            let (prefix, above) = (Key::new(Space::MailboxAccount), after.map(account_key));
            let accounts = self.engine.read(|read| {
                page(read, &prefix, above.as_ref(), ACCOUNTS, |key, value| {
                    let record: AccountRecord = from_json(key, value)?;
                    Ok((account_in(key)?, record.epoch < epoch))
                })
            })?;
            let behind: Vec<_> = accounts.iter().filter(|(_, behind)| *behind).collect();
            let behind: Vec<AccountId> = behind.into_iter().map(|(account, _)| *account).collect();
            let jump = move |step: &mut Step<'_>| {
                let mut accounts = behind.iter();
                accounts.try_for_each(|account| jump(step, *account, epoch))
            };
            self.engine.write(Durability::Durable, jump).await?;
            match accounts.last() {
                Some((last, _)) if accounts.len() == ACCOUNTS => after = Some(*last),
                Some(_) | None => return Ok(()),
            }
        }
    }
}

fn jump(step: &mut Step<'_>, account: AccountId, epoch: u64) -> Result<(), StoreError> {
    let Some(mut owner) = AccountRecord::find(step, account)? else {
        return Ok(());
    };
    owner.modseq += u64::from(JUMP);
    owner.epoch = epoch;
    for mut mailbox in record::all(step, account)? {
        mailbox.uid_next = mailbox.uid_next.saturating_add(JUMP);
        mailbox.highest_modseq = owner.next_modseq();
        mailbox.put(step, account)?;
    }
    step.put_json(account_key(account), &owner)
}

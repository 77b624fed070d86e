//! Putting a message into a mailbox.

use message::{AccountId, Timestamp};

use super::super::engine::{Read, Step};
use super::record::{AccountRecord, MailboxRecord, account_key, entry_key, mailbox_key};
use super::{delivered_key, shown};
use crate::StoreError;
use crate::mailbox::{Appended, MailboxChanged, MailboxEntry, MailboxName, NewEntry};

/// Where to, within which bounds, and when.
pub(super) struct Place {
    pub(super) account: AccountId,
    pub(super) mailbox: MailboxName,
    pub(super) quota: Option<u64>,
    pub(super) now: Timestamp,
}

/// The delivery record is asked first: a repeated delivery is one, whatever
/// became of quota, mailbox or account since.
pub(super) fn append(
    step: &mut Step<'_>,
    to: &Place,
    new: NewEntry,
    changed: &mut Vec<MailboxChanged>,
) -> Result<Appended, StoreError> {
    if new.prefix.len() > NewEntry::MAX_PREFIX {
        let misuse = format!("a prefix of {} octets", new.prefix.len());
        return Err(StoreError::Misused(misuse));
    }
    let delivered = new
        .delivery
        .map(|message| delivered_key(to.account, message));
    if let Some(key) = &delivered
        && step.exists(key)?
    {
        return Ok(Appended::AlreadyDelivered);
    }
    let Some(mut account) = AccountRecord::open(step, to.account, to.now)? else {
        return Ok(Appended::NoSuchMailbox);
    };
    let Some(mut mailbox) = MailboxRecord::find(step, to.account, &to.mailbox)? else {
        return Ok(Appended::NoSuchMailbox);
    };
    let octets = account.usage.octets.saturating_add(new.size);
    if to.quota.is_some_and(|quota| octets > quota) {
        return Ok(Appended::OverQuota);
    }
    let entry = numbered(new, mailbox.next_uid()?, account.next_modseq());
    mailbox.gain(&mut account.usage, &entry);
    shown::gain(step, to.account, &entry.content)?;
    if let Some(key) = delivered {
        step.put(key, Vec::new());
    }
    step.put_json(entry_key(to.account, mailbox.number, entry.uid), &entry)?;
    step.put_json(mailbox_key(to.account, &to.mailbox), &mailbox)?;
    step.put_json(account_key(to.account), &account)?;
    changed.push(MailboxChanged {
        account: to.account,
        mailbox: to.mailbox.clone(),
        modseq: entry.modseq,
    });
    Ok(Appended::Stored {
        uid: entry.uid,
        uid_validity: mailbox.uid_validity,
    })
}

fn numbered(new: NewEntry, uid: u32, modseq: u64) -> MailboxEntry {
    let NewEntry {
        delivery,
        content,
        prefix,
        size,
        internal_date,
        mut flags,
    } = new;
    flags.sort_unstable();
    flags.dedup();
    MailboxEntry {
        uid,
        modseq,
        delivery,
        content,
        prefix,
        size,
        internal_date,
        flags,
    }
}

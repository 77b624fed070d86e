//! Putting messages into a mailbox.

use message::{AccountId, Timestamp};

use super::super::engine::{Read, Step};
use super::across::delivered_key;
use super::desk::Desk;
use super::record::MailboxRecord;
use super::row::Fixed;
use crate::StoreError;
use crate::mailbox::{
    AllAppended, Appended, Flag, MAX_TOGETHER, MailboxChanged, MailboxName, NewEntry, Quota, Usage,
    sorted,
};

/// Where to, within which bounds, and when.
pub(super) struct Place {
    pub(super) account: AccountId,
    pub(super) mailbox: MailboxName,
    pub(super) quota: Quota,
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
    let delivered = new
        .delivery
        .map(|message| delivered_key(to.account, message));
    if let Some(key) = &delivered
        && step.exists(key)?
    {
        return Ok(Appended::AlreadyDelivered);
    }
    Ok(match file(step, to, vec![new], changed)? {
        AllAppended::Stored { uids, uid_validity } => {
            if let Some(key) = delivered {
                step.put(key, Vec::new());
            }
            Appended::Stored {
                uid: uids.first().copied().unwrap_or_default(),
                uid_validity,
            }
        }
        AllAppended::OverQuota => Appended::OverQuota,
        AllAppended::NoSuchMailbox => Appended::NoSuchMailbox,
    })
}

/// All of them or none.
pub(super) fn append_all(
    step: &mut Step<'_>,
    to: &Place,
    new: Vec<NewEntry>,
    changed: &mut Vec<MailboxChanged>,
) -> Result<AllAppended, StoreError> {
    if new.len() > MAX_TOGETHER || new.iter().any(|entry| entry.delivery.is_some()) {
        let misuse = format!("{} entries at once, or a delivery among them", new.len());
        return Err(StoreError::Misused(misuse));
    }
    file(step, to, new, changed)
}

fn file(
    step: &mut Step<'_>,
    to: &Place,
    new: Vec<NewEntry>,
    changed: &mut Vec<MailboxChanged>,
) -> Result<AllAppended, StoreError> {
    let rows = new.into_iter().map(|entry| checked(entry, to.now));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let Some(mut desk) = Desk::open(step, to.account, to.now)? else {
        return Ok(AllAppended::NoSuchMailbox);
    };
    let named = MailboxRecord::named(desk.step, to.account, &to.mailbox)?;
    let Some(mut mailbox) = named else {
        return Ok(AllAppended::NoSuchMailbox);
    };
    if !to
        .quota
        .allows(desk.owner.usage, sum(rows.iter().map(|(row, _)| row)))
    {
        return Ok(AllAppended::OverQuota);
    }
    let mut uids = Vec::with_capacity(rows.len());
    for (fixed, flags) in &rows {
        uids.push(desk.file(&mut mailbox, fixed, flags)?);
    }
    desk.put(&mailbox)?;
    if !uids.is_empty() {
        changed.push(desk.changed(mailbox.id));
    }
    desk.close()?;
    Ok(AllAppended::Stored {
        uids,
        uid_validity: mailbox.uid_validity,
    })
}

/// What entries take of a quota together.
pub(super) fn sum<'f>(rows: impl Iterator<Item = &'f Fixed>) -> Usage {
    rows.fold(Usage::default(), |sum, row| Usage {
        octets: sum.octets.saturating_add(row.size),
        messages: sum.messages + 1,
    })
}

fn checked(new: NewEntry, now: Timestamp) -> Result<(Fixed, Vec<Flag>), StoreError> {
    let NewEntry {
        delivery,
        content,
        prefix,
        size,
        internal_date,
        flags,
    } = new;
    if prefix.len() > NewEntry::MAX_PREFIX {
        let misuse = format!("a prefix of {} octets", prefix.len());
        return Err(StoreError::Misused(misuse));
    }
    let flags = sorted(flags).ok_or_else(|| StoreError::Misused("too many keywords".into()))?;
    let fixed = Fixed {
        delivery,
        content,
        prefix,
        size,
        internal_date,
        saved: now,
    };
    Ok((fixed, flags))
}

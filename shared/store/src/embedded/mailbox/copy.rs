//! Copying and moving entries.

use message::{AccountId, Timestamp};

use super::super::EmbeddedStore;
use super::super::engine::Step;
use super::append::sum;
use super::ascending;
use super::desk::Desk;
use super::row::Fixed;
use crate::StoreError;
use crate::mailbox::{
    Copied, EntryState, MAX_COPIED, MAX_TOGETHER, MailboxChanged, MailboxId, Quota,
};

/// Which entries, and where to.
pub(super) struct Trip {
    pub(super) account: AccountId,
    pub(super) from: MailboxId,
    /// Ascending, each once.
    pub(super) uids: Vec<u32>,
    pub(super) to: MailboxId,
    pub(super) kind: Kind,
    pub(super) now: Timestamp,
}

pub(super) enum Kind {
    Copy(Quota),
    Move,
}

impl EmbeddedStore {
    pub(super) fn trip(
        &self,
        account: AccountId,
        from: MailboxId,
        uids: &[u32],
        to: MailboxId,
        kind: Kind,
    ) -> Trip {
        Trip {
            account,
            from,
            uids: ascending(uids),
            to,
            kind,
            now: self.clock.now(),
        }
    }
}

impl Kind {
    /// The most entries of one step.
    fn most(&self) -> usize {
        match self {
            Self::Copy(_) => MAX_COPIED,
            Self::Move => MAX_TOGETHER,
        }
    }
}

pub(super) fn copy(
    step: &mut Step<'_>,
    trip: &Trip,
    changed: &mut Vec<MailboxChanged>,
) -> Result<Copied, StoreError> {
    if trip.uids.len() > trip.kind.most() {
        let misuse = format!("{} entries at once", trip.uids.len());
        return Err(StoreError::Misused(misuse));
    }
    let Some(mut desk) = Desk::open(step, trip.account, trip.now)? else {
        return Ok(Copied::NoSuchMailbox);
    };
    let Some(mut target) = desk.mailbox(trip.to)? else {
        return Ok(Copied::NoSuchMailbox);
    };
    let uid_validity = target.uid_validity;
    let found = find(&mut desk, trip)?;
    if found.is_empty() {
        let pairs = Vec::new();
        return Ok(Copied::Copied {
            uid_validity,
            pairs,
        });
    }
    if let Kind::Copy(quota) = &trip.kind
        && !quota.allows(desk.owner.usage, sum(found.iter().map(|(row, _)| row)))
    {
        return Ok(Copied::OverQuota);
    }
    let mut pairs = Vec::with_capacity(found.len());
    for (fixed, state) in &found {
        let uid = desk.file(&mut target, fixed, &state.flags)?;
        pairs.push((state.uid, uid));
    }
    desk.put(&target)?;
    changed.push(desk.changed(trip.to));
    if matches!(trip.kind, Kind::Move) {
        take_away(&mut desk, trip.from, &found)?;
        changed.push(desk.changed(trip.from));
    }
    desk.close()?;
    Ok(Copied::Copied {
        uid_validity,
        pairs,
    })
}

fn find(desk: &mut Desk<'_, '_>, trip: &Trip) -> Result<Vec<(Fixed, EntryState)>, StoreError> {
    let mut found = Vec::new();
    if let Some(source) = desk.mailbox(trip.from)? {
        for &uid in &trip.uids {
            if let Some((fixed, state)) = desk.entry(&source, uid)? {
                let saved = trip.now;
                found.push((Fixed { saved, ..fixed }, state));
            }
        }
    }
    Ok(found)
}

/// The source is read anew: it may be the target.
fn take_away(
    desk: &mut Desk<'_, '_>,
    from: MailboxId,
    found: &[(Fixed, EntryState)],
) -> Result<(), StoreError> {
    let Some(mut source) = desk.mailbox(from)? else {
        return Ok(());
    };
    for (fixed, state) in found {
        desk.take(&mut source, fixed, state)?;
    }
    let gone: Vec<_> = found.iter().map(|(_, state)| state.uid).collect();
    desk.log(&mut source, &gone)?;
    desk.put(&source)
}

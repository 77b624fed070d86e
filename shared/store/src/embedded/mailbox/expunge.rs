//! Removing entries for good.

use message::{AccountId, Timestamp};

use super::super::engine::Step;
use super::desk::Desk;
use crate::StoreError;
use crate::mailbox::{Expunge, Flag, MailboxChanged, MailboxId};

/// Which entries are removed.
pub(super) struct Removal {
    pub(super) account: AccountId,
    pub(super) mailbox: MailboxId,
    pub(super) uids: Vec<u32>,
    pub(super) which: Expunge,
    pub(super) now: Timestamp,
}

/// Removes one chunk; says which of its UIDs it removed.
pub(super) fn expunge(
    step: &mut Step<'_>,
    removal: &Removal,
    changed: &mut Vec<MailboxChanged>,
) -> Result<Vec<u32>, StoreError> {
    let Some(mut desk) = Desk::open(step, removal.account, removal.now)? else {
        return Ok(Vec::new());
    };
    let Some(mut mailbox) = desk.mailbox(removal.mailbox)? else {
        return Ok(Vec::new());
    };
    let mut gone = Vec::new();
    for &uid in &removal.uids {
        let Some((fixed, state)) = desk.entry(&mailbox, uid)? else {
            continue;
        };
        let chosen = match removal.which {
            Expunge::All => true,
            Expunge::Deleted => state.flags.contains(&Flag::Deleted),
        };
        if chosen {
            desk.take(&mut mailbox, &fixed, &state)?;
            gone.push(uid);
        }
    }
    if !gone.is_empty() {
        desk.log(&mut mailbox, &gone)?;
        desk.put(&mailbox)?;
        changed.push(desk.changed(mailbox.id));
        desk.close()?;
    }
    Ok(gone)
}

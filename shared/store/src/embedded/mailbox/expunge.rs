//! Removing entries for good.

use message::{AccountId, Timestamp};

use super::super::EmbeddedStore;
use super::super::engine::Step;
use super::desk::Desk;
use super::{CHUNK, ascending};
use crate::StoreError;
use crate::mailbox::{Expunge, Flag, MailboxChanged, MailboxId};

/// Which entries are removed.
#[derive(Clone, Copy)]
pub(super) struct Removal {
    pub(super) account: AccountId,
    pub(super) mailbox: MailboxId,
    pub(super) which: Expunge,
    pub(super) now: Timestamp,
}

impl EmbeddedStore {
    /// Removes entries, chunk by chunk; says which of the UIDs it removed.
    pub(super) async fn remove(
        &self,
        removal: Removal,
        uids: &[u32],
    ) -> Result<Vec<u32>, StoreError> {
        let mut gone = Vec::new();
        for chunk in ascending(uids).chunks(CHUNK) {
            let chunk = chunk.to_vec();
            let removed = self
                .change(move |step, changed| expunge(step, removal, &chunk, changed))
                .await?;
            gone.extend(removed);
        }
        Ok(gone)
    }
}

/// Removes one chunk; says which of its UIDs it removed.
fn expunge(
    step: &mut Step<'_>,
    removal: Removal,
    uids: &[u32],
    changed: &mut Vec<MailboxChanged>,
) -> Result<Vec<u32>, StoreError> {
    let Some(mut desk) = Desk::open(step, removal.account, removal.now)? else {
        return Ok(Vec::new());
    };
    let Some(mut mailbox) = desk.mailbox(removal.mailbox)? else {
        return Ok(Vec::new());
    };
    let mut gone = Vec::new();
    for &uid in uids {
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

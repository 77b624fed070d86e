//! Changing flags.

use message::{AccountId, Timestamp};

use super::super::EmbeddedStore;
use super::super::engine::Step;
use super::desk::Desk;
use super::{CHUNK, ascending};
use crate::StoreError;
use crate::mailbox::{EntryState, FlagChange, FlagsStored, MailboxChanged, MailboxId};

/// Which flags entries get.
#[derive(Clone)]
pub(super) struct Marking {
    pub(super) account: AccountId,
    pub(super) mailbox: MailboxId,
    pub(super) change: FlagChange,
    pub(super) unchanged_since: Option<u64>,
    pub(super) now: Timestamp,
}

impl EmbeddedStore {
    /// Changes the flags of entries, chunk by chunk.
    pub(super) async fn mark(
        &self,
        marking: Marking,
        uids: &[u32],
    ) -> Result<FlagsStored, StoreError> {
        let mut all = FlagsStored::default();
        for chunk in ascending(uids).chunks(CHUNK) {
            let (marking, chunk) = (marking.clone(), chunk.to_vec());
            let done = self
                .change(move |step, changed| store(step, &marking, &chunk, changed))
                .await?;
            all.stored.extend(done.stored);
            all.modified.extend(done.modified);
            all.too_many.extend(done.too_many);
        }
        Ok(all)
    }
}

/// Changes the flags of one chunk.
fn store(
    step: &mut Step<'_>,
    marking: &Marking,
    uids: &[u32],
    changed: &mut Vec<MailboxChanged>,
) -> Result<FlagsStored, StoreError> {
    let mut done = FlagsStored::default();
    let Some(mut desk) = Desk::open(step, marking.account, marking.now)? else {
        return Ok(done);
    };
    let Some(mut mailbox) = desk.mailbox(marking.mailbox)? else {
        return Ok(done);
    };
    let before = mailbox.highest_modseq;
    for &uid in uids {
        let Some(state) = desk.state(&mailbox, uid)? else {
            continue;
        };
        if marking
            .unchanged_since
            .is_some_and(|since| state.modseq > since)
        {
            done.modified.push(uid);
            continue;
        }
        let Some(flags) = marking.change.applied_to(&state.flags) else {
            done.too_many.push(uid);
            continue;
        };
        done.stored.push(if *flags == *state.flags {
            state
        } else {
            let modseq = desk.reflag(&mut mailbox, &state, &flags);
            let flags = flags.into();
            EntryState { uid, modseq, flags }
        });
    }
    if mailbox.highest_modseq != before {
        desk.put(&mailbox)?;
        changed.push(desk.changed(mailbox.id));
        desk.close()?;
    }
    Ok(done)
}

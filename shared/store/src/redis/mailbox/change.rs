//! What becomes of entries: they are appended, marked, copied, moved and expunged.
//!
//! An append, a copy and a move are one step each; what may be many is done in
//! steps of [`CHUNK`].

use super::super::connection::Call;
use super::account::{Owner, limits};
use super::entry::EntryArguments;
use super::reply::{AppendReply, CopyReply};
use super::state::{self, States};
use super::{CHUNK, ascending};
use crate::StoreError;
use crate::mailbox::{
    AllAppended, Appended, Copied, Expunge, FlagChange, FlagsStored, MAX_COPIED, MAX_TOGETHER,
    MailboxId, MailboxName, NewEntry, Quota,
};

impl Owner<'_> {
    pub(super) async fn append(
        &self,
        mailbox: &MailboxName,
        entry: NewEntry,
        quota: Quota,
    ) -> Result<Appended, StoreError> {
        let delivery = entry.delivery.map(|message| message.bits().to_be_bytes());
        let call = self
            .place("mailbox_append", mailbox, quota)
            .arg(delivery.as_ref().map_or(&[][..], |bits| bits))
            .arg(EntryArguments::of(entry)?);
        // Without a delivery record a repetition would file it twice.
        let call = match delivery {
            Some(_) => call,
            None => call.once(),
        };
        Ok(self.call::<AppendReply>(call).await?.one())
    }

    pub(super) async fn append_all(
        &self,
        mailbox: &MailboxName,
        entries: Vec<NewEntry>,
        quota: Quota,
    ) -> Result<AllAppended, StoreError> {
        if entries.len() > MAX_TOGETHER || entries.iter().any(|entry| entry.delivery.is_some()) {
            let misuse = format!(
                "{} entries at once, or a delivery among them",
                entries.len()
            );
            return Err(StoreError::Misused(misuse));
        }
        let mut call = self.place("mailbox_append_all", mailbox, quota);
        for entry in entries {
            call = call.arg(EntryArguments::of(entry)?);
        }
        self.call::<AppendReply>(call.once()).await?.all()
    }

    pub(super) async fn store_flags(
        &self,
        mailbox: MailboxId,
        uids: &[u32],
        change: &FlagChange,
        unchanged_since: Option<u64>,
    ) -> Result<FlagsStored, StoreError> {
        let (kind, flags) = match change {
            FlagChange::Add(flags) => ("add", flags),
            FlagChange::Remove(flags) => ("remove", flags),
            FlagChange::Replace(flags) => ("replace", flags),
        };
        let (bits, keywords) = state::packed_flags(flags);
        let mut all = FlagsStored::default();
        for chunk in ascending(uids).chunks(CHUNK) {
            let call = self
                .write("mailbox_store_flags")
                .arg(mailbox.number())
                .arg(unchanged_since.map_or(String::new(), |modseq| modseq.to_string()))
                .arg((kind, bits, &keywords))
                .arg(chunk);
            let (stored, modified, too_many): (States, Vec<u32>, Vec<u32>) =
                self.call(call).await?;
            all.stored.extend(self.flagged(stored).await?);
            all.modified.extend(modified);
            all.too_many.extend(too_many);
        }
        Ok(all)
    }

    pub(super) async fn copy(
        &self,
        from: MailboxId,
        uids: &[u32],
        to: MailboxId,
        quota: Quota,
    ) -> Result<Copied, StoreError> {
        let call = self
            .write("mailbox_copy")
            .arg(self.link.now())
            .arg((from.number(), to.number()))
            .arg(limits(quota))
            .arg(ranges(uids, MAX_COPIED)?);
        Ok(self.call::<CopyReply>(call.once()).await?.0)
    }

    pub(super) async fn move_entries(
        &self,
        from: MailboxId,
        uids: &[u32],
        to: MailboxId,
    ) -> Result<Copied, StoreError> {
        let call = self
            .write("mailbox_move")
            .arg(self.link.now())
            .arg((from.number(), to.number()))
            .arg(ranges(uids, MAX_TOGETHER)?);
        Ok(self.call::<CopyReply>(call.once()).await?.0)
    }

    pub(super) async fn expunge(
        &self,
        mailbox: MailboxId,
        uids: &[u32],
        which: Expunge,
    ) -> Result<Vec<u32>, StoreError> {
        let which = match which {
            Expunge::All => "all",
            Expunge::Deleted => "deleted",
        };
        let mut gone: Vec<u32> = Vec::new();
        for chunk in ascending(uids).chunks(CHUNK) {
            let of = |call: Call| call.arg(mailbox.number()).arg(which).arg(chunk);
            gone.extend(self.busy::<Vec<u32>>("mailbox_expunge", of).await?);
        }
        Ok(gone)
    }
}

/// UIDs of what is one step as the functions take them: the first and the last of
/// each run, ascending.
fn ranges(uids: &[u32], most: usize) -> Result<Vec<u32>, StoreError> {
    let uids = ascending(uids);
    if uids.len() > most {
        return Err(StoreError::Misused(format!(
            "{} entries at once",
            uids.len()
        )));
    }
    let runs = uids.chunk_by(|one, next| one.checked_add(1) == Some(*next));
    let ends = runs.filter_map(|run| Some([*run.first()?, *run.last()?]));
    Ok(ends.flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_uids_are_told_by_their_ends() {
        assert!(ranges(&[], 0).unwrap().is_empty());
        assert_eq!(ranges(&[7, 3, 4, 5, 4], 4).unwrap(), [3, 5, 7, 7]);
        assert_eq!(
            ranges(&[u32::MAX, 0], 2).unwrap(),
            [0, 0, u32::MAX, u32::MAX]
        );
        assert!(matches!(ranges(&[1, 2], 1), Err(StoreError::Misused(_))));
    }
}

//! Reading entries, and what became of them: in steps of [`CHUNK`], each of which
//! is seen at one moment.

use super::super::connection::Call;
use super::account::Owner;
use super::entry::{self, Row};
use super::reply::{Blocks, DeltaReply};
use super::state::{self, States};
use super::{CHUNK, ascending};
use crate::StoreError;
use crate::mailbox::{Delta, EntryState, MailboxEntry, MailboxId, Measure, Vanished};

/// The most blocks of states that one step reads.
const BLOCKS: usize = 1024;

/// A page of a mailbox: what stands above `after`, at most `limit`.
#[derive(Clone, Copy)]
pub(super) struct Page {
    pub(super) mailbox: MailboxId,
    pub(super) after: u32,
    pub(super) limit: usize,
}

impl Owner<'_> {
    pub(super) async fn states(&self, page: Page) -> Result<Vec<EntryState>, StoreError> {
        let Page { after, limit, .. } = page;
        let mut found = States::default();
        let mut block = state::block_of(after.saturating_add(1));
        while found.len() < limit && after < u32::MAX {
            let call = Call::read("mailbox_states", &self.key)
                .arg(page.mailbox.number())
                .arg(block)
                .arg((limit / state::PER_BLOCK + 2).min(BLOCKS));
            let (next, blocks): (i64, Blocks) = self.link.call(call).await?;
            found.read(&blocks, |state| state.uid > after);
            match u64::try_from(next) {
                Ok(next) => block = next,
                Err(_no_more) => break,
            }
        }
        found.truncate(limit);
        self.flagged(found).await
    }

    pub(super) async fn measures(&self, page: Page) -> Result<Vec<Measure>, StoreError> {
        let mut measures: Vec<Measure> = Vec::new();
        while measures.len() < page.limit {
            let most = (page.limit - measures.len()).min(CHUNK);
            let call = Call::read("mailbox_measures", &self.key)
                .arg(page.mailbox.number())
                .arg(measures.last().map_or(page.after, |last| last.uid))
                .arg(most);
            let rows: Vec<(u32, Vec<u8>)> = self.link.call(call).await?;
            for (uid, octets) in &rows {
                measures.push(entry::measure(*uid, octets).ok_or_else(|| self.corrupt("entry"))?);
            }
            if rows.len() < most {
                break;
            }
        }
        Ok(measures)
    }

    pub(super) async fn entries(&self, page: Page) -> Result<Vec<MailboxEntry>, StoreError> {
        let mut entries: Vec<MailboxEntry> = Vec::new();
        while entries.len() < page.limit {
            let most = (page.limit - entries.len()).min(CHUNK);
            let call = Call::read("mailbox_entries", &self.key)
                .arg(page.mailbox.number())
                .arg(entries.last().map_or(page.after, |last| last.uid))
                .arg(most);
            let some = self.rows(call).await?;
            let is_last = some.len() < most;
            entries.extend(some);
            if is_last {
                break;
            }
        }
        Ok(entries)
    }

    pub(super) async fn entries_at(
        &self,
        mailbox: MailboxId,
        uids: &[u32],
    ) -> Result<Vec<MailboxEntry>, StoreError> {
        let mut entries = Vec::new();
        for chunk in ascending(uids).chunks(CHUNK) {
            let call = Call::read("mailbox_entries_at", &self.key)
                .arg(mailbox.number())
                .arg(chunk);
            entries.extend(self.rows(call).await?);
        }
        Ok(entries)
    }

    /// What `call` gives: rows with the states that belong to them.
    async fn rows(&self, call: Call) -> Result<Vec<MailboxEntry>, StoreError> {
        let (rows, blocks): (Vec<(u32, Vec<u8>)>, Blocks) = self.link.call(call).await?;
        let mut states = States::default();
        let wanted = |uid| rows.binary_search_by_key(&uid, |(uid, _)| *uid).is_ok();
        states.read(&blocks, |state| wanted(state.uid));
        if states.len() != rows.len() {
            return Err(self.corrupt("an entry without a state"));
        }
        let states = self.flagged(states).await?;
        let both = rows.iter().zip(states);
        both.map(|((_, octets), state)| {
            let row = Row::read(octets).ok_or_else(|| self.corrupt("entry"))?;
            Ok(row.with(state))
        })
        .collect()
    }

    pub(super) async fn delta(
        &self,
        mailbox: MailboxId,
        since: u64,
        limit: usize,
    ) -> Result<Option<Delta>, StoreError> {
        let call = Call::read("mailbox_delta", &self.key)
            .arg(mailbox.number())
            .arg(since.min(state::MAX_MODSEQ));
        let Some(reply) = self.link.call::<Option<DeltaReply>>(call).await? else {
            return Ok(None);
        };
        let DeltaReply(info, vanished, blocks) = reply;
        let info = info.info(self)?;
        let mut changed = States::default();
        changed.read(&blocks, |state| state.modseq > since);
        let more = changed.keep_first_changes(limit.max(1));
        let modseq = changed.last_modseq().filter(|_| more);
        Ok(Some(Delta {
            uid_validity: info.uid_validity,
            uid_next: info.uid_next,
            modseq: modseq.unwrap_or(info.highest_modseq),
            changed: self.flagged(changed).await?,
            vanished: vanished.map_or(Vanished::Unknown, |log| entry::vanished(&log)),
            more,
        }))
    }
}

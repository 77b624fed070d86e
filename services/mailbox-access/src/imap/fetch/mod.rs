//! FETCH (RFC 9051 §6.4.5, RFC 7162, RFC 3516, RFC 8474, RFC 8514).

mod binary;
mod octets;
mod plan;
mod reading;
mod section;

use std::collections::HashMap;
use std::sync::Arc;

use imap::response::{Code, FetchResponse, Suspended};
use imap::{Fetch, FetchItem, Flag, Keyword, Messages, SequenceSet};
use message::AccountId;
use store::mailbox::{EntryState, FlagChange, MailboxEntry, MailboxId};

use super::answer::{Answer, AnswerCode, Broken, Failure};
use super::session::Session;
use crate::mail::{Source, Summary, together};
use plan::Plan;

/// Entries read at a time.
const ENTRIES: usize = 200;

/// States read at a time.
const STATES: usize = 5_000;

/// Flags as they are told.
pub(super) fn flags(stored: &[store::mailbox::Flag]) -> Vec<Flag> {
    use store::mailbox::Flag as Stored;
    let told = stored.iter().filter_map(|flag| match flag {
        Stored::Seen => Some(Flag::Seen),
        Stored::Answered => Some(Flag::Answered),
        Stored::Flagged => Some(Flag::Flagged),
        Stored::Deleted => Some(Flag::Deleted),
        Stored::Draft => Some(Flag::Draft),
        Stored::Keyword(keyword) => Keyword::new(keyword.as_str()).map(Flag::Keyword),
    });
    told.collect()
}

impl Session {
    pub(super) async fn fetch(&mut self, fetch: Fetch) -> Result<Answer, Failure> {
        let changed_since = fetch.modifiers.changed_since;
        self.enabled.condstore |=
            changed_since.is_some() || fetch.items.contains(&FetchItem::Modseq);
        if fetch.modifiers.vanished && !self.enabled.qresync {
            return Err(Answer::bad("ENABLE QRESYNC comes first").into());
        }
        let (account, view) = self.view()?;
        let mailbox = view.mailbox;
        let mut uids = view.resolve(&fetch.messages, fetch.uid)?;
        let plan = Plan::of(&fetch, view.read_only);
        if let Some(since) = changed_since {
            let changed = self.changed_since(account, mailbox, since).await?;
            uids.retain(|uid| changed.binary_search(uid).is_ok());
            if fetch.modifiers.vanished {
                self.tell_vanished(account, mailbox, since, &fetch.messages)
                    .await?;
            }
        }
        let found = match plan.states_only {
            true => self.fetch_states(account, mailbox, &uids, &plan).await?,
            false => self.fetch_entries(account, mailbox, &uids, &plan).await?,
        };
        // Others expunged some, and the client has yet to hear of it.
        match found < uids.len() && !fetch.uid {
            true => {
                let code = AnswerCode::Plain(Code::ExpungeIssued);
                Ok(Answer::ok("Some messages are gone").with(code))
            }
            false => Ok(Answer::ok("That is all")),
        }
    }

    /// The UIDs of messages that changed, rising.
    async fn changed_since(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        since: u64,
    ) -> Result<Vec<u32>, Failure> {
        let mut since = since;
        let mut uids = Vec::new();
        loop {
            let mailboxes = &self.service.mailboxes;
            let delta = mailboxes.delta(account, mailbox, since, STATES).await?;
            let Some(delta) = delta else { break };
            uids.extend(delta.changed.iter().map(|state| state.uid));
            if !delta.more {
                break;
            }
            since = delta.modseq;
        }
        uids.sort_unstable();
        uids.dedup();
        Ok(uids)
    }

    /// VANISHED (EARLIER) (RFC 7162 §3.2.6).
    async fn tell_vanished(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        since: u64,
        messages: &Messages,
    ) -> Result<(), Failure> {
        let wanted = match messages {
            Messages::Set(set) => set.clone(),
            Messages::Saved => return Ok(()),
        };
        self.tell_gone_since(account, mailbox, since, &wanted).await
    }

    /// Answers out of what changes only; says how many messages were there.
    async fn fetch_states(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &[u32],
        plan: &Plan,
    ) -> Result<usize, Failure> {
        let (Some(first), Some(last)) = (uids.first(), uids.last()) else {
            return Ok(0);
        };
        let (mut after, mut found) = (first - 1, 0);
        while after < *last {
            let mailboxes = &self.service.mailboxes;
            let limit = STATES.min((last - after) as usize);
            let page = mailboxes.states(account, mailbox, after, limit).await?;
            let Some(end) = page.last() else { break };
            after = end.uid;
            for state in &page {
                if uids.binary_search(&state.uid).is_ok() {
                    found += 1;
                    self.tell_state(state, plan);
                    self.flush_if_full().await?;
                }
            }
        }
        Ok(found)
    }

    fn tell_state(&mut self, state: &EntryState, plan: &Plan) {
        let Ok((_, view)) = self.view() else { return };
        let Some(number) = view.number(state.uid) else {
            return;
        };
        let mut fetch = FetchResponse::begin(&mut self.out, number);
        if plan.uid {
            fetch.uid(state.uid);
        }
        for item in &plan.items {
            match item {
                FetchItem::Flags => fetch.flags(&flags(&state.flags)),
                FetchItem::Modseq => fetch.modseq(state.modseq),
                // Uid was told; no other is in such a plan.
                _ => {}
            }
        }
        fetch.end();
    }

    async fn fetch_entries(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &[u32],
        plan: &Plan,
    ) -> Result<usize, Failure> {
        let mut found = 0;
        for some in uids.chunks(ENTRIES) {
            let mut entries = self.entries_of(account, mailbox, some).await?;
            found += entries.len();
            let seen = match plan.marks_seen {
                true => self.mark_seen(account, mailbox, &mut entries).await?,
                false => HashMap::new(),
            };
            let mut kept = self.summaries_for(plan, &entries).await.into_iter();
            let mut entries = entries.as_slice();
            while !entries.is_empty() {
                let (some, rest) = entries.split_at(together(entries.iter()));
                let kept: Vec<_> = kept.by_ref().take(some.len()).collect();
                let sources = self.sources_for(plan, some, &kept).await;
                for ((entry, summary), source) in some.iter().zip(kept).zip(sources) {
                    let told = seen.contains_key(&entry.uid);
                    self.fetch_entry(entry, summary, source, plan, told).await?;
                    self.flush_if_full().await?;
                }
                entries = rest;
            }
        }
        Ok(found)
    }

    /// Marks entries as read; says which were not, and what they became.
    async fn mark_seen(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        entries: &mut [MailboxEntry],
    ) -> Result<HashMap<u32, EntryState>, Failure> {
        use store::mailbox::Flag as Stored;
        let unseen = entries.iter();
        let unseen = unseen.filter(|entry| !entry.flags.contains(&Stored::Seen));
        let unseen: Vec<u32> = unseen.map(|entry| entry.uid).collect();
        if unseen.is_empty() {
            return Ok(HashMap::new());
        }
        let seen = FlagChange::Add(vec![Stored::Seen]);
        let mailboxes = &self.service.mailboxes;
        let stored = mailboxes.store_flags(account, mailbox, &unseen, &seen, None);
        let stored = stored.await?.stored.into_iter();
        let stored: HashMap<u32, EntryState> = stored.map(|state| (state.uid, state)).collect();
        let (_, view) = self.view()?;
        for entry in entries {
            if let Some(state) = stored.get(&entry.uid) {
                entry.flags = state.flags.to_vec();
                entry.modseq = state.modseq;
                view.own.insert(state.uid, state.modseq);
            }
        }
        Ok(stored)
    }

    async fn fetch_entry(
        &mut self,
        entry: &MailboxEntry,
        summary: Option<Arc<Summary>>,
        mut source: Option<Source>,
        plan: &Plan,
        newly_seen: bool,
    ) -> Result<(), Failure> {
        let (_, view) = self.view()?;
        let Some(number) = view.number(entry.uid) else {
            return Ok(());
        };
        let condstore = self.enabled.condstore;
        let mut fetch = FetchResponse::begin(&mut self.out, number);
        if plan.uid {
            fetch.uid(entry.uid);
        }
        if newly_seen {
            if !plan.items.contains(&FetchItem::Flags) {
                fetch.flags(&flags(&entry.flags));
            }
            if condstore && !plan.items.contains(&FetchItem::Modseq) {
                fetch.modseq(entry.modseq);
            }
        }
        let mut later = Vec::new();
        for item in &plan.items {
            if !tell_plain(&mut fetch, item, entry, summary.as_deref()) {
                later.push(item);
            }
        }
        let mut suspended = fetch.suspend();
        for item in later {
            let summary = summary.as_deref();
            suspended = self
                .tell_octets(item, source.as_mut(), summary, suspended)
                .await?;
        }
        FetchResponse::resume(&mut self.out, suspended).end();
        Ok(())
    }

    async fn tell_octets(
        &mut self,
        item: &FetchItem,
        source: Option<&mut Source>,
        summary: Option<&Summary>,
        suspended: Suspended,
    ) -> Result<Suspended, Broken> {
        match item {
            FetchItem::Binary { part, partial, .. } => {
                self.tell_binary(part, *partial, source, summary, suspended)
                    .await
            }
            FetchItem::BinarySize(part) => {
                self.tell_binary_size(part, source, summary, suspended)
                    .await
            }
            item => self.tell_section(item, source, summary, suspended).await,
        }
    }

    /// VANISHED (EARLIER) of all that is gone since, of `wanted` UIDs.
    async fn tell_gone_since(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        since: u64,
        wanted: &SequenceSet,
    ) -> Result<(), Failure> {
        let mailboxes = &self.service.mailboxes;
        let delta = mailboxes.delta(account, mailbox, since, 1).await?;
        match delta {
            Some(delta) => self.tell_vanished_uids(&delta.vanished, wanted).await,
            None => Ok(()),
        }
    }
}

/// Tells what needs no octets; false of what does.
fn tell_plain(
    fetch: &mut FetchResponse<'_>,
    item: &FetchItem,
    entry: &MailboxEntry,
    summary: Option<&Summary>,
) -> bool {
    const NO_ENVELOPE: &[u8] = b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)";
    const NO_BODY: &[u8] = br#"("text" "plain" NIL NIL NIL "7bit" 0 0)"#;
    match item {
        FetchItem::Uid => {}
        FetchItem::Flags => fetch.flags(&flags(&entry.flags)),
        FetchItem::Modseq => fetch.modseq(entry.modseq),
        FetchItem::InternalDate => fetch.internal_date(entry.internal_date),
        FetchItem::Rfc822Size => fetch.size(entry.size),
        FetchItem::EmailId => fetch.email_id(&entry.email_id()),
        FetchItem::ThreadId => fetch.thread_id(None),
        FetchItem::SaveDate => fetch.save_date(Some(entry.saved)),
        FetchItem::Envelope => fetch.written(
            "ENVELOPE",
            summary.map_or(NO_ENVELOPE, |summary| &summary.envelope),
        ),
        FetchItem::Body => {
            fetch.written("BODY", summary.map_or(NO_BODY, |summary| &summary.body));
        }
        FetchItem::BodyStructure => fetch.written(
            "BODYSTRUCTURE",
            summary.map_or(NO_BODY, |summary| &summary.body_structure),
        ),
        FetchItem::Rfc822
        | FetchItem::Rfc822Header
        | FetchItem::Rfc822Text
        | FetchItem::Section { .. }
        | FetchItem::Binary { .. }
        | FetchItem::BinarySize(_) => return false,
    }
    true
}

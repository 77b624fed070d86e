//! STORE, COPY, MOVE, EXPUNGE (RFC 9051 §6.4).

use imap::command::{Store, StoreMode, Transfer};
use imap::response::{Code, FetchResponse, Response, Status};
use imap::{Messages, response::Condition};
use message::AccountId;
use store::mailbox::{
    Copied, EntryState, Expunge, Flag, FlagChange, FlagsStored, MAX_COPIED, MAX_TOGETHER,
    MailboxId, MailboxInfo,
};

use super::answer::{Answer, AnswerCode, Failure, over_quota, try_create};
use super::fetch::flags;
use super::mailbox::stored_name;
use super::session::Session;

/// States looked at at a time.
const PAGE: usize = 10_000;

/// Flags as they are stored.
pub(super) fn stored_flags(flags: &[imap::Flag]) -> Result<Vec<Flag>, Answer> {
    let stored = flags.iter().map(|flag| {
        Ok(match flag {
            imap::Flag::Seen => Flag::Seen,
            imap::Flag::Answered => Flag::Answered,
            imap::Flag::Flagged => Flag::Flagged,
            imap::Flag::Deleted => Flag::Deleted,
            imap::Flag::Draft => Flag::Draft,
            imap::Flag::Keyword(keyword) => {
                let keyword = keyword.as_str().parse();
                Flag::Keyword(
                    keyword.map_err(|_| Answer::no(Code::Limit, "A keyword may have 64 octets"))?,
                )
            }
        })
    });
    stored.collect()
}

pub(super) fn too_many_keywords() -> Answer {
    Answer::no(Code::Limit, "A message may have 32 keywords")
}

impl Session {
    pub(super) async fn store(&mut self, store: Store) -> Result<Answer, Failure> {
        self.enabled.condstore |= store.unchanged_since.is_some();
        let service = std::sync::Arc::clone(&self.service);
        let (account, view) = self.writable()?;
        let uids = view.resolve(&store.messages, store.uid)?;
        let flags = stored_flags(&store.flags)?;
        let change = match store.mode {
            StoreMode::Replace => FlagChange::Replace(flags),
            StoreMode::Add => FlagChange::Add(flags),
            StoreMode::Remove => FlagChange::Remove(flags),
        };
        let mailbox = view.mailbox;
        let stored = service
            .mailboxes
            .store_flags(account, mailbox, &uids, &change, store.unchanged_since)
            .await?;
        self.tell_stored(&stored.stored, &store).await?;
        self.conclude_store(&store, &uids, stored)
    }

    async fn tell_stored(&mut self, stored: &[EntryState], store: &Store) -> Result<(), Failure> {
        let condstore = self.enabled.condstore;
        for state in stored {
            let (_, view) = self.view()?;
            view.own.insert(state.uid, state.modseq);
            let Some(number) = view.number(state.uid) else {
                continue;
            };
            if store.silent && !condstore {
                continue;
            }
            let mut fetch = FetchResponse::begin(&mut self.out, number);
            if store.uid || condstore {
                fetch.uid(state.uid);
            }
            if !store.silent {
                fetch.flags(&flags(&state.flags));
            }
            if condstore {
                fetch.modseq(state.modseq);
            }
            fetch.end();
            self.flush_if_full().await?;
        }
        Ok(())
    }

    fn conclude_store(
        &mut self,
        store: &Store,
        uids: &[u32],
        stored: FlagsStored,
    ) -> Result<Answer, Failure> {
        let (_, view) = self.view()?;
        let FlagsStored {
            stored,
            modified,
            too_many,
        } = stored;
        if !too_many.is_empty() {
            return Err(too_many_keywords().into());
        }
        let gone = stored.len() + modified.len() < uids.len();
        if !modified.is_empty() {
            let names = modified.iter();
            let names = names.filter_map(|uid| view.name(*uid, store.uid)).collect();
            let answer = Answer::ok("Some messages were changed by others");
            return Ok(answer.with(AnswerCode::Modified(names)));
        }
        match gone && !store.uid {
            true => Err(Answer::no(Code::ExpungeIssued, "Some messages are gone").into()),
            false => Ok(Answer::ok("Stored")),
        }
    }

    /// Copies all or none (RFC 9051 §6.4.7).
    pub(super) async fn copy(&mut self, transfer: Transfer) -> Result<Answer, Failure> {
        let to = self.target(&transfer).await?;
        let quota = self.quota().await?;
        let service = std::sync::Arc::clone(&self.service);
        let (account, view) = self.view()?;
        let uids = view.resolve(&transfer.messages, transfer.uid)?;
        if uids.len() > MAX_COPIED {
            return Err(too_many_copies().into());
        }
        let copied = service
            .mailboxes
            .copy(account, view.mailbox, &uids, to.id, quota);
        match copied.await? {
            Copied::Copied { pairs, .. } if pairs.is_empty() => Ok(Answer::ok("Nothing to copy")),
            Copied::Copied {
                uid_validity,
                pairs,
            } => Ok(Answer::ok("Copied").with(copy_uid(uid_validity, &pairs))),
            Copied::OverQuota => Err(over_quota().into()),
            Copied::NoSuchMailbox => Err(try_create().into()),
        }
    }

    /// Each is moved or stays (RFC 6851 §3.3); of very many, some may be moved
    /// already where others cannot be.
    pub(super) async fn move_messages(&mut self, transfer: Transfer) -> Result<Answer, Failure> {
        let to = self.target(&transfer).await?;
        let service = std::sync::Arc::clone(&self.service);
        let (account, view) = self.writable()?;
        let uids = view.resolve(&transfer.messages, transfer.uid)?;
        let mailbox = view.mailbox;
        for some in uids.chunks(MAX_TOGETHER) {
            let moved = service
                .mailboxes
                .move_entries(account, mailbox, some, to.id);
            let (uid_validity, pairs) = match moved.await? {
                Copied::Copied {
                    uid_validity,
                    pairs,
                } => (uid_validity, pairs),
                Copied::OverQuota => return Err(over_quota().into()),
                Copied::NoSuchMailbox => return Err(try_create().into()),
            };
            if pairs.is_empty() {
                continue;
            }
            let (from, copies): (Vec<u32>, Vec<u32>) = pairs.into_iter().unzip();
            let code = Code::CopyUid {
                uid_validity,
                from: &from,
                to: &copies,
            };
            let moved = Status::untagged(Condition::Ok, "Moved").with(code);
            self.say(&Response::Status(moved));
            self.view()?.1.gone.extend(from);
            self.tell_gone();
        }
        Ok(Answer::ok("Moved"))
    }

    async fn target(&mut self, transfer: &Transfer) -> Result<MailboxInfo, Failure> {
        let account = self.view()?.0;
        let name = stored_name(&transfer.mailbox)?;
        let found = self.service.mailboxes.find(account, &name).await?;
        found.ok_or_else(|| try_create().into())
    }

    /// Removes what is `\Deleted`, of `messages` only where some are named.
    pub(super) async fn expunge(&mut self, messages: Option<Messages>) -> Result<Answer, Failure> {
        let (account, view) = self.writable()?;
        let uids = match &messages {
            Some(messages) => view.resolve(messages, true)?,
            None => view.uids.clone(),
        };
        let mailbox = view.mailbox;
        let gone = self.expunge_deleted(account, mailbox, &uids).await?;
        self.view()?.1.gone.extend(gone);
        Ok(Answer::ok("Expunged"))
    }

    /// Removes those of `uids`, which rise, that are `\Deleted`.
    pub(super) async fn expunge_deleted(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &[u32],
    ) -> Result<Vec<u32>, Failure> {
        let deleted = self.deleted(account, mailbox).await?;
        let known = deleted.into_iter();
        let known: Vec<u32> = known
            .filter(|uid| uids.binary_search(uid).is_ok())
            .collect();
        if known.is_empty() {
            return Ok(known);
        }
        let mailboxes = &self.service.mailboxes;
        let expunged = mailboxes.expunge(account, mailbox, &known, Expunge::Deleted);
        Ok(expunged.await?)
    }

    /// The UIDs of what is `\Deleted`.
    pub(super) async fn deleted(
        &self,
        account: AccountId,
        mailbox: MailboxId,
    ) -> Result<Vec<u32>, Failure> {
        let mailboxes = &self.service.mailboxes;
        let mut deleted = Vec::new();
        let info = mailboxes.mailbox(account, mailbox).await?;
        if info.is_none_or(|info| info.deleted == 0) {
            return Ok(deleted);
        }
        let mut after = 0;
        loop {
            let page = mailboxes.states(account, mailbox, after, PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(deleted);
            };
            after = last.uid;
            let states = page
                .iter()
                .filter(|state| state.flags.contains(&Flag::Deleted));
            deleted.extend(states.map(|state| state.uid));
        }
    }
}

fn too_many_copies() -> Answer {
    let text = "These are too many to be copied at once; copy them in parts";
    Answer::no(Code::Limit, text)
}

fn copy_uid(uid_validity: u32, pairs: &[(u32, u32)]) -> AnswerCode {
    let (from, to) = pairs.iter().copied().unzip();
    AnswerCode::CopyUid {
        uid_validity,
        from,
        to,
    }
}

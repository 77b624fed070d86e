//! What others did to the selected mailbox, told when a client may hear of it
//! (RFC 9051 §5.2, §7.5.1).

use imap::command::Command;
use imap::response::{Condition, FetchResponse, Response, Status};
use store::mailbox::{Delta, EntryState, MailboxEvent, Vanished};

use super::answer::Broken;
use super::session::{Session, State};
use super::view::View;
use crate::imap::fetch::flags;

/// Changes read at a time.
const PAGE: usize = 1_000;

/// Whether the client may hear that messages are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expunges {
    /// It may.
    Told,
    /// Not now: it would not know which message a number meant.
    Kept,
}

impl Expunges {
    /// RFC 9051 §7.5.1: not while FETCH, STORE and SEARCH use numbers.
    pub(super) fn during(command: &Command) -> Self {
        let numbers = match command {
            Command::Fetch(fetch) => !fetch.uid,
            Command::Store(store) => !store.uid,
            Command::Search(search) => !search.uid,
            Command::Sort(sort) => !sort.uid,
            Command::Thread(thread) => !thread.uid,
            _ => false,
        };
        match numbers {
            true => Self::Kept,
            false => Self::Told,
        }
    }
}

impl Session {
    /// Tells the news of the selected mailbox, if there are any. A store that
    /// does not answer has none for now.
    pub(super) async fn update(&mut self, expunges: Expunges) -> Result<(), Broken> {
        let State::Selected(_, view) = &mut self.state else {
            return Ok(());
        };
        while let Some(event) = view.changes.try_next() {
            view.dirty |= view.concerns(event);
        }
        if view.dirty {
            self.look().await?;
        }
        if expunges == Expunges::Told {
            self.tell_gone();
        }
        Ok(())
    }

    async fn look(&mut self) -> Result<(), Broken> {
        let State::Selected(account, view) = &mut self.state else {
            return Ok(());
        };
        let account = *account;
        view.dirty = false;
        let first_new = view.uid_next;
        let mut new: Vec<u32> = Vec::new();
        let mut changed: Vec<EntryState> = Vec::new();
        loop {
            let mailboxes = &self.service.mailboxes;
            let delta = mailboxes.delta(account, view.mailbox, view.modseq, PAGE);
            let delta = match delta.await {
                Ok(Some(delta)) => delta,
                Ok(None) => {
                    // The mailbox was deleted: all its messages are gone.
                    view.gone = view.uids.clone();
                    break;
                }
                Err(error) => {
                    error.log("cannot look at a mailbox");
                    view.dirty = true;
                    break;
                }
            };
            if delta.uid_validity != view.uid_validity {
                return Err(Broken::Renumbered);
            }
            let more = delta.more;
            let vanished = view.take_in(delta, first_new, &mut new, &mut changed);
            if vanished == Vanished::Unknown {
                self.compare(account).await;
                let State::Selected(_, now) = &mut self.state else {
                    return Ok(());
                };
                now.dirty = false;
                break;
            }
            if !more {
                break;
            }
        }
        self.tell(new, changed);
        Ok(())
    }

    /// Finds out what is gone by looking at what is there.
    async fn compare(&mut self, account: message::AccountId) {
        let State::Selected(_, view) = &mut self.state else {
            return;
        };
        let mut there = Vec::new();
        let mut after = 0;
        loop {
            let mailboxes = &self.service.mailboxes;
            match mailboxes.states(account, view.mailbox, after, 10_000).await {
                Ok(page) => {
                    let Some(last) = page.last() else { break };
                    after = last.uid;
                    there.extend(page.iter().map(|state| state.uid));
                }
                Err(error) => {
                    error.log("cannot look at a mailbox");
                    view.dirty = true;
                    return;
                }
            }
        }
        let is_gone = |uid: &&u32| there.binary_search(uid).is_err();
        view.gone = view.uids.iter().filter(is_gone).copied().collect();
    }

    fn tell(&mut self, mut new: Vec<u32>, changed: Vec<EntryState>) {
        let State::Selected(_, view) = &mut self.state else {
            return;
        };
        new.sort_unstable();
        new.dedup();
        if !new.is_empty() {
            view.uids.extend_from_slice(&new);
            view.uid_next = view.uid_next.max(new.last().map_or(0, |uid| uid + 1));
            Response::Exists(view.count()).write(&mut self.out);
            if !self.enabled.rev2 {
                Response::Recent(0).write(&mut self.out);
            }
        }
        for state in changed {
            let Some(number) = view.number(state.uid) else {
                continue;
            };
            let mut fetch = FetchResponse::begin(&mut self.out, number);
            fetch.uid(state.uid);
            if self.enabled.condstore {
                fetch.modseq(state.modseq);
            }
            fetch.flags(&flags(&state.flags));
            fetch.end();
        }
        view.own.clear();
    }

    /// Tells which messages are gone, from the last to the first, so that their
    /// numbers are still right.
    pub(super) fn tell_gone(&mut self) {
        let State::Selected(_, view) = &mut self.state else {
            return;
        };
        if view.gone.is_empty() {
            return;
        }
        let mut gone = std::mem::take(&mut view.gone);
        gone.sort_unstable();
        gone.dedup();
        if self.enabled.qresync {
            let vanished = Response::Vanished {
                earlier: false,
                uids: &gone,
            };
            vanished.write(&mut self.out);
        } else {
            let numbers = gone.iter().rev().filter_map(|uid| view.number(*uid));
            for number in numbers {
                Response::Expunge(number).write(&mut self.out);
            }
        }
        view.remove(&gone);
    }

    /// Tells something that is well.
    pub(super) fn inform(&mut self, text: &str) {
        Response::Status(Status::untagged(Condition::Ok, text)).write(&mut self.out);
    }
}

impl View {
    /// Whether an event is about this mailbox.
    pub(super) fn concerns(&self, event: MailboxEvent) -> bool {
        match event {
            MailboxEvent::Changed(changed) => changed.mailbox == self.mailbox,
            MailboxEvent::Missed => true,
        }
    }

    /// Takes a page of changes in, and hands back what it says of those gone.
    fn take_in(
        &mut self,
        delta: Delta,
        first_new: u32,
        new: &mut Vec<u32>,
        changed: &mut Vec<EntryState>,
    ) -> Vanished {
        self.modseq = delta.modseq;
        for state in delta.changed {
            if state.uid >= first_new {
                new.push(state.uid);
            } else if self.own.get(&state.uid) != Some(&state.modseq) {
                changed.push(state);
            }
        }
        if let Vanished::Uids(uids) = &delta.vanished {
            new.retain(|uid| uids.binary_search(uid).is_err());
            let known = uids.iter().filter(|uid| self.number(**uid).is_some());
            self.gone.extend(known.copied().collect::<Vec<_>>());
        }
        delta.vanished
    }
}

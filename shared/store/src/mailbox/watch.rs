//! The change stream of an account: who looks at its mailboxes is told when to
//! look again.
//!
//! An event says that something changed, not what: a receiver asks for the delta
//! since what it knows. So nothing is lost where events are: a receiver that is
//! too slow, or whose engine lost its connection, gets [`MailboxEvent::Missed`]
//! and asks for every mailbox it looks at.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use message::AccountId;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender, channel};

use super::MailboxId;

/// Events that a receiver may fall behind before it is told that it missed some.
const KEPT: usize = 16;

/// That something changed in a mailbox, or that it was made, renamed or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailboxChanged {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub mailbox: MailboxId,
    /// The account's modification sequence after it.
    pub modseq: u64,
}

/// What a change stream tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailboxEvent {
    /// A mailbox changed.
    Changed(MailboxChanged),
    /// Changes may have been missed, of any of the account's mailboxes.
    Missed,
}

/// The changes of one account's mailboxes, from the moment it was asked for.
pub struct MailboxChanges {
    events: Receiver<MailboxEvent>,
    _interest: Interest,
}

impl MailboxChanges {
    /// The next event. Cancelling loses none.
    pub async fn next(&mut self) -> MailboxEvent {
        match self.events.recv().await {
            Ok(event) => event,
            Err(RecvError::Lagged(_)) => MailboxEvent::Missed,
            // The store is gone, and with it whatever could still change.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }

    /// The next event, if there is one already.
    pub fn try_next(&mut self) -> Option<MailboxEvent> {
        use tokio::sync::broadcast::error::TryRecvError;
        match self.events.try_recv() {
            Ok(event) => Some(event),
            Err(TryRecvError::Lagged(_)) => Some(MailboxEvent::Missed),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }
}

/// Who listens to which account, for the adapters of the port. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Watchers(Arc<Mutex<HashMap<AccountId, Sender<MailboxEvent>>>>);

/// Keeps an account's entry for as long as somebody listens.
struct Interest {
    account: AccountId,
    watchers: Watchers,
}

impl Watchers {
    /// Listens to an account's changes from now on.
    pub(crate) fn watch(&self, account: AccountId) -> MailboxChanges {
        let events = {
            let mut senders = self.senders();
            let sender = senders.entry(account).or_insert_with(|| channel(KEPT).0);
            sender.subscribe()
        };
        let watchers = self.clone();
        MailboxChanges {
            events,
            _interest: Interest { account, watchers },
        }
    }

    /// Tells whoever listens to the account.
    pub(crate) fn tell(&self, changed: MailboxChanged) {
        if let Some(sender) = self.senders().get(&changed.account) {
            // Nobody listening any more is no fault.
            let _ = sender.send(MailboxEvent::Changed(changed));
        }
    }

    /// Tells all that they may have missed something.
    pub(crate) fn missed(&self) {
        for sender in self.senders().values() {
            let _ = sender.send(MailboxEvent::Missed);
        }
    }

    fn senders(&self) -> MutexGuard<'_, HashMap<AccountId, Sender<MailboxEvent>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        let mut senders = self.watchers.senders();
        // The receiver that it belongs to was dropped before it.
        let deserted = |sender: &Sender<_>| sender.receiver_count() == 0;
        if senders.get(&self.account).is_some_and(deserted) {
            senders.remove(&self.account);
        }
    }
}
